"""A training step: a batch looked up in its source, the loss of its vectors, and the interface of
training modes.

The modes are EncoderStep (training.encoder), which encodes the tokens of the texts, and AdapterStep
(training.adapter), which looks up base vectors. This file imports neither, because a job that trains
adapters needs no transformers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from langscale.config.training import Training
from langscale.data.subsets import Subset
from langscale.training.batches import Batch, SourceIndex
from langscale.training.loss import allowed, info_nce


class Texts(Protocol):
    """N texts of a table: token ids (data.tokens.Tokens) or base vectors (data.vector_store.Vectors)."""

    @property
    def fingerprints(self) -> np.ndarray:
        """int64 [N], hash of each normalised text."""


T = TypeVar("T", bound=Texts)


@dataclass(frozen=True)
class Data(Generic[T]):
    """One source of a run: its subset and the texts of its queries and passages."""

    subset: Subset
    queries: T
    passages: T

    def index(self, size: float | None = None) -> SourceIndex:
        """The source as the sampler sees it; `size` is its weight beside other sources (None: number of
        pairs).
        """
        return SourceIndex(self.subset.name, np.asarray(self.subset.available), size)


def load_data(
    subset: str | Path,
    sources: Iterable[str],
    part: str,
    take: dict[str, Any],
    read: Callable[[str, str], T],
) -> list[Data[T]]:
    """The sources of a run, from the folder of its subset.

    take: arguments of Subset.take; read: gives the texts of (source, "queries" or "passages").
    """
    return [
        Data(Subset.load(subset, name, part).take(**take), read(name, "queries"), read(name, "passages"))
        for name in sources
    ]


@dataclass
class Examples:
    """Rows of a batch of B queries and D >= B documents, positives first.

    queries: rows of the query texts [B]; documents: rows of the passage texts [D]; passages: language-free
    passage numbers [D]; owner: query that each document was drawn for [D].
    """

    queries: np.ndarray
    documents: np.ndarray
    passages: np.ndarray
    owner: np.ndarray


def examples(data: Data[T], batch: Batch, hard_negatives: int) -> Examples:
    """Look up a batch. A hard negative is in the language of the positive, or left out where it lacks this
    language.
    """
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


def compare(
    data: Data[T], batch: Batch, e: Examples, queries: Tensor, documents: Tensor, training: Training
) -> tuple[Tensor, float]:
    """(InfoNCE, share of the possible negatives that are masked as positives) of unit vectors [B, d] and
    [D, d].
    """
    size, hard_only = len(e.queries), training.negatives == "hard-only"
    others = data.subset.other_positives(batch.pairs, e.passages)
    keep = allowed(
        torch.from_numpy(e.passages),
        torch.from_numpy(np.asarray(data.passages.fingerprints[e.documents])),
        torch.from_numpy(e.owner),
        size,
        hard_only,
        None if others is None else torch.from_numpy(others),
    )
    loss = info_nce(queries, documents, keep.to(queries.device), training.scale)
    rivals = len(e.documents) - 1
    possible = rivals + 1 - size if hard_only else size * rivals
    return loss, 1 - (int(keep.sum()) - size) / max(1, possible)


Noise = tuple[int, int]
"""(seed, step): dropout is a function of both."""


class Step(Protocol[T]):
    """Loss and gradient of batches under one module: the interface of a training mode to the loop.

    module: its parameters with `requires_grad` are trained; tokens: tokens encoded so far; operations:
    floating-point operations of matrix products so far.
    """

    module: nn.Module
    tokens: int
    operations: float

    def loss(self, data: Data[T], batch: Batch, noise: Noise | None = None) -> tuple[Tensor, float]:
        """(loss, share of the possible negatives that are masked as positives)."""

    def backward(self, data: Data[T], batch: Batch, noise: Noise | None = None) -> tuple[Tensor, float]:
        """The result of `loss`, detached. Sets the gradient of the parameters, which must be None before."""

    def save(self, folder: Path) -> None:
        """Write a checkpoint to a new folder."""

    @property
    def memory(self) -> dict[str, Any]:
        """Settings that changed when memory ran out, as JSON. A resumed run starts with the same values."""

    @memory.setter
    def memory(self, values: dict[str, Any]) -> None: ...


def device() -> torch.device:
    """Where training computes: the GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
