"""Index the pairs of all sources in one set of languages."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from langscale.data import subsets
from langscale.data.leakage import check
from langscale.data.sources.readers import table
from langscale.data.tokens import fingerprint
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

p = snakemake.params
without = set()
if p.audit:
    summary, offending = map(pd.read_csv, snakemake.input.audit)
    if p.audit["drop"]:
        without = set(offending["pair_id"])
    else:
        check(summary, p.audit["allowed"])
built = {}
for (source, parts), folder in zip(p.sources.items(), snakemake.input.sources, strict=True):
    for part in parts:
        # ids alone: the texts of a large source do not fit in memory
        asked = table(folder, part, "pairs")
        prints = np.fromiter(map(fingerprint, asked["query"]), np.int64, len(asked))
        pairs = asked.remove_columns("query").to_pandas()
        passages = table(folder, part, "passages").remove_columns("text").to_pandas()
        built[source, part] = subsets.build(
            source, pairs, passages, p.languages, p.pool, p.hard_negatives, without, prints
        )
subsets.write(snakemake.output[0], built, p.languages)
