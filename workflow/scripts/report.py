"""Write the report."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.config.study import load
from langscale.core.files import atomic
from langscale.jobs.log import redirect
from langscale.reporting.report import build

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

output = Path(snakemake.output[0])
provenance = json.loads(Path(snakemake.input.provenance[0]).read_text(encoding="utf-8"))
page = build(load(snakemake.params.study), output.parent, provenance, snakemake.params.captions)
with atomic(output) as partial:
    partial.write_text(page, encoding="utf-8")
