"""From the vectors of a benchmark to its rankings and scores."""

from pathlib import Path

import numpy as np

from langscale.core import arrays
from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval import language_bias as bias
from langscale.retrieval.ranks import best
from langscale.retrieval.scores import Scores


def scored(
    benchmark: Benchmark, queries: np.ndarray, candidates: np.ndarray, k: int, controls: bool
) -> tuple[np.ndarray, Scores]:
    """(top k candidates int [Q, k], scores) of unit vectors [Q, d] and [N, d]; controls: of language
    bias, too.
    """
    from langscale.retrieval.search import ranks_and_top_k

    languages, relevant = benchmark.candidate_language, benchmark.relevant
    top, own, multi = ranks_and_top_k(queries, candidates, languages, relevant, k)
    of_bias = None
    if controls:
        from langscale.retrieval.bias_controls import controls as bias_controls

        of_bias = bias_controls(queries, candidates, benchmark)
    return top, scores_of(benchmark, top, own, multi, of_bias)


def scores_of(
    benchmark: Benchmark,
    top: np.ndarray,
    own: np.ndarray,
    multi: np.ndarray,
    controls: np.ndarray | None = None,
) -> Scores:
    """Scores of a ranking: its first candidates [Q, k], and the ranks of langscale.retrieval.scores."""
    languages = np.where(
        top >= 0, benchmark.candidate_language[top], -1
    )  # -1: behind the end of a small corpus
    counts = bias.language_counts(languages, len(benchmark.languages))
    candidates = np.bincount(benchmark.candidate_language, minlength=len(benchmark.languages))
    language = np.where(candidates[benchmark.query_language] > 0, benchmark.query_language, -1)
    own_share = [bias.own_share(count, language) for count in counts.values()]
    several = own.shape[1] > len(benchmark.languages)
    return Scores(
        benchmark.queries,
        benchmark.languages,
        best(own, len(benchmark.languages)),
        best(multi, len(benchmark.languages)),
        np.stack(own_share, axis=1).astype(np.float32),
        len(benchmark.candidates),
        controls,
        counts[10].astype(np.uint8),
        candidates,
        (own, multi) if several else None,
    )


def write(top: np.ndarray, scores: Scores, rankings: str | Path, file: str | Path) -> None:
    """Write the top k candidates as .npy, in the smallest integers that hold the corpus, and the scores."""
    arrays.save(rankings, top.astype(arrays.index_type(scores.corpus_size)))
    scores.save(file)
