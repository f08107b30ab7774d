"""The training loop: one run, from its initial state to its last (and best) checkpoint."""

import csv
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from tqdm import tqdm

from langscale.config import Model, Training, Validation
from langscale.encoder import Encoder
from langscale.errors import UserError
from langscale.files import atomic
from langscale.loss import allowed, info_nce
from langscale.sampling import Batch, Sampler, SourceIndex, Spec, language_shares
from langscale.streams import key
from langscale.subsets import Subset
from langscale.tokens import Tokens

LOG = (
    "step", "source", "kind", "loss", "learning_rate", "gradient_norm", "masked", "query_language_negatives",
    "passage_language_negatives", "validation_loss", "pairs_per_second", "tokens_per_second", "gemm_share",
)  # fmt: skip
EXPOSURE = ("query_language", "passage_language", "examples", "distinct_queries", "distinct_passages")


@dataclass(frozen=True)
class Data:
    """One source as a run sees it: its subset and the tokens of its queries and passages."""

    subset: Subset
    queries: Tokens
    passages: Tokens

    def index(self, size: float | None = None) -> SourceIndex:
        """What the sampler needs to know; `size` is what it counts as beside other sources, None: its pairs."""
        return SourceIndex(self.subset.name, np.asarray(self.subset.available), size)


@dataclass
class Examples:
    """A batch of token rows: B queries and D >= B documents, positives first.

    queries: rows of the query tokens [B]; documents: rows of the passage tokens [D]; passages: language-free
    passage numbers [D]; owner: query that each document was drawn for [D].
    """

    queries: np.ndarray
    documents: np.ndarray
    passages: np.ndarray
    owner: np.ndarray


def examples(data: Data, batch: Batch, hard_negatives: int) -> Examples:
    """Look up a batch; a hard negative is in the language of the positive and is left out where that lacks it."""
    subset, rows, own = data.subset, batch.pairs, np.arange(len(batch.pairs))
    column = np.arange(min(hard_negatives, subset.negatives.shape[1]))
    negatives = subset.negatives[rows[:, None], column, batch.passage_language[:, None]]
    numbers = subset.negative_passage[rows[:, None], column]
    present = negatives >= 0
    return Examples(
        subset.queries[rows, batch.query_language],
        np.concatenate([subset.positives[rows, batch.passage_language], negatives[present]]),
        np.concatenate([subset.passage[rows], numbers[present]]),
        np.concatenate([own, np.broadcast_to(own[:, None], present.shape)[present]]),
    )


class Step:
    """The loss of a batch under one encoder; counts the tokens that were encoded."""

    def __init__(self, encoder: Encoder, training: Training, device: torch.device):
        self.encoder, self.training, self.device = encoder, training, device
        self.bf16 = training.precision == "bf16" or (training.precision == "auto" and device.type == "cuda")
        self.tokens = 0

    def encode(self, tokens: Tokens, rows: np.ndarray) -> torch.Tensor:
        ids, mask = tokens.padded(rows, self.encoder.padding)
        self.tokens += int(mask.sum())
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return self.encoder(torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device))

    def loss(self, data: Data, batch: Batch) -> tuple[torch.Tensor, float]:
        """(loss, share of the possible negatives that are masked as positives)."""
        e = examples(data, batch, self.training.hard_negatives)
        prints = torch.from_numpy(np.asarray(data.passages.fingerprints[e.documents]))
        others = data.subset.other_positives(batch.pairs, e.passages)
        hard_only = self.training.negatives == "hard-only"
        keep = allowed(
            torch.from_numpy(e.passages),
            prints,
            torch.from_numpy(e.owner),
            len(e.queries),
            hard_only,
            None if others is None else torch.from_numpy(others),
        )
        queries, documents = self.encode(data.queries, e.queries), self.encode(data.passages, e.documents)
        loss = info_nce(queries, documents, keep.to(self.device), self.training.scale)
        size, others = len(e.queries), len(e.documents) - 1
        possible = others + 1 - size if hard_only else size * others
        return loss, 1 - (int(keep.sum()) - size) / max(1, possible)


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


