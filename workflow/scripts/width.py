"""Check that the vectors of a model have more numbers than each of its `dimensions` keeps."""

from typing import TYPE_CHECKING

from langscale.core.errors import UserError
from langscale.core.files import write_json
from langscale.jobs.log import redirect
from langscale.jobs.manifests import checked
from langscale.models.widths import of_folder, too_wide

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

width = of_folder(checked(snakemake.input.base, "*.json"))
for problem in too_wide(snakemake.params.key, snakemake.params.dimensions, width):
    raise UserError(problem)
write_json(snakemake.output[0], {"width": width})
