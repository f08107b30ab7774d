"""Fetch a model, or make the config and tokenizer of one that is trained from scratch."""

from typing import TYPE_CHECKING

from langscale.config.model import Model
from langscale.data.sources.readers import parts, table
from langscale.jobs.log import redirect
from langscale.models import pretrained as base

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

model = Model(**snakemake.params.model)
texts = (
    text
    for folder in snakemake.input.sources
    if "train" in parts(folder)
    for name, column in (("pairs", "query"), ("passages", "text"))
    for text in table(folder, "train", name)[column]
)
base.make(snakemake.output[0], model, texts, snakemake.input.raw or None)
