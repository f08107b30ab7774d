"""Write down where the numbers come from."""

from pathlib import Path
from typing import TYPE_CHECKING

import langscale
from langscale.core.files import write_json
from langscale.jobs.log import redirect
from langscale.jobs.manifests import checked
from langscale.reporting.provenance import provenance

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

write_json(
    snakemake.output[0],
    provenance(
        snakemake.params.study,
        [checked(file) for file in snakemake.input.logs],
        Path(langscale.__file__).parent,
    ),
)
