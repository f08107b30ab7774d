"""Compute every table of the study."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from langscale.config.study import load
from langscale.design.grid import Grid
from langscale.jobs.log import redirect
from langscale.reporting.tables import write
from langscale.statistics import tables

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

study = load(snakemake.params.study)
files = dict(zip(map(tuple, snakemake.params.scored), snakemake.input.scores, strict=True))
audit = pd.read_csv(snakemake.input.audit) if snakemake.input.audit else None
for name, table in tables.all_tables(study, Grid(study), files, audit).items():
    write(table, Path(snakemake.output[0]).parent, name)
