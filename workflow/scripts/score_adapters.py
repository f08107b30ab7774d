"""Rank and score the adapters of one curve (model, sampler, budget) on all benchmarks, from base vectors."""

from functools import cache
from typing import TYPE_CHECKING

from langscale.jobs.job import together, undone
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])
where, params = snakemake.params.where, snakemake.params.scores

jobs = undone(together(where, [params] * len(where["outputs"])), snakemake.log[0])

from langscale.data.benchmarks.built import Benchmark
from langscale.models.adapted_vectors import AdaptedVectors
from langscale.retrieval.evaluation import scored, write

benchmark_of, vectors = cache(Benchmark.load), AdaptedVectors(where["store"])

for job in jobs:
    checkpoint = job.data("checkpoint") if job.inputs["checkpoint"] else None
    queries, candidates = vectors.of(checkpoint, job.data("vectors"))
    top, scores = scored(
        benchmark_of(job.data("benchmark")), queries, candidates, params["top_k"], params["controls"]
    )
    write(top, scores, job.target(".npy", "rankings"), job.target(".parquet", "scores"))
    job.done()
