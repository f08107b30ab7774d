"""Fetch and verify the raw files of one data set."""

from typing import TYPE_CHECKING

from langscale import benchmarks, sources
from langscale.fetch import fetch_all
from langscale.files import sha256, write_json
from langscale.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

p = snakemake.params
module = sources if p.kind == "source" else benchmarks
paths = fetch_all(module.reader(p.name).files(p.languages), "resources", p.mirror, p.accept_licence)
write_json(snakemake.output[0], {str(path): sha256(path) for path in paths})
