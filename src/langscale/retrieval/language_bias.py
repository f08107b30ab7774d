"""Language bias of a multilingual ranking: rank distance, own-language advantage, shares of languages.

Rank distance falls whenever accuracy rises, so it does not measure bias alone.
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
    question = np.arange(len(own))
    own_rank = np.where(own >= 0, rank_multi[question, own], 0)
    other = (rank_multi > 0) & (np.arange(rank_multi.shape[1]) != own[:, None])
    count = other.sum(axis=1)
    ordered = np.sort(np.where(other, rank_multi, np.inf), axis=1)
    median = (ordered[question, np.maximum(count - 1, 0) // 2] + ordered[question, count // 2]) / 2
    return np.where((own_rank > 0) & (count > 0), median - own_rank, np.nan)


def language_counts(
    topk_language: np.ndarray, n_languages: int, ks: tuple[int, ...] = (1, 10, 100)
) -> dict[int, np.ndarray]:
    """How many of the top k of each query are in every language.

    topk_language [Q, K] int: the languages 0 .. n_languages - 1 of the candidates in the top K, best first,
    -1 behind the end of a small corpus -> {k: [Q, n_languages] int64}. Raises ValueError where a k is above
    K.
    """
    questions, places = topk_language.shape
    if max(ks) > places:
        raise ValueError(f"counts in the top {max(ks)} need as many places, found {places}")
    counts = {}
    for k in ks:
        top = topk_language[:, :k]
        cell = np.arange(questions)[:, None] * n_languages + top
        counts[k] = np.bincount(cell[top >= 0], minlength=questions * n_languages).reshape(questions, -1)
    return counts


def own_share(counts: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Share of each query's own language in counts [Q, L] of `language_counts`.

    own [Q] int, -1 where the corpus lacks the language -> [Q] float64, nan there.
    """
    return np.where(own >= 0, counts[np.arange(len(own)), own] / counts.sum(axis=1), np.nan)
