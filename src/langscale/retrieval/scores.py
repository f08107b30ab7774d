"""Exact ranks of one run on one benchmark, and what they are worth in every setting.

The settings (docs/METHOD.md, Evaluation): mono, the pool is the question's own language; cross, one other language; multi,
all languages together. They are read off two rank matrices, so one search serves all of them.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet

from langscale.config.terms import SETTINGS
from langscale.core.files import atomic
from langscale.retrieval import language_bias as bias
from langscale.retrieval import metrics

METRICS = {
    "mAP": metrics.average_precision,
    "mAP@20": lambda ranks: metrics.average_precision_at(ranks, 20),
    "R@1": lambda ranks: metrics.recall_at(ranks, 1),
    "R@10": lambda ranks: metrics.recall_at(ranks, 10),
    "nDCG@10": lambda ranks: metrics.ndcg_at(ranks, 10),
    "relevant": lambda ranks: (ranks > 0).sum(1).astype(float),  # |R|; of interest in multi only
}
SHARES = ("own-language share@1", "own-language share@10", "own-language share@100")
BIAS = ("rank distance", "rank distance log-ratio", "own-language advantage", *SHARES)
QUESTION = ("question_id", "cluster", "group", "language")
TOP = ("share@10", "share@10 ratio")
"""Share of languages in the first 10 of multi, and that over their share among the candidates: 1 is blind to language."""
CONTROLS = ("Spearman", "centred mAP", "centred rank distance", "centred own-language advantage")
RANK = "rank"
"""Rank of the relevant candidate of each language in multi: its mean over questions tells where a language lands."""


@dataclass(frozen=True)
class Scores:
    """Ranks of Q questions over L languages, 1-based, 0 where there is no relevant candidate.

    questions: Q rows (question_id, cluster, language and, if known, group, a coarser cluster); languages: L sorted codes; own_pool: int32 [Q, L], rank of
    the relevant candidate of each language in the pool of that language; multi: int32 [Q, L], in the pool of all;
    own_share: float32 [Q, 3], share of the question's language in the first 1, 10 and 100 of multi; pool: number of
    candidates of all languages; controls: float32 [Q, 4], the CONTROLS (langscale.retrieval.bias_controls), if they were computed;
    top: uint8 [Q, L], how many of the first 10 of multi are in each language; offered: int [L], how many of all
    candidates are (both None in files that were written before they were kept).
    """

    questions: pd.DataFrame
    languages: tuple[str, ...]
    own_pool: np.ndarray
    multi: np.ndarray
    own_share: np.ndarray
    pool: int
    controls: np.ndarray | None = None
    top: np.ndarray | None = None
    offered: np.ndarray | None = None

    @staticmethod
    def gives(setting: str, metric: str) -> bool:
        """Whether the quantity is known here."""
        return metric in (*METRICS, *BIAS, *CONTROLS, *TOP, RANK)

    @cached_property
    def own(self) -> np.ndarray:
        """Index of each question's language, int [Q]."""
        return pd.Index(self.languages).get_indexer(self.questions["language"])

    def values(self, setting: str, metric: str, candidates: np.ndarray | None = None) -> np.ndarray:
        """Per-question values: float [Q, L] in cross and of RANK, a column per candidate language, else [Q, 1].

        NaN: not asked.

        `candidates`: bool [L] or [Q, L], whose relevant candidates count (None: all). In multi the relevant
        candidates of other languages are taken out of the ranking; the pool stays as it is. Of TOP, these are the
        languages whose candidates are counted, relevant or not.
        """
        keep = np.ones(len(self.languages), dtype=bool) if candidates is None else candidates
        if metric in BIAS:
            return self._bias(metric)[:, None]
        if metric in CONTROLS:
            known = (
                np.full((len(self.multi), len(CONTROLS)), np.nan) if self.controls is None else self.controls
            )
            return known[:, [CONTROLS.index(metric)]]
        if metric in TOP:
            return self._top(keep, ratio=metric == TOP[1])[:, None]
        if metric == RANK:
            return np.where(self.multi > 0, self.multi, np.nan)
        if setting == "multi":
            ranks = metrics.restrict(self.multi, keep)
            return np.where((ranks > 0).any(1), METRICS[metric](ranks), np.nan)[:, None]
        own = np.arange(len(self.languages)) == self.own[:, None]
        asked = (self.own_pool > 0) & keep & (own if setting == "mono" else ~own)
        flat = METRICS[metric](self.own_pool.reshape(-1, 1)).reshape(self.own_pool.shape)
        values = np.where(asked, flat, np.nan)
        return values[np.arange(len(values)), self.own][:, None] if setting == "mono" else values

    def _bias(self, metric: str) -> np.ndarray:
        if metric == "rank distance":
            return bias.rank_distance(self.multi)
        if metric == "rank distance log-ratio":
            relevant = (self.multi > 0).sum(axis=1)
            return bias.rank_distance_log_ratio(bias.rank_distance(self.multi), self.pool, relevant)
        if metric == "own-language advantage":
            return bias.own_language_advantage(self.multi, self.own)
        return self.own_share[:, SHARES.index(metric)]

    def _top(self, keep: np.ndarray, ratio: bool) -> np.ndarray:
        if self.top is None:
            return np.full(len(self.multi), np.nan)
        blind = (self.offered * keep).sum(-1) / self.offered.sum()
        share = np.where(blind > 0, (self.top * keep).sum(1) / self.top.sum(1), np.nan)
        return share / blind if ratio else share

    def save(self, file: str | Path) -> None:
        """One parquet row per question and language: its ranks, and its mAP in the three settings to look at."""
        table = self.questions.loc[:, self.questions.columns.isin(QUESTION)].assign(pool=self.pool)
        for setting in SETTINGS:
            table[f"{setting} mAP"] = (
                pd.DataFrame(self.values(setting, "mAP")).mean(axis=1).astype(np.float32)
            )
        for metric in BIAS:
            table[metric] = self._bias(metric).astype(np.float32)
        if self.controls is not None:
            table[list(CONTROLS)] = self.controls
        known = {"rank in own pool": self.own_pool, "rank in all": self.multi}
        if self.top is not None:
            known |= {"top 10": self.top, "candidates": np.broadcast_to(self.offered, self.top.shape)}
        for name, numbers in known.items():
            for i, language in enumerate(self.languages):
                table[f"{name}: {language}"] = numbers[:, i]
        with atomic(file) as partial:
            table.to_parquet(partial, index=False)

    @classmethod
    def load(cls, file: str | Path) -> "Scores":
        """Read what `save` wrote."""
        table = pd.read_parquet(file)
        codes = tuple(c.removeprefix("rank in all: ") for c in table if c.startswith("rank in all: "))

        def by_language(name: str) -> np.ndarray:
            return table[[f"{name}: {code}" for code in codes]].to_numpy()

        counted = f"top 10: {codes[0]}" in table
        return cls(
            table.loc[:, table.columns.isin(QUESTION)],
            codes,
            by_language("rank in own pool"),
            by_language("rank in all"),
            table[list(SHARES)].to_numpy(),
            int(table["pool"].iloc[0]),
            table[list(CONTROLS)].to_numpy() if CONTROLS[0] in table else None,
            by_language("top 10") if counted else None,
            by_language("candidates")[0] if counted else None,
        )


