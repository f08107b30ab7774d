"""Index the pairs of all sources in one set of languages."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

import numpy as np

from langscale.data import subsets
from langscale.data.sources.built import table
from langscale.data.tokens import fingerprint

p = snakemake.params
without = set()
if snakemake.input.dropped:
    without = set(json.loads(Path(snakemake.input.dropped).read_text(encoding="utf-8")))
built = {}
for (source, parts), folder in zip(p.sources.items(), job.all_data("sources"), strict=True):
    for part in parts:
        # ids alone: the texts of a large source do not fit in memory
        queries = table(folder, part, "pairs")
        prints = np.fromiter(map(fingerprint, queries["query"]), np.int64, len(queries))
        pairs = queries.remove_columns("query").to_pandas()
        passages = table(folder, part, "passages").remove_columns("text").to_pandas()
        built[source, part] = subsets.build(
            source, pairs, passages, p.languages, p.pool, p.hard_negatives, without, prints
        )
subsets.write(job.target(), built, p.languages)
job.done()
