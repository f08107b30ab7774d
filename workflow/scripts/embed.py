"""Embed one benchmark with one checkpoint, or take the embeddings that training left beside it."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.jobs.gpu import lease
from langscale.jobs.log import redirect
from langscale.retrieval.embedding import embed_benchmark, left_folder

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

p, files, output = snakemake.params, snakemake.input, Path(snakemake.output[0])
left = left_folder(files.checkpoint, files.tokens) if files.checkpoint else None
if left and left.is_dir():
    left.rename(output)
else:
    lease()
    import torch

    from langscale.config.model import Model
    from langscale.models.encoder import Encoder

    torch.set_num_threads(p.threads)
    model, run = Model.model_construct(**p.model), p.run
    if files.checkpoint:
        encoder = Encoder.load(files.checkpoint, model.pooling)
    else:
        encoder = Encoder.initial(files.base, run["model"], model, run["seed"])
    encoder = encoder.to("cuda" if torch.cuda.is_available() else "cpu")
    embed_benchmark(encoder, output, files.checkpoint or files.base, files.tokens, run)
