"""The training loop: one run, from its initial state to its last and its best checkpoint."""

import csv
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TextIO

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from langscale.config.training import Training
from langscale.core.errors import UserError
from langscale.core.files import atomic
from langscale.training.batches import Sampler, language_shares
from langscale.training.resume import Interrupt, State
from langscale.training.step import Data, Step, T

LOG = (
    "step", "source", "kind", "loss", "learning_rate", "gradient_norm", "masked", "query_language_negatives",
    "passage_language_negatives", "validation_loss", "pairs_per_second", "tokens_per_second", "gemm_share",
)  # fmt: skip
EXPOSURE = ("query_language", "passage_language", "examples", "distinct_queries", "distinct_passages")


@dataclass(frozen=True)
class Recipe(Generic[T]):
    """The parts of a run. The same recipe and initial weights end in the same bits on one kind of machine.

    data: one entry per source of the sampler; steps: length of the run and of its schedule; seed: of
    dropout; label: name of the run in messages.
    """

    training: Training
    sampler: Sampler
    data: Sequence[Data[T]]
    steps: int
    seed: int
    label: str = ""

    def __post_init__(self) -> None:
        """Raises UserError for `hard-only` and a source without hard negatives."""
        if self.training.negatives == "hard-only":
            bare = [d.subset.name for d in self.data if not self.hard_negatives(d)]
            if bare:
                raise UserError(
                    f"training.negatives: hard-only needs hard negatives; {', '.join(bare)} has none"
                )

    def hard_negatives(self, data: Data[T]) -> int:
        """Hard negatives per query that a source gives, at most."""
        return min(self.training.hard_negatives, data.subset.negatives.shape[1])


def train(
    recipe: Recipe[T],
    model: Step[T],
    folder: str | Path,
    validate: Callable[[Step[T]], float] | None = None,
    state: State | None = None,
    terminal: TextIO | None = None,
) -> None:
    """Train `model.module` in place and write `log.csv`, `exposure.csv`, `last/` and, with `validate`,
    `best/`.

    The batch and dropout of a step are functions of (seed, step). So a run that goes on from a `state`
    (None: a new run) ends as a run that was never stopped. The caller clears the state. With patience the
    run, and its log, may end early. Raises FloatingPointError where loss or gradient is not finite, and
    SystemExit where the process is asked to stop.
    """
    training, sampler, steps, label = recipe.training, recipe.sampler, recipe.steps, recipe.label
    validation = training.validation if validate else None
    torch.set_num_threads(training.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    folder = Path(folder)
    state = state or State(folder / ".state", "", math.inf)
    module = model.module
    adam = optimiser(module, training)
    done = state.load(module, adam)
    model.memory = done.memory = done.memory or model.memory
    speed = machine_speed(next(module.parameters()).device)
    bar = tqdm(
        total=steps, initial=done.step, desc=label, unit="step", file=terminal, disable=None, leave=False
    )
    with Interrupt() as interrupt, bar:
        while done.step < steps and not (validation and done.patience_is_over(validation)):
            step, start = done.step, time.perf_counter()
            tokens, operations = model.tokens, model.operations
            batch = sampler.batch(step)
            data = recipe.data[batch.source]

            # forward, backward, update
            module.train()
            for group in adam.param_groups:
                group["lr"] = training.learning_rate * learning_rate(step, steps, training.warmup)
            adam.zero_grad(set_to_none=True)
            loss, masked = model.backward(data, batch, (recipe.seed, step))
            norm = nn.utils.clip_grad_norm_(module.parameters(), training.clip)
            if not math.isfinite(loss.item() + norm.item()):
                rows = " ".join(map(str, data.subset.queries[batch.pairs, batch.query_language]))
                raise FloatingPointError(
                    f"{label}: loss {loss.item()} and gradient norm {norm.item()} at step {step}; lower "
                    f"training.learning_rate, or see its batch: rows {rows} of {data.subset.name}'s pairs"
                )
            adam.step()

            # log
            seconds = time.perf_counter() - start
            tokens, operations = model.tokens - tokens, model.operations - operations
            own, passage = language_shares(batch, len(sampler.languages), recipe.hard_negatives(data))
            row: dict[str, Any] = dict.fromkeys(LOG, "") | {
                "step": step,
                "source": data.subset.name,
                "kind": batch.kind,
                "loss": loss.item(),
                "learning_rate": adam.param_groups[0]["lr"],
                "gradient_norm": norm.item(),
                "masked": masked,
                "query_language_negatives": own,
                "passage_language_negatives": passage,
                "pairs_per_second": len(batch.pairs) / seconds,
                "tokens_per_second": tokens / seconds,
                "gemm_share": operations / seconds / speed,
            }
            done.rows.append(row)
            done.step += 1
            bar.update()

            # validate
            if validate and validation and (done.step % validation.every == 0 or done.step == steps):
                row["validation_loss"], former = validate(model), done.best_step
                if done.is_best(row["validation_loss"]):
                    _save(model, state.best(done.step))
                    state.outdone(former)

            # save; the request to stop is read once, so that no signal comes between saving and stopping
            stop = interrupt.asked
            # dropout depends on the chunks: a resumed run must not return to larger ones
            less_memory = model.memory != done.memory
            done.memory = model.memory
            if stop or less_memory or state.due():
                state.save(module, adam, done)
            if stop:
                raise SystemExit(
                    f"{label}: stopped after step {step}, {stop}; the next start goes on from there"
                )
    if state.kept:
        state.save(module, adam, done)  # the process may also be killed after the last step
    _save(model, folder / "last")
    if validate:
        with atomic(folder / "best") as partial:
            shutil.copytree(state.best(done.best_step), partial)
    _table(folder / "log.csv", LOG, done.rows)
    _table(folder / "exposure.csv", EXPOSURE, exposure(sampler, recipe.data, len(done.rows)))


def learning_rate(step: int, steps: int, warmup: float) -> float:
    """Factor of the peak rate at `step`, from 0: linear rise over warmup * steps, then linear fall to 0."""
    rise = max(1, math.ceil(warmup * steps))
    return (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)


def optimiser(module: nn.Module, training: Training) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) on all trained parameters. Biases and norms do not decay."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=training.learning_rate, fused=True)


