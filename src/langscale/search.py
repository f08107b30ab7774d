"""Exact retrieval from embeddings: FAISS top-k lists, and the exact rank of every relevant candidate.

Two rules hold everywhere. Equal scores: the lower candidate index comes first (candidates are in pool order).
Blocks of queries have a fixed size, the last one filled up with zeros, because the rounding of a matrix
product moves with its shape, and ranks follow: so the answer for a query does not depend on how many queries
come after it.

A third is for duplicates, of which sentence pools have many. Common BLAS kernels (OpenBLAS on AVX2, such as
Zen and Haswell) round the same vector differently in different columns, so equal candidates would not tie.
They are found by their bytes and share the score of the first.
"""

from collections.abc import Iterator

import numpy as np

BLOCK = 512  # queries per FAISS search
ROWS = 256  # queries per matrix product of exact_ranks: ROWS x N scores are in memory at a time
SPARE = 8  # hits searched beyond k, so that a tie at place k shows


def top_k(queries: np.ndarray, candidates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k candidates of the highest inner product of every query, best first.

    queries [Q, d] and candidates [N, d], float32 -> scores [Q, k] float32 and index [Q, k] int32. Equal
    scores are in order of index, also where they straddle place k. Where N < k, the places behind N hold
    index -1 and score -inf (as in FAISS). Raises ValueError on NaN or infinite values, and where the shapes
    do not fit.
    """
    import faiss

    queries, candidates = _matrices(queries, candidates)
    first = first_copies(candidates)
    distinct, group = np.unique(first, return_inverse=True)
    members = np.argsort(group, kind="stable")  # the candidates of group 0, then of group 1, ...
    size = np.bincount(group)
    start = np.cumsum(size) - size

    # from 1.14.2 on FAISS leaves BLAS for queries x d < 128,000, which is several times slower on one thread
    faiss.cvar.distance_compute_blas_threshold = 0
    index = faiss.IndexFlatIP(candidates.shape[1])
    index.add(candidates[distinct])

    full = np.arange(min(k, len(candidates)))
    scores = np.full((len(queries), k), -np.inf, np.float32)
    found = np.full((len(queries), k), -1, np.int32)
    for begin, rows, block in _blocks(queries, BLOCK):
        hit_scores, hits = _search(index, block, rows, k)
        # every hit stands for all candidates with its vector, of which no more than k can be needed
        count = np.minimum(size[hits], k).ravel()
        row = np.repeat(np.repeat(np.arange(rows), hits.shape[1]), count)
        place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        candidate = members[np.repeat(start[hits].ravel(), count) + place]
        score = np.repeat(hit_scores.ravel(), count)
        order = np.lexsort((candidate, -score, row))
        best = order[np.searchsorted(row, np.arange(rows))[:, None] + full]
        scores[begin : begin + rows, : len(full)] = score[best]
        found[begin : begin + rows, : len(full)] = candidate[best]
    return scores, found


def exact_ranks(
    queries: np.ndarray, candidates: np.ndarray, candidate_language: np.ndarray, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Exact ranks of the relevant candidates for mono, cross and multi at once, from one matrix product.

    The scores of relevant candidates come from the product that they are compared in: computed apart they
    would differ in the last bits, and a candidate would outrank itself.

    queries [Q, d] and candidates [N, d], float32; candidate_language [N] int; relevant [Q, R] int: candidate
    indices, -1 where there is none -> (rank_own_pool, rank_multi), both [Q, R] int32, see
    `ranks_from_scores`. Memory: ROWS x N scores. Raises ValueError as `top_k` and `ranks_from_scores` do.
    """
    queries, candidates = _matrices(queries, candidates)
    _check(relevant, candidate_language, len(queries), len(candidates))
    own = np.empty(relevant.shape, np.int32)
    multi = np.empty(relevant.shape, np.int32)
    order = np.argsort(candidate_language, kind="stable")
    columns = candidates[order]
    first = first_copies(columns)
    copies = np.flatnonzero(first != np.arange(len(first)))
    scores = np.empty((ROWS, len(columns)), np.float32)
    for begin, rows, block in _blocks(queries, ROWS):
        np.matmul(block, columns.T, out=scores)
        scores[:, copies] = scores[:, first[copies]]
        part = slice(begin, begin + rows)
        own[part], multi[part] = _ranks(scores[:rows], order, candidate_language, relevant[part])
    return own, multi


def ranks_from_scores(
    scores: np.ndarray, candidate_language: np.ndarray, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Exact ranks of the relevant candidates from dense scores of any origin (embeddings, BM25).

    scores [B, N] float in pool order; candidate_language [N] int; relevant [B, R] int, -1 where there is none
    -> rank_own_pool [B, R] int32, the rank in the pool of the candidate's own language, and rank_multi [B, R]
    int32, the rank among all candidates; both 1-based, 0 where there is none. The rank of candidate i is 1 +
    the number of candidates j with a higher score, or with the same score and j < i. Raises ValueError on NaN
    scores (which nothing would beat) and on indices that are no candidates.
    """
    _check(relevant, candidate_language, *scores.shape)
    order = np.argsort(candidate_language, kind="stable")
    columns = np.empty_like(scores)
    for row, target in zip(scores, columns, strict=True):  # five times faster than scores[:, order]
        row.take(order, out=target, mode="clip")
    return _ranks(columns, order, candidate_language, relevant)


def _ranks(
    scores: np.ndarray, order: np.ndarray, candidate_language: np.ndarray, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`ranks_from_scores` for scores whose columns are the candidates in `order`: by language, then by index.

    One sort of a row costs less than a pass over it for each of R relevant candidates, and N grows with R;
    the pool of a language is one slice. Equal scores are rare in embeddings and are counted apart.
    """
    n = len(order)
    column = np.empty(n, np.int64)
    column[order] = np.arange(n)
    columns = column[relevant]  # -1 gives some other candidate, whose ranks are dropped at the end
    languages = candidate_language[relevant]
    begins = np.searchsorted(candidate_language[order], languages, "left")
    ends = np.searchsorted(candidate_language[order], languages, "right")
    own = np.empty(relevant.shape, np.int32)
    multi = np.empty(relevant.shape, np.int32)
    ascending = np.empty(n, scores.dtype)
    same_by_index = np.empty(n, bool)
    for question, row in enumerate(scores):
        ascending[:] = row
        ascending.sort()
        if np.isnan(ascending[-1]):
            raise ValueError(f"the scores of question {question} hold NaN")
        score = row[columns[question]]
        not_above = ascending.searchsorted(score, "right")
        equal = not_above - ascending.searchsorted(score, "left")
        multi[question] = 1 + n - not_above
        pools = zip(score, begins[question].tolist(), ends[question].tolist(), strict=True)
        own[question] = [1 + np.count_nonzero(row[begin:end] > value) for value, begin, end in pools]
        for value in dict.fromkeys(score[equal > 1].tolist()):
            same = row == value
            same_by_index[order] = same
            for slot in np.flatnonzero(score == value):
                at = question, slot
                multi[at] += np.count_nonzero(same_by_index[: relevant[at]])
                own[at] += np.count_nonzero(same[begins[at] : columns[at]])
    present = relevant >= 0
    return np.where(present, own, 0), np.where(present, multi, 0)


def first_copies(vectors: np.ndarray) -> np.ndarray:
    """For each row of vectors [N, d] the index of the first row with the same bytes: [N] int64."""
    seen: dict[bytes, int] = {}
    first = (seen.setdefault(row.tobytes(), i) for i, row in enumerate(vectors))
    return np.fromiter(first, np.int64, len(vectors))


def _search(index: object, block: np.ndarray, rows: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """FAISS's hits of the first `rows` queries of the block, complete down to the score at place k."""
    width = min(k + SPARE, index.ntotal)
    while True:
        scores, hits = (found[:rows] for found in index.search(block, width))
        # which of several equal scores FAISS keeps last is not defined: the last must be below place k
        if width == index.ntotal or (scores[:, k - 1] > scores[:, -1]).all():
            return scores, hits
        width = min(8 * width, index.ntotal)


def _blocks(queries: np.ndarray, size: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """(begin, number of queries, block [size, d]) for all queries; the last block is filled up with zeros."""
    for begin in range(0, len(queries), size):
        block = queries[begin : begin + size]
        rows = len(block)
        if rows < size:
            block = np.concatenate([block, np.zeros((size - rows, block.shape[1]), block.dtype)])
        yield begin, rows, block


def _matrices(queries: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as contiguous float32 matrices of the same width."""
    if queries.ndim != 2 or candidates.ndim != 2 or queries.shape[1] != candidates.shape[1]:
        raise ValueError(f"queries {queries.shape}, candidates {candidates.shape}: expected [Q, d], [N, d]")
    if not len(candidates):
        raise ValueError("there are no candidates")
    checked = []
    for name, matrix in (("queries", queries), ("candidates", candidates)):
        if not np.isfinite(matrix).all():
            row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
            raise ValueError(f"{name}: the embedding in row {row} is NaN or infinite")
        checked.append(np.ascontiguousarray(matrix, np.float32))
    return checked[0], checked[1]


def _check(relevant: np.ndarray, candidate_language: np.ndarray, questions: int, n: int) -> None:
    """Raise ValueError where the shapes do not fit, or an index is no candidate."""
    if len(relevant) != questions or candidate_language.shape != (n,):
        shapes = f"relevant {relevant.shape} and candidate_language {candidate_language.shape}"
        raise ValueError(f"{shapes} do not fit {questions} questions and {n} candidates")
    if relevant.size and not -1 <= relevant.min() <= relevant.max() < n:
        raise ValueError(f"relevant holds {relevant.min()} .. {relevant.max()}, expected -1 .. {n - 1}")
