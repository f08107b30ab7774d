"""Write the report."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.config import load
from langscale.files import atomic
from langscale.log import redirect
from langscale.report import build

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

output = Path(snakemake.output[0])
provenance = json.loads(Path(snakemake.input.provenance[0]).read_text(encoding="utf-8"))
with atomic(output) as partial:
    partial.write_text(build(load(snakemake.params.study), output.parent, provenance), encoding="utf-8")
