"""Compute the tables of scores and statistics, as CSV."""

import os

# a process for each thread of the rule: before numpy is imported, as it asks once
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

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
for name, table in all_tables(study, Grid(study), files, snakemake.threads).items():
    write_csv(folder / f"{name}.csv", table)
