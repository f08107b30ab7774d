"""Exact retrieval from embeddings: top-k lists, and the exact rank of every relevant candidate.

Equal scores: the lower candidate index comes first, everywhere (candidates are in corpus order).

The rounding of a matrix product moves with its shape and with a vector's column in it (OpenBLAS on AVX2, such
as Zen and Haswell, rounds equal columns differently), and ranks follow. So

- lists (`Best`) take no score from a product: it only says which candidates can be among the best, with the
  rounding that it may have had; their scores are added up anew, one by one, in float64. They depend on the
  two vectors alone: equal vectors tie, and no block, shard or kernel changes a list.
- `exact_ranks` needs all scores, so it takes them from products of a fixed number of queries, the last one
  filled up with zeros; candidates with the same bytes share the score of the first.

FAISS searches where lists alone are wanted. `ranks_and_top_k` takes the hits from the product that it has.
"""

from collections.abc import Iterator

import numpy as np

BLOCK = 1024  # queries per FAISS search
ROWS = 256  # queries per matrix product of exact_ranks: ROWS x N scores are in memory at a time
SPARE = 28  # hits searched beyond k: more than rounding lets change places at k, for nearly all queries
HITS = 1 << 22  # hits in memory at a time, where more of them are needed
PAIRS = 512  # scores that are added up at a time


