"""Print what the study will cost, and which claims it can test."""

from typing import TYPE_CHECKING

from langscale.config.study import load
from langscale.design.grid import Grid
from langscale.jobs.log import redirect
from langscale.planning.claim_tests import claim_tests
from langscale.planning.costs import Costs
from langscale.planning.summary import text, write

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

study = load(snakemake.params.study)
grid = Grid(study)
costs = Costs(study, grid, snakemake.params.results)
rows = costs.rows()
write(rows, f"{snakemake.params.results}/plan.csv")
print(text(costs, rows), claim_tests(grid, snakemake.params.results), sep="\n\n")
