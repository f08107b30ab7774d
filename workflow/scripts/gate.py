"""Stop where more of a source than allowed is in a benchmark."""

from typing import TYPE_CHECKING

import pandas as pd

from langscale.core.files import write_json
from langscale.data.leakage import check
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

check(pd.read_csv(snakemake.input.summary, keep_default_na=False), snakemake.params.allowed)
write_json(snakemake.output[0], {"allowed": snakemake.params.allowed})
