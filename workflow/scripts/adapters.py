"""Train the adapters of one curve (model, sampler, budget); a run that was trained before is left alone."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.jobs.gpu import lease
from langscale.jobs.job import Job, together, undone
from langscale.jobs.log import redirect

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

SAVE_MINUTES = 10  # of work are lost at most when a job is killed; changes no result

terminal = redirect(snakemake.log[0])
where = snakemake.params.where

jobs = undone(together(where, snakemake.params.runs, terminal), snakemake.log[0])
lease()

from langscale.config.model import AdapterOptions
from langscale.config.sampler import Spec
from langscale.config.training import Training
from langscale.data.vector_store import Store, Vectors
from langscale.training.adapter import AdapterModule, AdapterStep
from langscale.training.batches import Sampler
from langscale.training.loop import Recipe, train
from langscale.training.resume import State
from langscale.training.step import load_data
from langscale.training.validation import validation_batches, validation_loss


@cache
def vectors(folder: Path) -> Vectors:
    """The base vectors of an index, read once."""
    return Vectors.load(folder, Store.of(folder, where["store"]))


def train_adapter(job: Job) -> None:
    """Train one run."""
    p = job.params
    run, training, options = p["run"], Training(**p["training"]), AdapterOptions(**p["adapter"])
    indices = {folder.name: folder for folder in job.all_data("vectors")}
    data = load_data(
        job.data("subset"),
        run["sources"],
        "train",
        run["take"],
        lambda source, side: vectors(indices[f"source-{source}"] / "train" / side),
    )
    sampler = Sampler(
        Spec.parse(run["sampler"]),
        run["languages"],
        [d.index(run.get("sizes", {}).get(d.subset.name)) for d in data],
        training.batch_size,
        run["seed"],
        by_size_first=training.by_size_first,
    )
    validate = None
    if training.validation:
        take = {"whole_pool": training.validation.languages == "pool"}
        held = load_data(
            job.data("validation"),
            p["validation_sources"],
            "validation",
            take,
            lambda source, side: vectors(indices[f"source-{source}"] / "validation" / side),
        )
        batches = validation_batches(
            held, p["validation_languages"], training.validation, training.batch_size
        )
        validate = validation_loss(held, batches)
    module = AdapterModule(data[0].queries.width, options, run["model"], run["seed"])
    folder = job.target(name="log").parent
    state = State(folder / ".state", job.key, SAVE_MINUTES)
    recipe = Recipe(training, sampler, data, run["steps"], run["seed"], run["path"])
    index = json.loads((indices[f"source-{run['sources'][0]}"] / "train/queries/index.json").read_text())
    facts = {name: run[name] for name in ("model", "sampler", "languages", "seed", "steps")}
    facts |= {"encoder": index["store"], **index["reading"]}  # which vectors it changes
    train(recipe, AdapterStep(module, training, facts), folder, validate, state, terminal)
    job.done()
    state.clear()


for job in jobs:
    train_adapter(job)
