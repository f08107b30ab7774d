"""Embed and search one corpus larger than memory with one checkpoint, shard by shard."""

from typing import TYPE_CHECKING

from langscale.jobs.gpu import lease
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])
lease()

import numpy as np
import torch

from langscale.config.model import Model
from langscale.core.files import atomic
from langscale.data.benchmarks.tables import Corpus
from langscale.jobs import partial as unfinished
from langscale.models.encoder import Encoder
from langscale.retrieval import sharded_search as shards

p, files, output = snakemake.params, snakemake.input, snakemake.output
torch.set_num_threads(p.threads)
model, run = Model(**p.model), p.run
if files.checkpoint:
    encoder = Encoder.load(files.checkpoint, model.pooling)
else:
    encoder = Encoder.initial(files.base, run["model"], model, run["seed"])
encoder = encoder.to("cuda" if torch.cuda.is_available() else "cpu")
weights, facts = files.checkpoint or files.base, [run["model"], run["seed"], p.top_k, p.threads]
state = unfinished.state(output.rankings, weights, files.tokens, facts, shards.CODE)
similarity, lists = shards.search_corpus(
    Corpus.load(files.benchmark), encoder, files.tokens, p.top_k, state=state
)
for file, array in ((output.similarity, similarity), (output.rankings, lists)):
    with atomic(file) as partial, open(partial, "wb") as opened:
        np.save(opened, array)
unfinished.remove_states(output.rankings)
