"""Rank one benchmark by one run and score it."""

from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

import numpy as np

from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval.evaluation import scored, scores_of, write

p, benchmark = snakemake.params, Benchmark.load(job.data("benchmark"))
if p.ngrams:
    from langscale.retrieval.bm25 import rank

    top, own, multi = rank(benchmark, p.top_k, *p.ngrams)
    scores = scores_of(benchmark, top, own, multi)
else:
    folder = job.data("embeddings")
    queries, candidates = (np.load(folder / f"{side}.npy") for side in ("questions", "candidates"))
    top, scores = scored(benchmark, queries, candidates, p.top_k, p.controls)

write(top, scores, job.target(".npy", "rankings"), job.target(".parquet", "scores"))
job.done()
