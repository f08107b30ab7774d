"""Write the provenance of the study."""

from pathlib import Path
from typing import TYPE_CHECKING

import langscale
from langscale.config.study import load
from langscale.core.files import write_json
from langscale.jobs.log import redirect
from langscale.jobs.manifests import checked
from langscale.models import known
from langscale.reporting.provenance import provenance

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

revisions = {}
for name, model in load(snakemake.params.study).models.items():
    record = known.encoder(model.hub)
    revisions[name] = model.revision or (record.revision if record and not model.path else None)
write_json(
    snakemake.output[0],
    provenance(
        snakemake.params.study,
        [checked(file) for file in snakemake.input.logs],
        Path(langscale.__file__).parent,
        revisions,
    ),
)
