"""Rank and score runs on benchmarks with vectors that are cut to their first dimensions."""

from functools import cache
from typing import TYPE_CHECKING

from langscale.jobs.job import Job, together, undone
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])
where, params = snakemake.params.where, snakemake.params

options = [params.scores | {"dimensions": dimensions} for dimensions in params.dimensions]
jobs = undone(together(where, options), snakemake.log[0])

import numpy as np

from langscale.data.benchmarks.built import Benchmark
from langscale.models.adapted_vectors import AdaptedVectors
from langscale.retrieval.dimensions import cut
from langscale.retrieval.evaluation import scored, write

benchmark_of, vectors = cache(Benchmark.load), AdaptedVectors(where["store"])


def whole(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of queries and candidates: as embedded, or base vectors through the adapter of a run."""
    if "embeddings" in job.inputs:
        folder = job.data("embeddings")
        return np.load(folder / "questions.npy"), np.load(folder / "candidates.npy")
    checkpoint = job.data("checkpoint") if job.inputs["checkpoint"] else None
    return vectors.of(checkpoint, job.data("vectors"))


last, made = None, None
for job in jobs:
    if job.inputs != last:  # the dimensions of a run stand one behind the other
        last, made = job.inputs, whole(job)
    queries, candidates = (cut(side, job.params["dimensions"]) for side in made)
    top, scores = scored(
        benchmark_of(job.data("benchmark")),
        queries,
        candidates,
        params.scores["top_k"],
        params.scores["controls"],
    )
    write(top, scores, job.target(".npy", "rankings"), job.target(".parquet", "scores"))
    job.done()
