"""Build one benchmark."""

from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

from langscale.config.data import Benchmark
from langscale.core.files import atomic
from langscale.data import catalogue
from langscale.data.download import verify
from langscale.data.text_files import census

p = snakemake.params
if snakemake.input.raw:
    verify(snakemake.input.raw)
with atomic(job.target(name="data")) as partial, census() as counts:
    partial.mkdir()
    section = {key: value for key, value in p.section.items() if key != "names"}
    chosen = catalogue.benchmark(p.name, Benchmark(**section, **p.where))
    chosen.write(partial, p.languages, p.questions, "resources", **p.options)
counts.save(job.target(".csv", "census"))
job.done()
