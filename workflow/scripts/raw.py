"""Fetch and verify the raw files of one data set or model."""

from typing import TYPE_CHECKING

from langscale.config.model import Model
from langscale.core.files import write_json
from langscale.data import catalogue
from langscale.data.download import fetch_all, recorded
from langscale.jobs.log import redirect
from langscale.models import pretrained as base

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

p = snakemake.params
if p.kind == "model":
    paths = base.fetch(Model(**p.model), "resources", p.where["mirror"], p.where["accept_licence"])
else:
    record = {"source": catalogue.source, "benchmark": catalogue.benchmark}[p.kind](p.name)
    paths = fetch_all(record.files(p.languages), "resources", p.where["mirror"], p.where["accept_licence"])
write_json(snakemake.output[0], {str(path): recorded(path) for path in paths})
