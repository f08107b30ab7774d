"""Draw every figure of the study."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from langscale.core.csv_tables import read_csv
from langscale.jobs.log import redirect
from langscale.jobs.manifests import checked
from langscale.reporting.figures.all_figures import all_figures
from langscale.reporting.figures.style import save

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

tables = {
    name: read_csv(file) for name, file in zip(snakemake.params.tables, snakemake.input.tables, strict=True)
}
logs = [
    pd.read_csv(checked(file), usecols=["step", "loss"]).assign(**labels)
    for file, labels in zip(snakemake.input.logs, snakemake.params.logs, strict=True)
]
losses = pd.concat(logs) if logs else pd.DataFrame()
folder = Path(snakemake.output[0]).parent
p = snakemake.params
for name, figure in all_figures(tables, losses, p.pool, p.names, p.joint):
    save(figure, folder, name)
