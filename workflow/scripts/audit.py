"""Look for evaluation data in the training and validation sets."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.core.files import atomic
from langscale.data.benchmarks.tables import audited
from langscale.data.leakage import audit
from langscale.data.sources.readers import parts, table
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

sources = (
    (folder.name, part, *(table(folder, part, name).to_pandas() for name in ("pairs", "passages")))
    for folder in map(Path, snakemake.input.sources)
    for part in parts(folder)
)
benchmarks = {folder.name: audited(folder) for folder in map(Path, snakemake.input.benchmarks)}
found = audit(sources, benchmarks, snakemake.params.containment)
for file, rows in zip(snakemake.output, found, strict=True):
    with atomic(file) as partial:
        rows.to_csv(partial, index=False, lineterminator="\n")
