"""Language bias of a multilingual ranking: rank distance, own-language advantage, shares of languages.

Rank distance falls whenever accuracy rises, so it does not measure bias alone; the own-language advantage,
adjusted for accuracy, is what a verdict rests on.
"""

import numpy as np

from langscale.metrics import random_rank_distance


def rank_distance(rank_multi: np.ndarray) -> np.ndarray:
    """Highest minus lowest rank of each question's relevant candidates (arXiv 2408.10536).

    rank_multi [Q, R] int, in the pool of all languages, 0 where there is none -> [Q] float64, nan where there
    are fewer than two.
    """
    present = rank_multi > 0
    lowest = np.where(present, rank_multi, np.inf).min(axis=1)
    return np.where(present.sum(axis=1) > 1, rank_multi.max(axis=1) - lowest, np.nan)


def rank_distance_log_ratio(distance: np.ndarray, candidates: int, relevant: int | np.ndarray) -> np.ndarray:
    """ln(rank distance / its mean in a random ranking): 0 is random, below 0 is closer together.

    distance [Q] as from `rank_distance`, candidates = size of the pool, relevant = |R| or [Q] (2 or more
    where distance is a number) -> [Q] float64, nan where distance is.
    """
    return np.log(distance / random_rank_distance(candidates, relevant))


def own_language_advantage(rank_multi: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Median rank of the relevant candidates in other languages minus that of the one in the question's own.

    rank_multi [Q, L] int, one column per candidate language, 0 where there is none; own [Q] int, the column
    of the question's language, -1 where it has none -> [Q] float64: above 0 where the own language is
    preferred; nan where either side is missing.
    """
    question = np.arange(len(own))
    own_rank = np.where(own >= 0, rank_multi[question, own], 0)
    other = (rank_multi > 0) & (np.arange(rank_multi.shape[1]) != own[:, None])
    count = other.sum(axis=1)
    ordered = np.sort(np.where(other, rank_multi, np.inf), axis=1)
    median = (ordered[question, np.maximum(count - 1, 0) // 2] + ordered[question, count // 2]) / 2
    return np.where((own_rank > 0) & (count > 0), median - own_rank, np.nan)


def language_shares(
    topk_language: np.ndarray, n_languages: int, ks: tuple[int, ...] = (1, 10, 100)
) -> dict[int, np.ndarray]:
    """Share of every language in the top k of each question.

    topk_language [Q, K] int: the languages 0 .. n_languages - 1 of the candidates in the top K, best first,
    -1 behind the end of a small pool -> {k: [Q, n_languages] float64}, rows sum to 1. To be divided by
    `pool_shares`. Raises ValueError where a k is above K.
    """
    questions, places = topk_language.shape
    if max(ks) > places:
        raise ValueError(f"shares in the top {max(ks)} need as many places, found {places}")
    shares = {}
    for k in ks:
        top = topk_language[:, :k]
        cell = np.arange(questions)[:, None] * n_languages + top
        counts = np.bincount(cell[top >= 0], minlength=questions * n_languages).reshape(questions, -1)
        shares[k] = counts / counts.sum(axis=1, keepdims=True)
    return shares


def own_share(shares: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Each question's entry of shares [Q, L] (or of shares / pool_shares) for its own language.

    own [Q] int, -1 where the pool does not hold the language -> [Q] float64, nan there.
    """
    return np.where(own >= 0, shares[np.arange(len(own)), own], np.nan)


def pool_shares(candidate_language: np.ndarray, n_languages: int) -> np.ndarray:
    """Share of every language in the pool, what a blind ranking shows: [N] int -> [n_languages] float64."""
    return np.bincount(candidate_language, minlength=n_languages) / len(candidate_language)


def share_table(shares: dict[int, np.ndarray], own: np.ndarray, languages: tuple[str, ...], pool: np.ndarray):
    """Mean shares by k, question language and candidate language beside the pool's shares, as a data frame.

    shares: see `language_shares`; own [Q]: language of each question; pool [L]: see `pool_shares`.
    """
    import pandas as pd

    rows = [
        (k, languages[asked], language, share, pool_share)
        for k, found in shares.items()
        for asked in np.unique(own)
        for language, share, pool_share in zip(languages, found[own == asked].mean(axis=0), pool, strict=True)
    ]
    return pd.DataFrame(rows, columns=["k", "query_language", "candidate_language", "share", "pool_share"])
