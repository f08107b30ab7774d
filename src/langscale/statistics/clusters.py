"""Sums of per-query values by cluster of queries."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Sums:
    """Values of a cell summed per cluster and unit: sums, counts: float64 [C, U]; questions: how many have a value.

    The cell's value is the mean over the units of sum / count (macro). A unit is a question language, in cross an
    ordered pair of languages. Where every unit has the same counts, as in a fully parallel benchmark, one unit of
    means stands for all, which gives the same value in every resample.
    """

    sums: np.ndarray
    counts: np.ndarray
    questions: int


@dataclass(frozen=True)
class Cells:
    """Sums and counts of values per cluster, question language and column of the values: float64 [C, L, U].

    `known`: bool [Q, U], which questions have a value.
    """

    sums: np.ndarray
    counts: np.ndarray
    known: np.ndarray


class Clusters:
    """Adds up the per-question values of a benchmark by question cluster and question language.

    `by`: the column that holds the cluster, or `group` for the coarser one.
    """

    def __init__(self, questions: pd.DataFrame, languages: Sequence[str], by: str = "cluster"):
        import scipy.sparse

        self.names = sorted(questions[by].unique())
        self.language = pd.Index(languages).get_indexer(questions["language"])
        self.shape = len(self.names), len(languages)
        cell = pd.Index(self.names).get_indexer(questions[by]) * len(languages) + self.language
        size = self.shape[0] * self.shape[1], len(questions)
        self.by_cell = scipy.sparse.csr_array(
            (np.ones(len(questions)), (cell, np.arange(len(questions)))), size
        )

    def cells(self, values: np.ndarray) -> Cells:
        """Sums and counts of values [Q, U]; NaN is no value."""
        known = ~np.isnan(values)
        sums = self.by_cell @ np.where(known, values, 0)
        counts = self.by_cell @ known.astype(np.float64)
        return Cells(sums.reshape(*self.shape, -1), counts.reshape(*self.shape, -1), known)

    def add(self, cells: Cells, asked: np.ndarray, columns: np.ndarray) -> Sums | None:
        """The units of the question languages `asked` (indices) and the columns of the values (indices).

        None where no question has a value.
        """
        pick = np.ix_(np.arange(self.shape[0]), asked, columns)
        sums, counts = (part[pick].reshape(self.shape[0], -1) for part in (cells.sums, cells.counts))
        units = counts.any(0)
        if not units.any():
            return None
        sums, counts = sums[:, units], counts[:, units]
        if (counts == counts[:, :1]).all():
            sums, counts = sums.mean(1, keepdims=True), counts[:, :1]
        questions = np.isin(self.language, asked) & cells.known[:, columns].any(1)
        return Sums(sums, counts, int(questions.sum()))
