"""Train one run."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.jobs.gpu import lease
from langscale.jobs.job import Job, begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)
lease()
os.environ.setdefault(
    "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
)  # read with CUDA; without it cuBLAS sums in any order

from langscale.config.model import Model
from langscale.config.sampler import Spec
from langscale.config.training import Training
from langscale.data.tokens import Tokens
from langscale.jobs.manifests import checked
from langscale.models.encoder import Encoder
from langscale.retrieval.embedding import embed_benchmark
from langscale.training.batches import Sampler
from langscale.training.encoder import EncoderStep
from langscale.training.loop import Recipe, train
from langscale.training.resume import State
from langscale.training.step import load_data
from langscale.training.validation import validation_batches, validation_loss

SAVE_MINUTES = 10  # of work are lost at most when a run is killed; changes no result

p = snakemake.params
run, training = p.run, Training(**p.training)
model = Model.model_construct(**p.model)  # was checked with the config
base, tokens = job.data("base"), job.all_data("tokens")[0].parent
languages = run["languages"]


def tokens_of(part: str) -> Callable[[str, str], Tokens]:
    """The function that reads the texts of (source, side) in one part."""
    return lambda source, side: Tokens.load(tokens / f"source-{source}" / part / side)


data = load_data(job.data("subset"), run["sources"], "train", run["take"], tokens_of("train"))
sampler = Sampler(
    Spec.parse(run["sampler"]),
    languages,
    [d.index(run.get("sizes", {}).get(d.subset.name)) for d in data],
    training.batch_size,
    run["seed"],
    by_size_first=training.by_size_first,
)
validate = None
if training.validation:
    # a validation source that is English only has no pair in the whole pool
    take = {"whole_pool": training.validation.languages == "pool"}
    held = load_data(
        job.data("validation"), p.validation_sources, "validation", take, tokens_of("validation")
    )
    batches = validation_batches(held, p.validation_languages, training.validation, training.batch_size)
    validate = validation_loss(held, batches)

if model.train == "lora":
    from langscale.config.model import LoraOptions
    from langscale.models import lora

    encoder = Encoder.load(base)
    matrices = lora.attach(encoder, LoraOptions(**p.model.get("lora", {})), run["model"], run["seed"])
else:
    encoder = Encoder.initial(base, run["model"], model, run["seed"])
folder = job.target(name="log").parent
state = State(folder / ".state", job.key, SAVE_MINUTES)
recipe = Recipe(training, sampler, data, run["steps"], run["seed"], run["path"])


def write(checkpoint: Path) -> None:
    """Write a checkpoint."""
    if model.train == "lora":
        lora.save(matrices, checkpoint)
    else:
        encoder.save(checkpoint, base)


step = EncoderStep(encoder, training, write)
train(recipe, step, folder, validate, state, job.terminal)
job.done()
state.clear()

# Torch is loaded now: leave embeddings for the embed jobs, which then need none. A loaded checkpoint makes
# them, as in an embed job: the vectors of a compiled encoder differ in the last bits.
device = next(encoder.parameters()).device
for checkpoint in ("last", "best") if training.validation else ("last",):
    if model.train == "lora":
        read_encoder = lora.load(base, folder / checkpoint).to(device)
    else:
        read_encoder = Encoder.load(folder / checkpoint).to(device)
    for name, manifest in p.where["tokens"].items():
        if Path(manifest).exists():
            read = {"checkpoint": [job.outputs[checkpoint]], "tokens": [Path(manifest)]}
            if model.train == "lora":
                read["base"] = job.inputs["base"]
            left = Job(read, p.where["embed"], {"data": folder / "embeddings" / checkpoint / f"{name}.json"})
            if not left.kept:
                embed_benchmark(read_encoder, left.target(), checked(manifest), left.state())
                left.leave()
