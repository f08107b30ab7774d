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
from langscale.models.encoder import Encoder
from langscale.retrieval.embedding import SIDES, embed_benchmark

p = snakemake.params
torch.set_num_threads(p.threads)
model = Model.model_construct(**p.model)
if model.train == "lora" and not p.initial:
    from langscale.models import lora

    encoder = lora.load(job.data("base"), job.data("checkpoint"))
    encoder = encoder.to("cuda" if torch.cuda.is_available() else "cpu")
else:
    encoder = Encoder.ready(job.data("base" if p.initial else "checkpoint"), model, p.initial)
tokens = job.data("tokens", *(f"{side}/*" for side in SIDES))
embed_benchmark(encoder, job.target(), tokens, job.state())
job.done()
