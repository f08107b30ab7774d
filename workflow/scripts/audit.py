"""Join the overlaps of all sources and benchmarks: by source, part and benchmark."""

from typing import TYPE_CHECKING

import pandas as pd

from langscale.core.files import atomic
from langscale.jobs.log import redirect
from langscale.jobs.manifests import checked

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

folders = [checked(file) for file in snakemake.input.overlaps]
for name in ("summary", "leaks"):
    # as text: numbers keep their digits, and an id such as NA stays one
    tables = [pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False) for folder in folders]
    with atomic(snakemake.output[name]) as partial:
        rows = pd.concat(tables).sort_values(["source", "part"], kind="stable")
        rows.to_csv(partial, index=False, lineterminator="\n")
