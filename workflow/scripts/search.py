"""Embed and search one corpus larger than memory with one checkpoint, shard by shard."""

from typing import TYPE_CHECKING

from langscale.jobs.gpu import lease
from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)
lease()

import torch

from langscale.config.model import Model
from langscale.core import arrays
from langscale.data.benchmarks.built import Corpus
from langscale.models import checkpoints
from langscale.retrieval.sharded_search import search_corpus

p = snakemake.params
torch.set_num_threads(p.threads)
encoder = checkpoints.ready(Model.model_construct(**p.model), job.data, p.initial)
corpus = Corpus.load(job.data("benchmark", *Corpus.FILES))
similarity, lists = search_corpus(corpus, encoder, job.data("tokens"), p.top_k, state=job.state())
arrays.save(job.target(".npy", "similarity"), similarity)
arrays.save(job.target(".npy", "rankings"), lists)
job.done()
