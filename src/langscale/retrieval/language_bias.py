"""Language bias of a multilingual ranking: preference among translations, rank distance, shares of languages.

The preference compares equivalent passages only: the translations of one relevant passage. Their order says
nothing about accuracy. Rank distance, own-language advantage, complete@k and max@R move with accuracy too, so
they describe and do not decide.
"""

import numpy as np

from langscale.retrieval.rank_formulas import random_rank_distance


def rank_distance(rank_multi: np.ndarray) -> np.ndarray:
    """Highest minus lowest rank of each query's relevant candidates (arXiv 2408.10536).

    rank_multi [Q, R] int, in the corpus of all languages, 0 where there is none -> [Q] float64, nan where
    there are fewer than two.
    """
    present = rank_multi > 0
    lowest = np.where(present, rank_multi, np.inf).min(axis=1)
    return np.where(present.sum(axis=1) > 1, rank_multi.max(axis=1) - lowest, np.nan)


def rank_distance_log_ratio(distance: np.ndarray, candidates: int, relevant: int | np.ndarray) -> np.ndarray:
    """ln(rank distance / its mean in a random ranking): 0 is random, below 0 is closer together.

    distance [Q] as from `rank_distance`, candidates = size of the corpus, relevant = |R| or [Q] (2 or more
    where distance is a number) -> [Q] float64, nan where distance is.
    """
    return np.log(distance / random_rank_distance(candidates, relevant))


def own_language_advantage(rank_multi: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Median rank of the relevant candidates in other languages minus that of the one in the query's own.

    rank_multi [Q, L] int, one column per candidate language, 0 where there is none; own [Q] int, the column
    of the query's language, -1 where it has none -> [Q] float64: above 0 where the own language is
    preferred; nan where either side is missing.
    """
    query = np.arange(len(own))
    own_rank = _rank_in(rank_multi, own)
    other = (rank_multi > 0) & (np.arange(rank_multi.shape[1]) != own[:, None])
    count = other.sum(axis=1)
    ordered = np.sort(np.where(other, rank_multi, np.inf), axis=1)
    median = (ordered[query, np.maximum(count - 1, 0) // 2] + ordered[query, count // 2]) / 2
    return np.where((own_rank > 0) & (count > 0), median - own_rank, np.nan)


def share_behind(rank_multi: np.ndarray, first: np.ndarray, counted: np.ndarray | None = None) -> np.ndarray:
    """Share of the translations of the relevant passage that are ranked behind the one in a given language.

    Args:
        rank_multi: int [Q, L], one column per candidate language, 0 where there is none.
        first: int [Q], the column of the given language, -1 where it has none.
        counted: bool [L] or [Q, L], the other languages that count (None: all).

    Returns:
        Float [Q], from 0 to 1; 1/2 in the mean for a ranking without preference. nan where either side is
        missing.

    Example:
        The given language has rank 4. Of the three others, those with the ranks 9 and 20 are behind it.

        >>> share_behind(np.array([[4, 2, 9, 20]]), np.array([0])).round(3).tolist()
        [0.667]
    """
    rank = _rank_in(rank_multi, first)
    other = (rank_multi > 0) & (np.arange(rank_multi.shape[1]) != first[:, None])
    if counted is not None:
        other = other & counted
    count, behind = other.sum(axis=1), (other & (rank_multi > rank[:, None])).sum(axis=1)
    known = (rank > 0) & (count > 0)
    return np.divide(behind, count, out=np.full(len(first), np.nan), where=known)


def ranked_first(rank_multi: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Whether the relevant passage in the query's language is ranked before all of its translations.

    Arguments as of `share_behind` -> float [Q], 1 or 0; 1/R in the mean of R translations for a ranking
    without preference. nan where either side is missing.
    """
    share = share_behind(rank_multi, own)
    return np.where(np.isnan(share), np.nan, share == 1)


def last_rank(rank_multi: np.ndarray) -> np.ndarray:
    """Rank of the relevant candidate ranked last (max@R of arXiv:2604.05684), [Q, R] int -> [Q] float; nan
    without any.
    """
    return np.where((rank_multi > 0).any(axis=1), rank_multi.max(axis=1).astype(float), np.nan)


def complete_at(rank_multi: np.ndarray, k: int) -> np.ndarray:
    """Whether all relevant candidates are in the top k (complete@k of arXiv:2604.05684): [Q] float, 1 or 0.

    It is 0 for every query with more than k relevant candidates. nan without any.
    """
    last = last_rank(rank_multi)
    return np.where(np.isnan(last), np.nan, last <= k)


def _rank_in(rank_multi: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The rank in a column [Q] of each query, 0 where it has none."""
    return np.where(column >= 0, rank_multi[np.arange(len(column)), column], 0)


def language_counts(
    topk_language: np.ndarray, n_languages: int, ks: tuple[int, ...] = (1, 10, 100)
) -> dict[int, np.ndarray]:
    """How many of the top k of each query are in every language.

    topk_language [Q, K] int: the languages 0 .. n_languages - 1 of the candidates in the top K, best first,
    -1 behind the end of a small corpus -> {k: [Q, n_languages] int64}. Raises ValueError where a k is above
    K.
    """
    queries, places = topk_language.shape
    if max(ks) > places:
        raise ValueError(f"counts in the top {max(ks)} need as many places, found {places}")
    counts = {}
    for k in ks:
        top = topk_language[:, :k]
        cell = np.arange(queries)[:, None] * n_languages + top
        counts[k] = np.bincount(cell[top >= 0], minlength=queries * n_languages).reshape(queries, -1)
    return counts


def own_share(counts: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Share of each query's own language in counts [Q, L] of `language_counts`.

    own [Q] int, -1 where the corpus lacks the language -> [Q] float64, nan there.
    """
    return np.where(own >= 0, counts[np.arange(len(own)), own] / counts.sum(axis=1), np.nan)
