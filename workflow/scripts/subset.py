"""Index the pairs of all sources in one set of languages."""

from typing import TYPE_CHECKING

from langscale import subsets
from langscale.sources import table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

p = snakemake.params
built = {}
for source, folder in zip(p.sources, snakemake.input[: len(p.sources)], strict=True):
    for part in subsets.PARTS:
        pairs, passages = (table(folder, part, name).to_pandas() for name in ("pairs", "passages"))
        built[source, part] = subsets.build(source, pairs, passages, p.languages, p.pool, p.hard_negatives)
subsets.write(snakemake.output[0], built, p.languages)
