"""Compute the tables of scores and statistics, as CSV."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.config.study import load
from langscale.core.csv_tables import write_csv
from langscale.design.grid import Grid
from langscale.jobs.log import redirect
from langscale.jobs.manifests import checked
from langscale.statistics.all_tables import all_tables

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

study = load(snakemake.params.study)
files = dict(zip(map(tuple, snakemake.params.scored), map(checked, snakemake.input.scores), strict=True))
folder = Path(snakemake.output[0]).parent
for name, table in all_tables(study, Grid(study), files).items():
    write_csv(folder / f"{name}.csv", table)
