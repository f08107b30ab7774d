"""Draw every figure of the study."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from langscale import figures
from langscale.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

scaling, transfer = (
    pd.read_csv(file, keep_default_na=False, na_values=[""]) for file in snakemake.input.tables
)
logs = pd.concat(
    pd.read_csv(file, usecols=["step", "loss"]).assign(**labels)
    for file, labels in zip(snakemake.input.logs, snakemake.params.logs, strict=True)
)
folder = Path(snakemake.output[0]).parent
for setting in ("mono", "cross", "multi"):
    figures.save(figures.scaling(scaling, setting), folder, f"scaling-{setting}")
figures.save(figures.bias(scaling), folder, "bias")
if "transfer" in snakemake.params.names:
    figures.save(figures.transfer(transfer), folder, "transfer")
figures.save(figures.training(logs), folder, "training")
