"""Sums of the values of queries by cluster of queries."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from langscale.retrieval.ranks import positions


@dataclass(frozen=True)
class Sums:
    """Values of one run, or of K runs, summed per cluster and unit.

    The value is the mean over the units of sum / count (macro average). A unit is a query language, or in
    cross an ordered pair of languages. If all units have the same counts, as in a fully parallel benchmark,
    one unit of means stands for all. This gives the same value in every bootstrap sample.

    Attributes:
        sums: float64 [C, U] or [K, C, U], sums of values.
        counts: float64 [C, U] or [K, C, U], numbers of queries.
        queries: number of queries with a value, int without dimension or int [K].
    """

    sums: np.ndarray
    counts: np.ndarray
    queries: np.ndarray


@dataclass(frozen=True)
class Cells:
    """Values summed per cluster, query language and column of the values.

    Attributes:
        sums: float64 [C, L, U].
        counts: float64 [C, L, U].
        known: bool [Q, U], whether a query has a value.
    """

    sums: np.ndarray
    counts: np.ndarray
    known: np.ndarray


class Clusters:
    """Adds up the values of a benchmark's queries by cluster and query language.

    Attributes:
        names: C sorted ids of the clusters.
        language: int [Q], position of each query's language.
    """

    def __init__(self, queries: pd.DataFrame, languages: Sequence[str], by: str = "cluster") -> None:
        """`by`: the column with the cluster, `cluster` or the coarser `group`."""
        import scipy.sparse

        self.names = sorted(queries[by].unique())
        self.language = positions(languages, queries["language"])
        self.shape = len(self.names), len(languages)
        cell = positions(self.names, queries[by]) * len(languages) + self.language
        size = self.shape[0] * self.shape[1], len(queries)
        self._last: _Units | None = None
        self.by_cell = scipy.sparse.csr_array((np.ones(len(queries)), (cell, np.arange(len(queries)))), size)

    def cells(self, values: np.ndarray) -> Cells:
        """Sums and counts of values [Q, U]; nan is no value."""
        known = ~np.isnan(values)
        sums = self.by_cell @ np.where(known, values, 0)
        counts = self.by_cell @ known.astype(np.float64)
        return Cells(sums.reshape(*self.shape, -1), counts.reshape(*self.shape, -1), known)

    def add(self, cells: Cells, languages: np.ndarray, columns: np.ndarray) -> Sums | None:
        """The units of some query languages (positions) and some columns of the values (positions).

        None if no query has a value.
        """
        chosen = self._chosen(cells, languages, columns)
        if not chosen.units.any():
            return None
        sums = cells.sums[chosen.pick].reshape(self.shape[0], -1)[:, chosen.units]
        return Sums(sums.mean(1, keepdims=True) if chosen.one else sums, chosen.counts, chosen.queries)

    def _chosen(self, cells: Cells, languages: np.ndarray, columns: np.ndarray) -> "_Units":
        """The units, which nearly all runs share: those of the last call serve until they change."""
        last = self._last
        if last is None or not (
            last.of.counts is cells.counts
            and last.of.known is cells.known
            and np.array_equal(last.languages, languages)
            and np.array_equal(last.columns, columns)
        ):
            pick = np.ix_(np.arange(self.shape[0]), languages, columns)
            counts = cells.counts[pick].reshape(self.shape[0], -1)
            units = counts.any(0)
            counts = counts[:, units]
            one = bool(units.any() and (counts == counts[:, :1]).all())
            queries = (np.isin(self.language, languages) & cells.known[:, columns].any(1)).sum()
            counts = counts[:, :1] if one else counts
            last = self._last = _Units(cells, languages, columns, pick, units, one, counts, queries)
        return last


@dataclass(frozen=True)
class _Units:
    """Places of the units of `languages` and `columns`, those with a query, and whether one is enough."""

    of: Cells
    languages: np.ndarray
    columns: np.ndarray
    pick: tuple[np.ndarray, ...]
    units: np.ndarray
    one: bool
    counts: np.ndarray
    queries: np.ndarray
