"""Measures of one run on one benchmark in every setting, from exact ranks or, for a large corpus, from lists.

The settings (docs/METHOD.md, Evaluation): in mono the corpus is in the query's language, in cross in one
other language, in multi in all languages together. Two matrices of ranks serve all three, so one search is
enough.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import parquet

from langscale.config.terms import SETTINGS
from langscale.core.files import atomic
from langscale.retrieval import rank_formulas
from langscale.retrieval.measures import (
    CONTROLS,
    MAP,
    MEASURES,
    NDCG_AT_10,
    OWN_LANGUAGE_SHARES,
    in_list_table,
    in_table,
)
from langscale.retrieval.ranks import Ranks, positions

QUERY = ("question_id", "cluster", "group", "language")
EVERY = ("rank {} in own pool", "rank {} in all")
"""Columns of the ranks of all relevant candidates of a language, for benchmarks with several."""
LIST_LENGTH = 100
"""Candidates of a list that count, as in `trec_eval -c -M 100`."""


@dataclass(frozen=True)
class Scores(Ranks):
    """Ranks with the values of every measure."""

    @staticmethod
    def gives(setting: str, metric: str) -> bool:
        """Whether exact ranks give the measure in this setting."""
        return setting in MEASURES[metric].settings and bool(MEASURES[metric].tables)

    def values(self, setting: str, metric: str, candidates: np.ndarray | None = None) -> np.ndarray:
        """Values of one measure for each query: float [Q, 1], or [Q, L] in cross and for measures by
        candidate.

        nan: the query has no value. `candidates`: bool [L] or [Q, L], the languages whose relevant candidates
        count (None: all). In multi the other relevant candidates are taken out of the ranking; the rest of
        the corpus stays.
        """
        measure = MEASURES[metric]
        keep = np.ones(len(self.languages), dtype=bool) if candidates is None else candidates
        if measure.of_query:
            return measure.of_query(self, keep)
        if not measure.of_ranking:
            raise ValueError(f"{metric}: the record has neither of_ranking nor of_query")
        if setting == "multi":
            every = self.multi if self.every is None else self.every[1]
            most = every.shape[1] // len(self.languages)
            ranks = rank_formulas.restrict(every, np.tile(keep, most))
            return np.where((ranks > 0).any(1), measure.of_ranking(ranks, None), np.nan)[:, None]
        own = np.arange(len(self.languages)) == self.own[:, None]
        counted = (self.by_language > 0) & keep & (own if setting == "mono" else ~own)
        every = self.by_language if self.every is None else self.every[0]
        # one row per query and language, with the ranks of its relevant candidates
        rows = every.reshape(len(every), -1, len(self.languages)).swapaxes(1, 2)
        flat = measure.of_ranking(rows.reshape(-1, rows.shape[2]), None).reshape(self.by_language.shape)
        values = np.where(counted, flat, np.nan)
        return values[np.arange(len(values)), self.own][:, None] if setting == "mono" else values

    def save(self, file: str | Path) -> None:
        """One parquet row per query: ranks in every language, mAP in every setting and the measures of
        language bias.
        """
        table = self.queries.loc[:, self.queries.columns.isin(QUERY)].assign(pool=self.corpus_size)
        for setting in SETTINGS:
            values = pd.DataFrame(self.values(setting, MAP.name))
            table[f"{setting} {MAP.name}"] = values.mean(axis=1).astype(np.float32)
        for measure in in_table("bias"):
            if not measure.control and measure.over_queries == "mean":
                table[measure.name] = self.values("multi", measure.name)[:, 0].astype(np.float32)
        if self.controls is not None:
            table[[measure.name for measure in CONTROLS]] = self.controls
        known = {"rank in own pool": self.by_language, "rank in all": self.multi}
        if self.top_10 is not None and self.candidates is not None:
            known |= {
                "top 10": self.top_10,
                "candidates": np.broadcast_to(self.candidates, self.top_10.shape),
            }
        for number in range(self._most):
            for name, ranks in zip(EVERY, self.every or (), strict=True):
                first = number * len(self.languages)
                known[name.format(number + 1)] = ranks[:, first : first + len(self.languages)]
        columns = {
            f"{name}: {language}": numbers[:, i]
            for name, numbers in known.items()
            for i, language in enumerate(self.languages)
        }
        table = pd.concat([table, pd.DataFrame(columns, index=table.index)], axis=1)
        with atomic(file) as partial:
            table.to_parquet(partial, index=False)

    @classmethod
    def load(cls, file: str | Path) -> "Scores":
        """Read what `save` wrote."""
        table = pd.read_parquet(file)
        names = [str(name) for name in table]
        codes = tuple(c.removeprefix("rank in all: ") for c in names if c.startswith("rank in all: "))

        def by_language(name: str) -> np.ndarray:
            return table[[f"{name}: {code}" for code in codes]].to_numpy()

        counted = f"top 10: {codes[0]}" in names
        most = sum(f"{EVERY[0].format(n + 1)}: {codes[0]}" in names for n in range(len(names)))
        controls = [measure.name for measure in CONTROLS]
        own, every = (
            np.hstack([by_language(name.format(n + 1)) for n in range(most)]) if most else np.empty(0)
            for name in EVERY
        )
        return cls(
            table.loc[:, table.columns.isin(QUERY)],
            codes,
            by_language("rank in own pool"),
            by_language("rank in all"),
            table[[measure.name for measure in OWN_LANGUAGE_SHARES]].to_numpy(),
            int(table["pool"].iloc[0]),
            table[controls].to_numpy() if controls[0] in names else None,
            by_language("top 10") if counted else None,
            by_language("candidates")[0] if counted else None,
            (own, every) if most else None,
        )

    @property
    def _most(self) -> int:
        """Most relevant candidates of a query in a language, where `every` is there."""
        return 0 if self.every is None else self.every[0].shape[1] // len(self.languages)


@dataclass(frozen=True)
class ListScores:
    """Measures of lists of candidates, for a corpus too large for exact ranks; in mono only.

    Attributes:
        queries: Q rows (question_id, cluster, language).
        languages: L sorted codes.
        table: measure -> values, float64 [Q].

    """

    queries: pd.DataFrame
    languages: tuple[str, ...]
    table: dict[str, np.ndarray]

    @classmethod
    def of(cls, queries: pd.DataFrame, lists: np.ndarray, relevant: np.ndarray) -> "ListScores":
        """Score lists [Q, k] of candidates, k >= 100, with the relevant candidates [Q, R], -1 behind the
        last.

        A query without a relevant candidate counts as 0, as in `trec_eval -c`.
        """
        ranks = np.zeros(relevant.shape, dtype=np.int64)
        for column, candidate in enumerate(relevant.T):
            found = (lists[:, :LIST_LENGTH] == candidate[:, None]) & (candidate[:, None] >= 0)
            ranks[:, column] = np.where(found.any(1), found.argmax(1) + 1, 0)
        count = (relevant >= 0).sum(1)
        table = {
            measure.name: np.nan_to_num(measure.of_ranking(ranks, count))
            for measure in in_list_table("scaling")
            if measure.of_ranking
        }
        return cls(queries, tuple(sorted(set(queries["language"]))), table)

    @staticmethod
    def gives(setting: str, metric: str) -> bool:
        """Whether lists give the measure in this setting."""
        return setting == "mono" and bool(MEASURES[metric].list_tables)

    @cached_property
    def own(self) -> np.ndarray:
        """Position of each query's language in `languages`, int [Q]."""
        return positions(self.languages, self.queries["language"])

    def values(self, setting: str, metric: str, candidates: np.ndarray | None = None) -> np.ndarray:
        """Values of one measure, float [Q, 1]; nan if the query's language is not among the `candidates`."""
        keep = np.ones(len(self.languages), dtype=bool) if candidates is None else candidates
        keep = np.broadcast_to(keep, (len(self.own), len(self.languages)))
        return np.where(keep[np.arange(len(self.own)), self.own], self.table[metric], np.nan)[:, None]

    def save(self, file: str | Path) -> None:
        """Write one parquet row per query."""
        table = self.queries[["question_id", "cluster", "language"]].assign(**self.table)
        with atomic(file) as partial:
            table.to_parquet(partial, index=False)

    @classmethod
    def load(cls, file: str | Path) -> "ListScores":
        """Read what `save` wrote."""
        table = pd.read_parquet(file)
        queries = table[["question_id", "cluster", "language"]]
        values = {measure.name: table[measure.name].to_numpy() for measure in in_list_table("scaling")}
        return cls(queries, tuple(sorted(set(queries["language"]))), values)


def load(file: str | Path) -> Scores | ListScores:
    """The scores in a file, of the kind that it holds."""
    from_lists = NDCG_AT_10.name in parquet.read_schema(file).names
    return (ListScores if from_lists else Scores).load(file)
