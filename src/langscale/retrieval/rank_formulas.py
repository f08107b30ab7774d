"""Measures of ranked retrieval on arrays of exact ranks.

Everywhere `ranks` is [Q, R] int: the 1-based ranks of a query's relevant candidates, all in one ranking, 0
where there is none. |R| is the number of a query's relevant candidates: its ranks above 0, unless
`relevant` [Q] counts candidates that no rank stands for as well (as when a run is cut). All return one
float64 per query, nan where |R| is 0. A single relevant candidate per query is given as one column:
average_precision(by_language[:, [l]]).
"""

import numpy as np


def average_precision(ranks: np.ndarray, relevant: np.ndarray | None = None) -> np.ndarray:
    """AP = (1/|R|) sum over the relevant r of precision at rank(r) in the full ranking; `map` of trec_eval.

    Precision at the rank of the j-th relevant candidate from the top is j / rank.
    """
    return _share(_precisions(ranks).sum(axis=1), _count(ranks, relevant))


def average_precision_at(ranks: np.ndarray, k: int, relevant: np.ndarray | None = None) -> np.ndarray:
    """AP cut at k: (1/min(|R|, k)) sum over the relevant r with rank(r) <= k of precision at rank(r).

    XTREME-R (arXiv 2104.07412) for k = 20. trec_eval's `map_cut_k` divides by |R| instead: they differ where
    |R| > k.
    """
    return _share(_precisions(ranks, k).sum(axis=1), np.minimum(_count(ranks, relevant), k))


def recall_at(ranks: np.ndarray, k: int, relevant: np.ndarray | None = None) -> np.ndarray:
    """R@k = the share of the relevant candidates in the top k; `recall_k` of trec_eval."""
    return _share(((ranks > 0) & (ranks <= k)).sum(axis=1), _count(ranks, relevant))


def ndcg_at(ranks: np.ndarray, k: int, relevant: np.ndarray | None = None) -> np.ndarray:
    """nDCG@k of binary relevance; `ndcg_cut_k` of trec_eval.

    DCG = sum over the relevant r with rank(r) <= k of 1/log2(rank(r) + 1), divided by that of the ideal
    ranking, the sum of 1/log2(i + 1) over i = 1 .. min(|R|, k) (Järvelin and Kekäläinen 2002).
    """
    count = _count(ranks, relevant)
    gain = np.concatenate([[0.0], 1 / np.log2(np.arange(1, k + 1) + 1)])  # by rank; 0 for none
    found = gain[np.where(ranks <= k, ranks, 0)].sum(axis=1)
    return _share(found, np.cumsum(gain)[np.minimum(count, k)])


def restrict(ranks: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Ranks when the relevant candidates outside `keep` are taken out of the ranking.

    ranks [Q, R] of one ranking per query, keep [R] or [Q, R] bool -> [Q, R]: every kept rank is lowered by
    the number of removed relevant candidates above it, a removed one becomes 0. So multi is read by pair set
    (X, Y): queries in X, relevant are the candidates in Y, and the others neither count as errors nor as
    hits; non-relevant candidates stay.
    """
    removed = (ranks > 0) & ~np.broadcast_to(keep, ranks.shape)
    order = np.argsort(ranks, axis=1)
    removed_above = np.empty_like(ranks)
    removed_so_far = np.cumsum(np.take_along_axis(removed, order, axis=1), axis=1)
    np.put_along_axis(removed_above, order, removed_so_far, axis=1)
    return np.where((ranks > 0) & ~removed, ranks - removed_above, 0)


def random_rank_distance(candidates: int, relevant: int | np.ndarray) -> float | np.ndarray:
    """Expected highest minus lowest rank of R relevant candidates in a random ranking: (R-1)/(R+1) (N+1).

    The j-th order statistic of R ranks drawn without replacement has the mean j (N+1)/(R+1). 10,845.8 for N =
    13,014, R = 11.
    """
    return (relevant - 1) / (relevant + 1) * (candidates + 1)


def _precisions(ranks: np.ndarray, k: float = np.inf) -> np.ndarray:
    """[Q, R]: precision at each of the ranks up to k, in order of rank, then zeros."""
    ordered = np.sort(np.where((ranks > 0) & (ranks <= k), ranks, np.inf), axis=1)
    return np.arange(1, ranks.shape[1] + 1) / ordered


def _count(ranks: np.ndarray, relevant: np.ndarray | None) -> np.ndarray:
    """|R| of every query: [Q] int."""
    found = (ranks > 0).sum(axis=1)
    if relevant is None:
        return found
    if (found > relevant).any():
        q = int(np.argmax(found > relevant))
        raise ValueError(f"query {q} has {found[q]} ranks, `relevant` is {relevant[q]}")
    return relevant


def _share(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Total / count, nan where count is 0."""
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
