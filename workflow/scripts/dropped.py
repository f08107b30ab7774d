"""Collect the ids of the pairs that overlap with a benchmark."""

from typing import TYPE_CHECKING

import pandas as pd

from langscale.core.files import write_json
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

leaks = pd.read_csv(snakemake.input.leaks, keep_default_na=False, dtype={"pair_id": str})
write_json(snakemake.output[0], sorted(set(leaks["pair_id"])))