def top_k(queries: np.ndarray, candidates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k candidates of the highest inner product of every query, best first.

    queries [Q, d] and candidates [N, d], float32 -> scores [Q, k] float32 and index [Q, k] int32, see `Best`.
    Raises ValueError on NaN or infinite values, and where the shapes do not fit.
    """
    queries, candidates = _matrices(queries, candidates)
    best = Best(queries, k)
    best.add(candidates, 0)
    return best.scores, best.index.astype(np.int32)


class Best:
    """The k best candidates of every query among those added so far, in parts and in corpus order.

    scores [Q, k] float32, best first; index [Q, k] int64. The score is the inner product in float64, rounded
    to float32; equal scores are in order of index, also where they straddle place k. Where there are fewer
    than k candidates, the places behind them hold index -1 and score -inf (as in FAISS). How the candidates
    are cut into parts changes no bit. Memory: the lists, a part, and what FAISS finds for BLOCK queries.
    """

    def __init__(self, queries: np.ndarray, k: int) -> None:
        self.queries = _matrix("queries", queries)
        self.scores = np.full((len(queries), k), -np.inf, np.float32)
        self.index = np.full((len(queries), k), -1, np.int64)
        self.lengths = np.sqrt(_squares(self.queries))

    def add(self, candidates: np.ndarray, begin: int) -> None:
        """Take in candidates [N, d] float32, which are `begin`, begin + 1, ... of the corpus.

        Raises ValueError on NaN or infinite values.
        """
        candidates = _matrix("candidates", candidates)
        error = self.error(candidates)
        for start in range(0, len(self.queries), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(self.queries)))
            found = self._search(candidates, rows, self.scores.shape[1] + SPARE)
            self.scores[rows], self.index[rows] = self._with(candidates, begin, error, rows, *found)

    def error(self, candidates: np.ndarray) -> np.ndarray:
        """A bound of the rounding of each query's products with the candidates, float [Q].

        |fl(xy) - xy| <= du/(1 - du) |x||y| in whatever order it is added, u = 2^-24 (Higham 2002, section
        3.1); one more u for rounding the score itself, the rest of the factor for the lengths.
        """
        longest = np.sqrt(_squares(candidates).max(initial=0))
        bound: np.ndarray = 1.01 * (candidates.shape[1] + 1) * 2.0**-24 * longest * self.lengths
        return bound

    def add_products(
        self,
        candidates: np.ndarray,
        error: np.ndarray,
        rows: np.ndarray,
        scores: np.ndarray,
        order: np.ndarray,
    ) -> None:
        """Take in the whole corpus for the queries `rows` from products [rows, N], columns in `order`.

        error: as of `error`. The products only say which candidates are scored anew, as FAISS's hits do.
        """
        width = min(self.scores.shape[1] + SPARE, len(order))
        columns = np.argpartition(scores, len(order) - width, axis=1)[:, len(order) - width :]
        rough = np.take_along_axis(scores, columns, 1)
        self.scores[rows], self.index[rows] = self._with(candidates, 0, error, rows, rough, order[columns])

    def _search(self, candidates: np.ndarray, rows: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """FAISS's first `width` hits: (rough scores, candidates), both [rows, width]."""
        import faiss

        # from 1.14.2 on FAISS leaves BLAS for queries x d < 128,000, which is several times slower on one
        # thread
        faiss.cvar.distance_compute_blas_threshold = 0
        width = min(width, len(candidates))
        found: tuple[np.ndarray, np.ndarray] = faiss.knn(
            self.queries[rows], candidates, width, faiss.METRIC_INNER_PRODUCT
        )
        return found

    def _with(
        self,
        candidates: np.ndarray,
        begin: int,
        error: np.ndarray,
        rows: np.ndarray,
        rough: np.ndarray,
        hits: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The lists of the queries `rows` with the new candidates in them, from the best hits by rough
        scores.

        A candidate that is no hit cannot be in the list if the last hit is below place k by more than the
        error; else FAISS searches for more hits.
        """
        width = rough.shape[1]
        scores = np.full(rough.shape, -np.inf, np.float32)
        row, place = np.nonzero(rough >= (self.scores[rows, -1] - error[rows])[:, None])
        scores[row, place] = _products(self.queries, rows[row], candidates, hits[row, place])
        # the list so far has the lower indices: with the hits by index behind it, a stable sort keeps the
        # order
        order = np.argsort(hits, axis=1)
        scores = np.concatenate([self.scores[rows], np.take_along_axis(scores, order, 1)], 1)
        index = np.concatenate([self.index[rows], np.take_along_axis(hits, order, 1) + begin], 1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self.scores.shape[1]]
        scores, index = np.take_along_axis(scores, best, 1), np.take_along_axis(index, best, 1)
        index[scores == -np.inf] = -1
        if width < len(candidates):
            unsure = np.flatnonzero(rough.min(axis=1) >= scores[:, -1] - error[rows])
            some = max(1, HITS // (8 * width))
            for part in (unsure[i : i + some] for i in range(0, len(unsure), some)):
                more = self._search(candidates, rows[part], 8 * width)
                scores[part], index[part] = self._with(candidates, begin, error, rows[part], *more)
        return scores, index


def exact_ranks(
    queries: np.ndarray, candidates: np.ndarray, candidate_language: np.ndarray, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Exact ranks of the relevant candidates for mono, cross and multi at once, from one matrix product.

    The scores of relevant candidates come from the product that they are compared in: computed apart they
    would differ in the last bits, and a candidate would outrank itself.

    queries [Q, d] and candidates [N, d], float32; candidate_language [N] int; relevant [Q, R] int: candidate
    indices, -1 where there is none -> (rank_own_language, rank_multi), both [Q, R] int32, see
    `ranks_from_scores`. Memory: ROWS x N scores. Raises ValueError as `top_k` and `ranks_from_scores` do.
    """
    queries, candidates = _matrices(queries, candidates)
    return _ranks_and_lists(queries, candidates, candidate_language, relevant, None)


def ranks_and_top_k(
    queries: np.ndarray,
    candidates: np.ndarray,
    candidate_language: np.ndarray,
    relevant: np.ndarray,
    k: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(index of `top_k`, ranks of `exact_ranks`) from one matrix product: the same bits in half the time."""
    queries, candidates = _matrices(queries, candidates)
    best = Best(queries, k)
    own, multi = _ranks_and_lists(queries, candidates, candidate_language, relevant, best)
    return best.index.astype(np.int32), own, multi


def _ranks_and_lists(
    queries: np.ndarray,
    candidates: np.ndarray,
    candidate_language: np.ndarray,
    relevant: np.ndarray,
    best: Best | None,
) -> tuple[np.ndarray, np.ndarray]:
    """`exact_ranks` of matrices; fills the lists of `best`, if given, from the same products."""
    _check(relevant, candidate_language, len(queries), len(candidates))
    error = best.error(candidates) if best else np.zeros(0)
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
        if best:
            best.add_products(candidates, error, np.arange(begin, begin + rows), scores[:rows], order)
    return own, multi


def ranks_from_scores(
    scores: np.ndarray, candidate_language: np.ndarray, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Exact ranks of the relevant candidates from dense scores of any origin (embeddings, BM25).

    scores [B, N] float in corpus order; candidate_language [N] int; relevant [B, R] int, -1 where there is
    none -> rank_own_language [B, R] int32, the rank in the corpus of the candidate's language, and rank_multi
    [B, R] int32, the rank among all candidates; both 1-based, 0 where there is none. The rank of candidate i
    is 1 + the number of candidates j with a higher score, or with the same score and j < i. Raises ValueError
    on NaN scores (which nothing would beat) and on indices that are no candidates.
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
    the corpus of a language is one slice. Equal scores are rare in embeddings and are counted apart.
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
    for query, row in enumerate(scores):
        ascending[:] = row
        ascending.sort()
        if np.isnan(ascending[-1]):
            raise ValueError(f"the scores of query {query} hold NaN")
        score = row[columns[query]]
        not_above = ascending.searchsorted(score, "right")
        equal = not_above - ascending.searchsorted(score, "left")
        multi[query] = 1 + n - not_above
        spans = zip(score, begins[query].tolist(), ends[query].tolist(), strict=True)
        own[query] = [1 + np.count_nonzero(row[begin:end] > value) for value, begin, end in spans]
        for value in dict.fromkeys(score[equal > 1].tolist()):
            same = row == value
            same_by_index[order] = same
            for slot in np.flatnonzero(score == value):
                at = query, slot
                multi[at] += np.count_nonzero(same_by_index[: relevant[at]])
                own[at] += np.count_nonzero(same[begins[at] : columns[at]])
    present = relevant >= 0
    return np.where(present, own, 0), np.where(present, multi, 0)


def first_copies(vectors: np.ndarray) -> np.ndarray:
    """For each row of vectors [N, d] the index of the first row with the same bytes: [N] int64."""
    seen: dict[bytes, int] = {}
    first = (seen.setdefault(row.tobytes(), i) for i, row in enumerate(vectors))
    return np.fromiter(first, np.int64, len(vectors))


def _products(left: np.ndarray, rows: np.ndarray, right: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Inner products of left[rows[i]] and right[others[i]], added up in float64, as float32."""
    found = np.empty(len(rows), np.float32)
    for part in (slice(i, i + PAIRS) for i in range(0, len(rows), PAIRS)):
        # numpy adds up every row by itself, always in one order
        found[part] = np.multiply(left[rows[part]], right[others[part]], dtype=np.float64).sum(axis=1)
    return found


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
    return _matrix("queries", queries), _matrix("candidates", candidates)


def _matrix(name: str, matrix: np.ndarray) -> np.ndarray:
    """The matrix as contiguous float32; ValueError on NaN or infinite values."""
    matrix = np.ascontiguousarray(matrix, np.float32)
    if not np.isfinite(_squares(matrix)).all() and not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise ValueError(f"{name}: the embedding in row {row} is NaN or infinite")
    return matrix


def _squares(matrix: np.ndarray) -> np.ndarray:
    """Squared length of every row, float64 [N]."""
    return np.einsum("nd,nd->n", matrix, matrix).astype(np.float64)


def _check(relevant: np.ndarray, candidate_language: np.ndarray, queries: int, n: int) -> None:
    """Raise ValueError where the shapes do not fit, or an index is no candidate."""
    if len(relevant) != queries or candidate_language.shape != (n,):
        shapes = f"relevant {relevant.shape} and candidate_language {candidate_language.shape}"
        raise ValueError(f"{shapes} do not fit {queries} queries and {n} candidates")
    if relevant.size and not -1 <= relevant.min() <= relevant.max() < n:
        raise ValueError(f"relevant holds {relevant.min()} .. {relevant.max()}, expected -1 .. {n - 1}")
