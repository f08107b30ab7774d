"""Where files lie, and what the rules ask again and again."""

import re
import shutil

from langscale.data.benchmarks import readers as benchmarks
from langscale.data.sources import readers as sources

GPU = int(
    shutil.which("nvidia-smi") is not None
)  # jobs ask for a GPU only where there is one


def code(script, *modules):
    """The script and the modules whose change makes a rule's outputs stale, as absolute paths."""
    return [
        ROOT / "workflow/scripts" / script,
        *(ROOT / "src/langscale" / name for name in modules),
    ]


def embeddings(run, checkpoint, benchmark):
    return f"{RESULTS}/runs/{run.path}/embeddings/{checkpoint}/{benchmark}"


def rankings(run, checkpoint, benchmark):
    return f"{RESULTS}/runs/{run.path}/rankings/{checkpoint}/{benchmark}.npy"


def scores(run, checkpoint, benchmark):
    return f"{RESULTS}/runs/{run.path}/scores/{checkpoint}/{benchmark}.parquet"


TRANSLATION = "translation"  # its name among the raw files of models
TRANSLATED = [name for name in SOURCES if STUDY.sources[name].translate]


def one_of(names):
    """A pattern for a wildcard that lets through these names only, so nothing where there is none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def model_of(name):
    """The section of a model, the translation model among them."""
    return STUDY.models[name] if name in STUDY.models else STUDY.translation


def set_of(benchmark):
    """The data set of a benchmark that the config may have given a name of its own."""
    return STUDY.benchmarks[benchmark].set or benchmark


def encoding(name, *keys):
    """What of a model's options a job is told: where the model comes from reaches it through the `base` folder."""
    return STUDY.models[name].model_dump(include={"architecture", "pooling", *keys})


def origin(name, *keys):
    """What makes a model's folder; the pooling only where it needs files of its own."""
    model = model_of(name)
    dense = getattr(model, "pooling", None) == "cls-dense"
    wanted = {"hub", "revision", "bundled", *keys, *(["pooling"] if dense else [])}
    return model.model_dump(include=wanted)


def languages_of(kind, name):
    """The languages that a data set is asked for."""
    if kind == "benchmark":
        return STUDY.benchmarks[name].languages or STUDY.languages.all
    # a tokenizer that is trained here reads the held-out languages too
    built = any(model.architecture for model in STUDY.models.values())
    return STUDY.languages.all if built else STUDY.languages.pool


LISTED = [name for name in BENCHMARKS if STUDY.listed(name)]
IN_MEMORY = [name for name in BENCHMARKS if name not in LISTED]


def unembedded():
    """Trained runs that left no embeddings for a benchmark that lacks them, one that was added later."""
    lacking = {
        run.path
        for name in IN_MEMORY
        for run, checkpoint in GRID.scored(name)
        if run.steps and not Path(embeddings(run, checkpoint, name)).is_dir()
    }
    for folder in (Path(RESULTS) / "runs" / path for path in sorted(lacking)):
        if (folder / "last").is_dir() and not any((folder / ".left").glob("[!.]*")):
            yield str(folder.relative_to(f"{RESULTS}/runs"))


def tokens_of(benchmark):
    """Folder of a benchmark's tokens; training embeds those called benchmark-, but no corpus."""
    return f"{'corpus' if benchmark in LISTED else 'benchmark'}-{benchmark}"


def raw(kind, name):
    """The list of raw files of a data set or model; nothing for one that needs none."""
    if kind == "model":
        remote = model_of(name).remote
    elif kind == "source":
        remote = name not in sources.EMBEDDED
    else:
        remote = set_of(name) not in benchmarks.EMBEDDED
    return f"{RESULTS}/raw/{kind}-{name}.json" if remote else []