def validation_batches(
    data: list[Data], languages: list[str], validation: Validation, batch_size: int
) -> list[Batch]:
    """Fixed batches, the same at every n, sampler and seed.

    `en`: English alone; `pool`: as many mono batches, with equal turns for all languages, as x-y batches; that may
    take more pairs than asked for. Raises UserError where a source has too few pairs.
    """
    indices = [d.index() for d in data]
    have = [int(i.has.all(1).sum()) for i in indices]
    if min(have) < 2:
        name = indices[have.index(min(have))].name
        raise UserError(
            f"training.validation: {name} has {min(have)} validation pairs in {', '.join(languages)}; it needs 2"
        )
    size = min(batch_size, *have)
    count = max(1, validation.pairs // size)
    if validation.languages == "en" or len(languages) == 1:
        sampler = Sampler(Spec("x-x-mono"), languages, indices, size, "validation")
        return [sampler.batch(step) for step in range(count)]
    cross = Sampler(Spec("x-y"), languages, indices, size, "validation")
    batches = []
    for step in range(len(languages) * math.ceil(count / 2 / len(languages))):
        drawn = cross.batch(step)
        mono = np.full(size, step % len(languages))
        batches += [drawn, Batch("mono", drawn.source, drawn.pairs, mono, mono)]
    return batches


def machine_gemm(device: torch.device, size: int = 512, rounds: int = 8) -> float:
    """Float32 operations per second of a square matrix product here and now: the limit that a step is held against."""
    a = torch.ones(size, size, device=device)
    best = math.inf
    for _ in range(rounds):
        start = time.perf_counter()
        (a @ a).sum().item()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


@dataclass
class Best:
    """The lowest validation loss so far and how many evaluations ago it was."""

    loss: float = math.inf
    age: int = 0


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
) -> Encoder:
    """Train in place for `steps` steps and write `log.csv`, `exposure.csv`, `last/` and, with `validate`, `best/` to `folder`.

    Every step is a function of (seed, step) and the weights: the batch, and dropout, which is seeded anew. With
    patience the run may end early; the log then ends early too. Raises FloatingPointError where loss or gradient is
    not finite, UserError for `hard-only` and a source without hard negatives.
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
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    step_loss = Step(encoder.to(device), training, device)
    adam = optimiser(encoder, training)
    operations = 6 * encoder.matrix_parameters() / machine_gemm(device)
    best, rows = Best(), []
    for step in tqdm(
        range(steps), desc=label, unit="step", file=terminal, disable=None, leave=False, smoothing=0.05
    ):
        start, seen = time.perf_counter(), step_loss.tokens
        torch.manual_seed(key("dropout", seed, step))
        encoder.train()
        batch = sampler.batch(step)
        for group in adam.param_groups:
            group["lr"] = training.learning_rate * learning_rate(step, steps, training.warmup)
        hard = min(training.hard_negatives, data[batch.source].subset.negatives.shape[1])
        loss, masked = step_loss.loss(data[batch.source], batch)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(encoder.parameters(), training.clip)
        if not math.isfinite(loss.item() + norm.item()):
            raise FloatingPointError(
                f"{label}: loss {loss.item()} and gradient norm {norm.item()} at step {step}; "
                "lower training.learning_rate"
            )
        adam.step()
        seconds, tokens = time.perf_counter() - start, step_loss.tokens - seen
        own, passage = language_shares(batch, len(sampler.languages), hard)
        rows.append(
            dict(
                zip(
                    LOG,
                    (
                        step,
                        data[batch.source].subset.name,
                        batch.kind,
                        loss.item(),
                        adam.param_groups[0]["lr"],
                        norm.item(),
                        masked,
                        own,
                        passage,
                        "",
                        len(batch.pairs) / seconds,
                        tokens / seconds,
                        operations * tokens / seconds,
                    ),
                    strict=True,
                )
            )  # fmt: skip
        )
        if validate and ((step + 1) % training.validation.every == 0 or step + 1 == steps):
            value = validate(step_loss)
            rows[-1]["validation_loss"] = value
            best.age += 1
            if value < best.loss:
                best.loss, best.age = value, 0
                _save(encoder, folder / "best", tokenizer, model)
            if training.validation.patience and best.age >= training.validation.patience:
                break
    _save(encoder, folder / "last", tokenizer, model)
    _table(folder / "log.csv", LOG, rows)
    _table(folder / "exposure.csv", EXPOSURE, exposure(sampler, data, len(rows)))
    return encoder


def validation_loss(data: list[Data], batches: list[Batch]) -> Callable[[Step], float]:
    """Mean InfoNCE over fixed batches, without dropout."""

    def value(step: Step) -> float:
        step.encoder.eval()
        with torch.no_grad():
            return float(np.mean([step.loss(data[batch.source], batch)[0].item() for batch in batches]))

    return value


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


def load_data(
    subset: str | Path, tokens: str | Path, sources: Iterable[str], part: str, take: dict
) -> list[Data]:
    """The sources of a run, from the folder of its subset and that of its model's tokens; see Subset.take."""
    data = []
    for source in sources:
        folder = Path(tokens) / f"source-{source}" / part
        index = Subset.load(subset, source, part).take(**take)
        data.append(Data(index, Tokens.load(folder / "queries"), Tokens.load(folder / "passages")))
    return data
