"""Write down where the numbers come from."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.files import write_json
from langscale.provenance import provenance

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

folder = Path(snakemake.params.root)
write_json(snakemake.output[0], provenance(snakemake.params.study, snakemake.input.logs, folder))
