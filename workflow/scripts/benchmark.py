"""Build one benchmark."""

from typing import TYPE_CHECKING

from langscale.core.files import atomic
from langscale.data.benchmarks.readers import reader
from langscale.data.download import verify
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

p = snakemake.params
if snakemake.input.raw:
    verify(snakemake.input.raw)
with atomic(snakemake.output[0]) as partial:
    partial.mkdir()
    reader(p.set).write(partial, p.languages, p.questions, "resources", **p.options)