def machine_speed(device: torch.device, size: int = 512, rounds: int = 8) -> float:
    """Float32 operations per second of a square matrix product on this machine at this time."""
    a = torch.ones(size, size, device=device)
    best = math.inf
    for _ in range(rounds):
        start = time.perf_counter()
        (a @ a).sum().item()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def exposure(sampler: Sampler, data: Sequence[Data[T]], steps: int) -> list[dict[str, Any]]:
    """Examples, distinct queries and distinct passages of each direction in the first `steps` batches.

    A batch is a function of its step, so that this is computed after training. A text counts once per source.
    """
    seen: dict[tuple[str, str], list[np.ndarray]] = {}
    for batch in map(sampler.batch, range(steps)):
        subset = data[batch.source].subset
        rows = np.stack(
            [
                np.full(len(batch.pairs), batch.source),
                subset.queries[batch.pairs, batch.query_language],
                subset.positives[batch.pairs, batch.passage_language],
            ],
            axis=1,
        )
        direction = batch.query_language * len(sampler.languages) + batch.passage_language
        for number in np.unique(direction).tolist():
            q, p = (sampler.languages[i] for i in divmod(number, len(sampler.languages)))
            seen.setdefault((q, p), []).append(rows[direction == number])
    table = {names: np.concatenate(found) for names, found in sorted(seen.items())}
    return [
        {
            "query_language": q,
            "passage_language": p,
            "examples": len(rows),
            "distinct_queries": len(np.unique(rows[:, [0, 1]], axis=0)),
            "distinct_passages": len(np.unique(rows[:, [0, 2]], axis=0)),
        }
        for (q, p), rows in table.items()
    ]


def _table(file: Path, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    with atomic(file) as partial, partial.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        writer.writerows(rows)


def _save(model: Step[T], folder: Path) -> None:
    with atomic(folder) as partial:
        model.save(partial)
