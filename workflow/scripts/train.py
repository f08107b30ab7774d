"""Train one run."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.config import Model, Training
from langscale.encoder import Encoder
from langscale.sampling import Sampler, Spec
from langscale.training import load_data, train, validation_batches, validation_loss

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

p, files = snakemake.params, snakemake.input
run, model, training = p.run, Model(**p.model), Training(**p.training)
tokens = Path(files.tokens[0]).parent
languages = run["languages"]

data = load_data(files.subset, tokens, run["sources"], "train", run["take"])
sampler = Sampler(
    Spec.parse(run["sampler"]),
    languages,
    [d.index() for d in data],
    training.batch_size,
    run["seed"],
    by_size_first=training.by_size_first,
)
validate = None
if training.validation:
    held = load_data(files.validation, tokens, p.validation_sources, "validation", {"whole_pool": True})
    batches = validation_batches(held, p.validation_languages, training.validation, training.batch_size)
    validate = validation_loss(held, batches)

encoder = Encoder.initial(files.base, run["model"], model, run["seed"])
folder = Path(snakemake.output.log).parent
train(
    encoder,
    model,
    training,
    sampler,
    data,
    run["steps"],
    run["seed"],
    folder,
    files.base,
    validate,
    run["path"],
)

# the model is in memory now: leave its embeddings for the embed jobs, which then need no torch
from langscale.embedding import leave  # noqa: E402

for checkpoint in ("last", "best") if training.validation else ("last",):
    encoder = encoder if checkpoint == "last" else Encoder.load(folder / checkpoint, model.pooling)
    for benchmark in sorted(tokens.glob("benchmark-*")):
        leave(encoder, folder / checkpoint, benchmark)