LISTED = {"nDCG@10": lambda ranks, relevant: metrics.ndcg_at(ranks, 10, relevant),
          "R@100": lambda ranks, relevant: metrics.recall_at(ranks, 100, relevant)}  # fmt: skip
"""What lists of 100 candidates can tell: `trec_eval -c -M 100 -m ndcg_cut.10 -m recall.100`."""


@dataclass(frozen=True)
class ListScores:
    """What a run's lists are worth on a corpus too large for exact ranks: mono only, the metrics of LISTED.

    questions: Q rows (question_id, cluster, language); languages: L sorted codes; table: metric -> float64 [Q].
    """

    questions: pd.DataFrame
    languages: tuple[str, ...]
    table: dict[str, np.ndarray]

    @classmethod
    def of(cls, questions: pd.DataFrame, lists: np.ndarray, relevant: np.ndarray) -> "ListScores":
        """From lists [Q, k] of candidates, k >= 100, and the relevant ones [Q, R], -1 where there is none.

        A question without a relevant candidate counts as 0, as for trec_eval.
        """
        place = np.zeros(relevant.shape, dtype=np.int64)
        for column, candidate in enumerate(relevant.T):
            found = (lists[:, :100] == candidate[:, None]) & (candidate[:, None] >= 0)
            place[:, column] = np.where(found.any(1), found.argmax(1) + 1, 0)
        count = (relevant >= 0).sum(1)
        table = {name: np.nan_to_num(metric(place, count)) for name, metric in LISTED.items()}
        return cls(questions, tuple(sorted(set(questions["language"]))), table)

    @staticmethod
    def gives(setting: str, metric: str) -> bool:
        """Whether the quantity is known here."""
        return setting == "mono" and metric in LISTED

    @cached_property
    def own(self) -> np.ndarray:
        """Index of each question's language, int [Q]."""
        return pd.Index(self.languages).get_indexer(self.questions["language"])

    def values(self, setting: str, metric: str, candidates: np.ndarray | None = None) -> np.ndarray:
        """Per-question values: float [Q, 1], NaN where the question's language is not among the `candidates`."""
        keep = np.ones(len(self.languages), dtype=bool) if candidates is None else candidates
        keep = np.broadcast_to(keep, (len(self.own), len(self.languages)))
        return np.where(keep[np.arange(len(self.own)), self.own], self.table[metric], np.nan)[:, None]

    def save(self, file: str | Path) -> None:
        """One parquet row per question."""
        table = self.questions[["question_id", "cluster", "language"]].assign(**self.table)
        with atomic(file) as partial:
            table.to_parquet(partial, index=False)

    @classmethod
    def load(cls, file: str | Path) -> "ListScores":
        """What `save` wrote."""
        table = pd.read_parquet(file)
        questions = table[["question_id", "cluster", "language"]]
        values = {name: table[name].to_numpy() for name in LISTED}
        return cls(questions, tuple(sorted(set(questions["language"]))), values)


def load(file: str | Path) -> Scores | ListScores:
    """The scores in a file, of the kind that it holds."""
    listed = "nDCG@10" in parquet.read_schema(file).names
    return (ListScores if listed else Scores).load(file)
