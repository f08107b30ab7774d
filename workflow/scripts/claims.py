"""Decide every claim, as CSV."""

from typing import TYPE_CHECKING

from langscale.claims.claims_table import claims_table
from langscale.config.study import load
from langscale.core.csv_tables import read_csv, write_csv
from langscale.design.grid import Grid
from langscale.jobs.log import redirect
from langscale.jobs.manifests import checked

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

study = load(snakemake.params.study)
files = dict(zip(map(tuple, snakemake.params.scored), map(checked, snakemake.input.scores), strict=True))
audit = read_csv(snakemake.input.audit) if snakemake.input.audit else None
diversity = read_csv(snakemake.input.diversity)
write_csv(snakemake.output[0], claims_table(study, Grid(study), files, audit, diversity))
