"""Build the pairs and passages of one source."""

from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

from datasets import Dataset

from langscale.config.data import Source
from langscale.core.files import atomic
from langscale.data import catalogue
from langscale.data.download import verify
from langscale.data.text_files import census

p = snakemake.params
section = {key: value for key, value in p.section.items() if key != "names"}
chosen = catalogue.source(p.name, Source(**section, **p.where))
if snakemake.input.raw:
    verify(snakemake.input.raw)
with atomic(job.target(name="data")) as partial, census() as counts:
    for part in p.parts:
        tables = chosen.build(part, p.languages, "resources", p.pairs, p.seed)
        for name, table in zip(("pairs", "passages"), tables, strict=True):
            Dataset.from_pandas(table, preserve_index=False).save_to_disk(partial / part / name)
counts.save(job.target(".csv", "census"))
job.done()
