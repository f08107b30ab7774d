"""Controls of language bias that need the embeddings: rankings after centring, and of parallel queries.

If a language is a direction that its texts share, taking out the mean of each language's embeddings takes the
bias out and leaves the meaning: what is left of rank distance and own-language advantage then is not that
direction.
"""

import numpy as np

from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval import language_bias as bias
from langscale.retrieval import rank_formulas
from langscale.retrieval.ranks import best
from langscale.retrieval.search import exact_ranks

SAMPLE = 2000  # candidates whose order is compared; all of them take 15 times as long and say the same


def controls(queries: np.ndarray, candidates: np.ndarray, benchmark: Benchmark) -> np.ndarray:
    """`scores.CONTROLS` of every query in the corpus of all languages, float32 [Q, 4], from embeddings [Q,
    d], [N, d].

    Spearman: see `spearman`; the others as of multi, from embeddings centred by `centred`. nan as theirs.
    """
    both = (benchmark.query_language, benchmark.candidate_language)
    q, c = (centred(v, languages) for v, languages in zip((queries, candidates), both, strict=True))
    _, multi = exact_ranks(q, c, benchmark.candidate_language, benchmark.relevant)
    first = best(multi, len(benchmark.languages))
    found = (
        spearman(queries, candidates, benchmark.queries["question_id"].to_numpy()),
        rank_formulas.average_precision(multi),
        bias.rank_distance(first),
        bias.own_language_advantage(first, benchmark.query_language),
    )
    return np.stack(found, axis=1).astype(np.float32)


def centred(vectors: np.ndarray, language: np.ndarray) -> np.ndarray:
    """Vectors [K, d] minus the mean of their language [K] int, L2-normalised again; a zero vector stays."""
    out = vectors.astype(np.float32, copy=True)
    for code in np.unique(language):
        out[language == code] -= vectors[language == code].mean(axis=0)
    norm = np.linalg.norm(out, axis=1, keepdims=True)
    return np.divide(out, norm, out=out, where=norm > 0)


def spearman(queries: np.ndarray, candidates: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean rank correlation of a query's ranking with those of its translations (the same id): [Q]
    float64.

    1 - 6 sum d^2 / (N^3 - N) over the ranks of N candidates (Spearman 1904), equal scores in order of index.
    They are the first SAMPLE of the corpus, a random sample, as the corpus is in the order of a hash. nan
    without a translation.
    """
    candidates = candidates[:SAMPLE]
    n = len(candidates)
    out = np.full(len(ids), np.nan)
    order = np.argsort(ids, kind="stable")
    for rows in np.split(order, np.flatnonzero(ids[order][1:] != ids[order][:-1]) + 1):
        if len(rows) < 2:
            continue
        ranked = np.argsort(-(queries[rows] @ candidates.T), axis=1, kind="stable")
        ranks = np.empty(ranked.shape)
        np.put_along_axis(ranks, ranked, np.arange(n) - (n - 1) / 2, axis=1)
        # centred ranks have the squared norm (N^3 - N) / 12, and their products give the correlation
        correlation = ranks @ ranks.T * 12 / (n**3 - n)
        out[rows] = (correlation.sum(axis=1) - 1) / (len(rows) - 1)
    return out
