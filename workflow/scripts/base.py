"""Fetch a model, or make the config and tokenizer of one that is trained from scratch."""

from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

from langscale.config.model import Model
from langscale.data.sources.built import parts, table
from langscale.models import pretrained

model = Model(**snakemake.params.model | snakemake.params.where)
texts = (
    text
    for folder in job.all_data("sources")
    if "train" in parts(folder)
    for name, column in (("pairs", "query"), ("passages", "text"))
    for text in table(folder, "train", name)[column]
)
pretrained.make(job.target(), model, texts, snakemake.input.raw or None)
job.done()
