"""Rank and score the adapters of one curve (model, sampler, budget) on all benchmarks, from base vectors."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.jobs.job import Job, paths, undone
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])
where, params = snakemake.params.where, snakemake.params.scores

jobs = undone(
    (
        Job(
            {name: paths(files) for name, files in inputs.items()},
            params,
            {name: Path(file) for name, file in outputs.items()},
        )
        for inputs, outputs in zip(where["inputs"], where["outputs"], strict=True)
    ),
    snakemake.log[0],
)

from langscale.core import arrays
from langscale.data.benchmarks.built import Benchmark
from langscale.data.vector_store import Store, Vectors
from langscale.models.adapter import Adapter
from langscale.retrieval.evaluation import scored

benchmark_of = cache(Benchmark.load)


@cache
def vectors(folder: Path) -> Vectors:
    """The base vectors of an index, read once."""
    return Vectors.load(folder, Store.of(folder, where["store"]))


for job in jobs:
    adapter = Adapter.load(job.data("checkpoint")) if job.inputs["checkpoint"] else Adapter()
    index = job.data("vectors")
    queries, candidates = (
        adapter.apply(vectors(index / side).table, role)[vectors(index / side).rows]
        for side, role in (("questions", "query"), ("candidates", "passage"))
    )
    top, scores = scored(
        benchmark_of(job.data("benchmark")), queries, candidates, params["top_k"], params["controls"]
    )
    arrays.save(job.target(".npy", "rankings"), top.astype(arrays.index_type(len(candidates))))
    scores.save(job.target(".parquet", "scores"))
    job.done()
