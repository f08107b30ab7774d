"""Rank one benchmark by one run and score it."""

from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

import numpy as np

from langscale.core import arrays
from langscale.data.benchmarks.tables import Benchmark
from langscale.retrieval import language_bias as bias
from langscale.retrieval.scores import Scores

benchmark = Benchmark.load(job.data("benchmark"))
k = snakemake.params.top_k
controls = None
if snakemake.params.ngrams:
    from langscale.retrieval.bm25 import rank

    top, own, multi = rank(benchmark, k, *snakemake.params.ngrams)
else:
    from langscale.retrieval.search import exact_ranks, top_k

    folder = job.data("embeddings")
    questions, candidates = (np.load(folder / f"{side}.npy") for side in ("questions", "candidates"))
    top = top_k(questions, candidates, k)[1]
    own, multi = exact_ranks(questions, candidates, benchmark.candidate_language, benchmark.relevant)
    if snakemake.params.controls:
        from langscale.retrieval.bias_controls import controls as of_bias

        controls = of_bias(questions, candidates, benchmark)

languages = np.where(top >= 0, benchmark.candidate_language[top], -1)  # -1: behind the end of a small pool
counts = bias.language_counts(languages, len(benchmark.languages))
own_share = [bias.own_share(count, benchmark.question_language) for count in counts.values()]
scores = Scores(
    benchmark.questions,
    benchmark.languages,
    own,
    multi,
    np.stack(own_share, axis=1).astype(np.float32),
    len(benchmark.candidates),
    controls,
    counts[10].astype(np.uint8),
    np.bincount(benchmark.candidate_language, minlength=len(benchmark.languages)),
)

arrays.save(job.target(".npy", "rankings"), top)
scores.save(job.target(".parquet", "scores"))
job.done()
