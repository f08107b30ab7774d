"""Embed one benchmark with one checkpoint or with a model before training."""

from typing import TYPE_CHECKING

from langscale.jobs.gpu import lease
from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)
lease()

import torch

from langscale.config.model import Model
from langscale.models import checkpoints
from langscale.retrieval.embedding import SIDES, embed_benchmark

p = snakemake.params
torch.set_num_threads(p.threads)
encoder = checkpoints.ready(Model.model_construct(**p.model), job.data, p.initial)
tokens = job.data("tokens", *(f"{side}/*" for side in SIDES))
embed_benchmark(encoder, job.target(), tokens, job.state())
job.done()
