"""A batch looked up in its source: rows of its texts, and the loss of the vectors of these texts.

Both kinds of training share this file: `step` encodes the tokens of the texts, `adapter` looks up base
vectors.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from langscale.config.experiment import Training
from langscale.data.subsets import Subset
from langscale.training.batches import Batch, SourceIndex
from langscale.training.loss import allowed, info_nce


class Texts(Protocol):
    """N texts of a table, as token ids (data.tokens.Tokens) or as base vectors (data.vectors.Vectors)."""

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
