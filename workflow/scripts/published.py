"""Put published figures beside the study's own, and fill the layouts of the paper's tables."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from langscale.config.study import load
from langscale.jobs.log import redirect
from langscale.published import figures as published
from langscale.reporting import marked
from langscale.reporting import paper_tables as paper

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

study = load(snakemake.params.study)
scaling, languages, contrasts = (
    pd.read_csv(snakemake.input[name], keep_default_na=False, na_values=[""])
    for name in ("scaling", "languages", "contrasts")
)
folder = Path(snakemake.output[0]).parent
published.write(*published.compare(study, scaling, languages), folder)
for name in snakemake.params.papers:
    marked.write(paper.fill(study, name, scaling, languages, contrasts), folder, name)
