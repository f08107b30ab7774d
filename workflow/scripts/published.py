"""Put published figures beside the study's own, and fill the layouts of the paper's tables."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.config.study import load
from langscale.core.csv_tables import read_csv
from langscale.jobs.log import redirect
from langscale.reporting import comparison
from langscale.reporting import paper_tables as paper

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

study = load(snakemake.params.study)
scaling, languages, contrasts = (
    read_csv(snakemake.input[name]) for name in ("scaling", "languages", "contrasts")
)
folder = Path(snakemake.output[0]).parent
comparison.write(*comparison.compare(study, scaling, languages), folder)
for name in snakemake.params.papers:
    paper.write(paper.fill(study, name, scaling, languages, contrasts), folder, name)
