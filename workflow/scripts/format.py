"""Write the tables that have a layout for reading as Markdown and LaTeX."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.core.csv_tables import read_csv
from langscale.jobs.log import redirect
from langscale.reporting.layouts import write_readable

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

for file in map(Path, snakemake.input.tables):
    write_readable(read_csv(file), file.parent, file.stem)
