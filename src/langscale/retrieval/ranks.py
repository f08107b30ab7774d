"""Exact ranks of the relevant candidates of a benchmark: what every measure is computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Ranks:
    """Ranks of the relevant candidates of Q queries over L languages, 1-based, 0 without a relevant
    candidate.

    Attributes:
        queries: Q rows (question_id, cluster, language and, if known, group, a coarser cluster).
        languages: L sorted codes.
        by_language: int32 [Q, L], rank of each language's relevant candidate in the corpus of that language
            alone; of several the best.
        multi: int32 [Q, L], the same in the corpus of all languages.
        own_share: float32 [Q, 3], share of the query's language in the top 1, 10 and 100 of all languages.
        corpus_size: number of candidates of all languages.
        controls: float32 [Q, 4], see `langscale.retrieval.bias_controls`; None where they were not computed.
        top_10: uint8 [Q, L], number of candidates of each language in the top 10 of all languages, or None.
        candidates: int [L], number of candidates of each language, or None. Older files lack the last two.
        every: ranks of all relevant candidates like by_language and multi, int32 [Q, R x L] each, if a query
            has up to R in a language (`langscale.data.benchmarks.built`); None: it has one at most.

    """

    queries: pd.DataFrame
    languages: tuple[str, ...]
    by_language: np.ndarray
    multi: np.ndarray
    own_share: np.ndarray
    corpus_size: int
    controls: np.ndarray | None = None
    top_10: np.ndarray | None = None
    candidates: np.ndarray | None = None
    every: tuple[np.ndarray, np.ndarray] | None = None

    @cached_property
    def own(self) -> np.ndarray:
        """Position of each query's language in `languages`, int [Q]."""
        return positions(self.languages, self.queries["language"])


def best(ranks: np.ndarray, languages: int) -> np.ndarray:
    """Best rank of each language, [Q, L], from ranks [Q, R x L] in the order of Benchmark.relevant."""
    if ranks.shape[1] == languages:
        return ranks
    each = ranks.reshape(len(ranks), -1, languages)
    lowest = np.where(each > 0, each, np.iinfo(ranks.dtype).max).min(axis=1)
    return np.where((each > 0).any(axis=1), lowest, 0).astype(ranks.dtype)


def positions(names: Sequence[str], values: pd.Series) -> np.ndarray:
    """Position of each value in `names`, int [len(values)]; -1 for an unknown value."""
    return pd.Index(names).get_indexer(pd.Index(values))
