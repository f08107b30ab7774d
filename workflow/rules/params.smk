"""Inputs and params of the rules for runs, downloads and tables."""

from langscale.config.model import AdapterOptions, Model
from langscale.jobs.job import Job, again, paths

CAPTIONS = {  # tables that Snakemake's own report shows, and the files in workflow/report that explain them
    name: name
    for name in (
        "claims",
        "main",
        "contrasts",
        "decomposition",
        "trends",
        "curves",
        "scaling",
    )
} | {
    "gaps": "gaps-table",
    "transfer": "transfer-table",
}


def entries(kind, name):
    """(path, SHA-256 if known) of every file of a data set or model."""
    if kind == "model":
        found = pretrained.entries(Model(**origin(name)))
    else:
        found = record_of(kind, name).files(languages_of(kind, name))
    return [(entry.path, entry.sha256) for entry in found]


def train_inputs(run):
    """The files that a run is trained from."""
    validated = STUDY.training.validation
    inputs = {
        "subset": f"{RESULTS}/subsets/{run.subset}.json",
        "base": base_of(run),
        "tokens": [tokens_of(run, f"source-{name}") for name in SOURCES],
        "validation": (
            f"{RESULTS}/subsets/{subset_name(GRID.validation_languages)}.json"
            if validated
            else []
        ),
    }
    if run.model in ADAPTED:
        del inputs["base"], inputs["tokens"]
        inputs["vectors"] = [
            vectors_of(run.model, f"source-{name}") for name in SOURCES
        ]
    return inputs


def train_params(run):
    """What a run is trained with, its code included."""
    validated, adapted = STUDY.training.validation, run.model in ADAPTED
    model = STUDY.models[run.model]
    options = (model.adapter or AdapterOptions()).model_dump() if adapted else None
    return {
        "run": run.recipe(),
        "model": encoding(run.model),
        **({"adapter": options} if adapted else {}),
        "training": STUDY.training_of(run.model).model_dump(),
        "validation_languages": GRID.validation_languages if validated else [],
        "validation_sources": [n for n in SOURCES if STUDY.sources[n].validation],
        "code": code("train.py") if not adapted else code("adapters.py"),
    }


def needs_base(run):
    """Whether the weights of a checkpoint are in the model before training, all or in part."""
    return not run.steps or STUDY.models[run.model].train == "lora"


def embed_params(run):
    """What embeddings depend on besides weights and tokens; an untrained state is drawn from its model and seed."""
    return {
        "model": encoding(run.model),
        "initial": None if run.steps else {"name": run.model, "seed": run.seed},
        "threads": STUDY.training.threads,
        "code": code("embed.py"),
    }


def of(params, name):
    """One of the params of a run, for a rule with the wildcard `run`."""
    return lambda wildcards: params(GRID.by_path[wildcards.run])[name]


def train_job(run):
    """A training as its record knows it."""
    inputs = {name: paths(files) for name, files in train_inputs(run).items()}
    folder = Path(f"{RESULTS}/runs/{run.path}")
    return Job(inputs, train_params(run), {"last": folder / "last.json"})


@cache
def out_of_date(run):
    """Whether a finished training has to be done again."""
    return bool(train_job(run).changes())


def embedded(run, checkpoint, benchmark):
    """Whether embeddings are there or a training will leave them, so that no GPU is needed for them."""
    weights = Path(f"{RESULTS}/runs/{run.path}/{checkpoint}.json")
    if run.steps and (not weights.exists() or out_of_date(run)):
        return True
    inputs = {
        "checkpoint": [weights] if run.steps else [],
        "base": paths(base_of(run)) if needs_base(run) else [],
        "tokens": paths(tokens_of(run, f"benchmark-{benchmark}")),
    }
    made = {"data": Path(embeddings(run, checkpoint, benchmark))}
    return Job(inputs, embed_params(run), made).changes() == []


def unembedded():
    """Runs that lack embeddings: untrained ones, or those of a benchmark that was added later."""
    lacking = {
        run.path
        for name in IN_MEMORY
        for run, checkpoint in GRID.scored(name)
        if run.model not in (BM25, *ADAPTED)
        and run.dimensions is None
        and not embedded(run, checkpoint, name)
    }
    return sorted(lacking)


def shown(name):
    """A table that Snakemake's own report shows."""
    return report(
        f"{RESULTS}/tables/{name}.csv",
        caption=f"../report/{CAPTIONS[name]}.rst",
        category="Tables",
        labels={"table": name},
    )


def vectors_of(model, name):
    """Where the base vectors of source-<name> or benchmark-<name> are."""
    return f"{RESULTS}/models/{model}/vectors/{name}.json"


def curves(found):
    """Lists of runs that share model, sampler and budget."""
    lists = {}
    for run in found:
        lists.setdefault((run.model, run.sampler, run.budget), []).append(run)
    return list(lists.values())


def adapter_outputs(run):
    """The manifests of an adapter's training."""
    names = *GRID.checkpoints, "log", "exposure"
    return {name: f"{RESULTS}/runs/{run.path}/{name}.json" for name in names}


def score_inputs(run, checkpoint, benchmark):
    """What a run of an adapter is scored from."""
    return {
        "benchmark": f"{RESULTS}/benchmarks/{benchmark}.json",
        "vectors": vectors_of(run.model, f"benchmark-{benchmark}"),
        "checkpoint": (
            f"{RESULTS}/runs/{run.path}/{checkpoint}.json" if run.steps else []
        ),
    }


def cut_inputs(run, checkpoint, benchmark):
    """What a run with cut vectors is scored from: what the run with the whole vectors is scored from."""
    if run.whole.model in ADAPTED:
        return score_inputs(run.whole, checkpoint, benchmark)
    return {
        "benchmark": f"{RESULTS}/benchmarks/{benchmark}.json",
        "embeddings": embeddings(run.whole, checkpoint, benchmark),
    }


def cut_where(found):
    """The places of rankings and scores of some (run, checkpoint, benchmark), and of what they are made from."""
    return {
        "store": STORE,
        "inputs": [cut_inputs(*scored) for scored in found],
        "outputs": [
            {"rankings": rankings(*scored), "scores": scores(*scored)}
            for scored in found
        ],
    }


def cut_files(found):
    """All that they are made from."""
    return [
        file
        for scored in found
        for files in cut_inputs(*scored).values()
        for file in map(str, paths(files))
    ]
