"""The training loop: one run, from its initial state to its last (and best) checkpoint."""

import csv
import math
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

import torch
from tqdm import tqdm

from langscale.config.experiment import Training
from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.core.files import atomic
from langscale.models.encoder import Encoder
from langscale.training.batches import Sampler, language_shares
from langscale.training.resume import Interrupt, State
from langscale.training.step import Data, Step

LOG = (
    "step", "source", "kind", "loss", "learning_rate", "gradient_norm", "masked", "query_language_negatives",
    "passage_language_negatives", "validation_loss", "pairs_per_second", "tokens_per_second", "gemm_share",
)  # fmt: skip
EXPOSURE = ("query_language", "passage_language", "examples", "distinct_queries", "distinct_passages")


def learning_rate(step: int, steps: int, warmup: float) -> float:
    """Factor of the peak rate at `step` (0-based): linear rise over the first warmup * steps, then linear to 0."""
    rise = max(1, math.ceil(warmup * steps))
    return (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)


def optimiser(encoder: Encoder, training: Training) -> torch.optim.AdamW:
    """AdamW; biases, norms and other vectors are not decayed."""
    parameters = list(encoder.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=training.learning_rate, fused=True)


def machine_gemm(device: torch.device, size: int = 512, rounds: int = 8) -> float:
    """Float32 operations per second of a square matrix product here and now: the limit that a step is held against."""
    a = torch.ones(size, size, device=device)
    best = math.inf
    for _ in range(rounds):
        start = time.perf_counter()
        (a @ a).sum().item()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def train(
    encoder: Encoder,
    model: Model,
    training: Training,
    sampler: Sampler,
    data: list[Data],
    steps: int,
    seed: int,
    folder: str | Path,
    tokenizer: str | Path,
    validate: Callable[[Step], float] | None = None,
    label: str = "",
    terminal: TextIO | None = None,
    state: State | None = None,
) -> Encoder:
    """Train in place for `steps` steps and write `log.csv`, `exposure.csv`, `last/` and, with `validate`, `best/` to `folder`.

    Every step is a function of (seed, step) and the weights: the batch, and dropout, which is seeded anew. So a run
    that goes on from a `state` (None: a fresh one) ends as one that was never stopped; the caller clears the state. With patience the run may end
    early; the log then ends early too. Raises FloatingPointError where loss or gradient is not finite, UserError for
    `hard-only` and a source without hard negatives, and SystemExit where the process is asked to stop.
    """
    if training.negatives == "hard-only":
        bare = [d.subset.name for d in data if not min(training.hard_negatives, d.subset.negatives.shape[1])]
        if bare:
            raise UserError(
                f"training.negatives: hard-only needs hard negatives; {', '.join(bare)} gives none"
            )
    torch.set_num_threads(training.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    folder = Path(folder)
    state = state or State(folder / ".state", "", math.inf)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    step_loss = Step(encoder.to(device), training, device)
    adam = optimiser(encoder, training)
    done = state.load(encoder, adam)
    done.chunk, done.cached = done.chunk or step_loss.chunk, done.cached or step_loss.cached
    step_loss.chunk, step_loss.cached = done.chunk, done.cached
    if training.compile:
        encoder.transformer.compile(dynamic=True)
    operations = 6 * encoder.matrix_parameters() / machine_gemm(device)
    bar = tqdm(
        total=steps, initial=done.step, desc=label, unit="step", file=terminal, disable=None, leave=False
    )
    with Interrupt() as interrupt, bar:
        while done.step < steps and not (training.validation and done.patience_is_over(training.validation)):
            start, seen, step = time.perf_counter(), step_loss.tokens, done.step
            encoder.train()
            batch = sampler.batch(step)
            for group in adam.param_groups:
                group["lr"] = training.learning_rate * learning_rate(step, steps, training.warmup)
            adam.zero_grad(set_to_none=True)
            loss, masked = step_loss.backward(data[batch.source], batch, (seed, step))
            norm = torch.nn.utils.clip_grad_norm_(encoder.parameters(), training.clip)
            if not math.isfinite(loss.item() + norm.item()):
                raise FloatingPointError(
                    f"{label}: loss {loss.item()} and gradient norm {norm.item()} at step {step}; "
                    "lower training.learning_rate"
                )
            adam.step()
            seconds, tokens = time.perf_counter() - start, step_loss.tokens - seen
            hard = min(training.hard_negatives, data[batch.source].subset.negatives.shape[1])
            own, passage = language_shares(batch, len(sampler.languages), hard)
            row = dict.fromkeys(LOG, "") | {
                "step": step,
                "source": data[batch.source].subset.name,
                "kind": batch.kind,
                "loss": loss.item(),
                "learning_rate": adam.param_groups[0]["lr"],
                "gradient_norm": norm.item(),
                "masked": masked,
                "query_language_negatives": own,
                "passage_language_negatives": passage,
                "pairs_per_second": len(batch.pairs) / seconds,
                "tokens_per_second": tokens / seconds,
                "gemm_share": operations * tokens / seconds,
            }
            done.rows.append(row)
            done.step += 1
            bar.update()
            if validate and (done.step % training.validation.every == 0 or done.step == steps):
                row["validation_loss"], former = validate(step_loss), done.best_step
                if done.is_best(row["validation_loss"]):
                    _save(encoder, state.best(done.step), tokenizer, model)
                    state.outdone(former)
            # dropout goes by chunk: a run that is killed must not come back with larger ones
            halved = (done.chunk, done.cached) != (step_loss.chunk, step_loss.cached)
            done.chunk, done.cached = step_loss.chunk, step_loss.cached
            if interrupt.asked or halved or state.due():
                state.save(encoder, adam, done)
            if interrupt.asked:
                raise SystemExit(
                    f"{label}: stopped after step {step}, {interrupt.asked}; the next start goes on from there"
                )
    if state.kept:
        state.save(encoder, adam, done)  # what comes after training may be killed as well
    _save(encoder, folder / "last", tokenizer, model)
    if validate:
        with atomic(folder / "best") as partial:
            shutil.copytree(state.best(done.best_step), partial)
    _table(folder / "log.csv", LOG, done.rows)
    _table(folder / "exposure.csv", EXPOSURE, exposure(sampler, data, len(done.rows)))
    return encoder


def exposure(sampler: Sampler, data: list[Data], steps: int) -> list[dict]:
    """What the first `steps` batches show of every direction: examples, and distinct queries and passages.

    A batch is a function of its step, so this is counted apart from training. Texts count once per source.
    """
    seen: dict[tuple[str, str], tuple[list, set, set]] = {}
    for batch in map(sampler.batch, range(steps)):
        subset = data[batch.source].subset
        queries = subset.queries[batch.pairs, batch.query_language]
        passages = subset.positives[batch.pairs, batch.passage_language]
        for q, p in sorted(
            set(zip(batch.query_language.tolist(), batch.passage_language.tolist(), strict=True))
        ):
            here = (batch.query_language == q) & (batch.passage_language == p)
            direction = sampler.languages[q], sampler.languages[p]
            count, asked, offered = seen.setdefault(direction, ([], set(), set()))
            count.append(int(here.sum()))
            asked.update((batch.source, row) for row in queries[here].tolist())
            offered.update((batch.source, row) for row in passages[here].tolist())
    return [
        {
            "query_language": q,
            "passage_language": p,
            "examples": sum(count),
            "distinct_queries": len(asked),
            "distinct_passages": len(offered),
        }
        for (q, p), (count, asked, offered) in sorted(seen.items())
    ]


def _table(file: Path, columns: Sequence[str], rows: list[dict]) -> None:
    with atomic(file) as partial, open(partial, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        writer.writerows(rows)


def _save(encoder: Encoder, folder: Path, tokenizer: str | Path, model: Model) -> None:
    with atomic(folder) as partial:
        encoder.save(partial, tokenizer, model)
