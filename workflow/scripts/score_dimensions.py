"""Rank and score runs on benchmarks with vectors that are cut to their first dimensions."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.jobs.job import Job, paths, undone
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])
where, params = snakemake.params.where, snakemake.params

found = zip(where["inputs"], where["outputs"], params.dimensions, strict=True)
jobs = undone(
    (
        Job(
            {name: paths(files) for name, files in inputs.items()},
            params.scores | {"dimensions": dimensions},
            {name: Path(file) for name, file in outputs.items()},
        )
        for inputs, outputs, dimensions in found
    ),
    snakemake.log[0],
)

import numpy as np

from langscale.core import arrays
from langscale.data.benchmarks.built import Benchmark
from langscale.data.vector_store import Store, Vectors
from langscale.models.adapter import Adapter
from langscale.retrieval.dimensions import cut
from langscale.retrieval.evaluation import scored

benchmark_of = cache(Benchmark.load)


@cache
def vectors(folder: Path) -> Vectors:
    """The base vectors of an index, read once."""
    return Vectors.load(folder, Store.of(folder, where["store"]))


def whole(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of queries and candidates: as embedded, or base vectors through the adapter of a run."""
    if "embeddings" in job.inputs:
        folder = job.data("embeddings")
        return np.load(folder / "questions.npy"), np.load(folder / "candidates.npy")
    adapter = Adapter.load(job.data("checkpoint")) if job.inputs["checkpoint"] else Adapter()
    queries, candidates = (vectors(job.data("vectors") / side) for side in ("questions", "candidates"))
    return (
        adapter.apply(queries.table, "query")[queries.rows],
        adapter.apply(candidates.table, "passage")[candidates.rows],
    )


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
    arrays.save(job.target(".npy", "rankings"), top.astype(arrays.index_type(len(candidates))))
    scores.save(job.target(".parquet", "scores"))
    job.done()
