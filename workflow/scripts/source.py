"""Build the pairs and passages of one source."""

from typing import TYPE_CHECKING

from datasets import Dataset

from langscale.files import atomic
from langscale.log import redirect
from langscale.sources import reader
from langscale.subsets import PARTS

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

with atomic(snakemake.output[0]) as partial:
    for part in PARTS:
        tables = reader(snakemake.params.name).build(part, snakemake.params.languages)
        for name, table in zip(("pairs", "passages"), tables, strict=True):
            Dataset.from_pandas(table, preserve_index=False).save_to_disk(partial / part / name)
