"""Look for the texts of one benchmark in the training and validation set of one source."""

from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

from langscale.core.files import atomic
from langscale.data.benchmarks.built import audited
from langscale.data.leakage import audit
from langscale.data.sources.built import parts, table

source = job.data("source")
benchmark = job.data("benchmark", "questions.parquet", "candidates.parquet", "relevant.parquet")
sets = (
    (source.name, part, *(table(source, part, name).to_pandas() for name in ("pairs", "passages")))
    for part in parts(source)
)
found = audit(sets, {benchmark.name: audited(benchmark)}, snakemake.params.containment)
with atomic(job.target()) as partial:
    partial.mkdir()
    for name, rows in zip(("summary", "leaks"), found, strict=True):
        rows.to_csv(partial / f"{name}.csv", index=False, lineterminator="\n")
job.done()
