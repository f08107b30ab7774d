"""Paths of files, and facts for several rules.

The outputs of most rules are manifests, `X.json` beside the folder or file `X` (langscale.jobs.manifests). Three params
have the same meaning in every rule:

code    a hash of each file that the rule's script reaches through its imports (langscale.jobs.code_hashes)
where   where bytes are or come from, never what they are
study   the study as it was read; `identity` has what of it decides the outputs

`where` and `study` are functions of `output`. Snakemake compares no such param with the one of an earlier start.
"""

import html
import re
import shutil
import time
from functools import cache

from langscale.config.data import LOCAL, DataFiles
from langscale.data import catalogue
from langscale.data.local.layout import files as local_files
from langscale.jobs import code_hashes as hashes
from langscale.models import pretrained, widths
from langscale.models.declared import expected

GPU = int(
    shutil.which("nvidia-smi") is not None
)  # jobs ask for a GPU only where there is one


@cache
def code(script, *roots):
    """The `code` of a rule; `roots`: modules that its script imports by name."""
    return hashes.code(ROOT / "workflow/scripts" / script, *roots)


STARTED = time.time()


def answer():
    """The first sentences of a report that this start made, and where it is."""
    page = Path(f"{RESULTS}/report.html")
    if not page.exists() or page.stat().st_mtime < STARTED:
        return ""
    section = re.search(
        r'<section class="answer".*?</section>', page.read_text("utf-8"), re.DOTALL
    )
    sentences = re.findall(r"<p>(.*?)</p>", section[0]) if section else []
    return "\n".join([*map(html.unescape, sentences), f"Report: {page}", ""])


def embeddings(run, checkpoint, benchmark):
    return f"{RESULTS}/runs/{run.path}/embeddings/{checkpoint}/{benchmark}.json"


def rankings(run, checkpoint, benchmark):
    return f"{RESULTS}/runs/{run.path}/rankings/{checkpoint}/{benchmark}.json"


def scores(run, checkpoint, benchmark):
    return f"{RESULTS}/runs/{run.path}/scores/{checkpoint}/{benchmark}.json"


def base_of(run):
    return f"{RESULTS}/models/{run.model}/base.json"


def tokens_of(run, name):
    """Tokens of a run's model: source-<name>, benchmark-<name> or corpus-<name>."""
    return f"{RESULTS}/models/{run.model}/tokens/{name}.json"


LARGER_THAN_MEMORY = [
    name
    for name in BENCHMARKS
    if catalogue.benchmark(name, STUDY.benchmarks[name]).larger_than_memory
]
IN_MEMORY = [name for name in BENCHMARKS if name not in LARGER_THAN_MEMORY]
TRANSLATION = "translation"  # its name among the raw files of models
TRANSLATED = [name for name in SOURCES if STUDY.sources[name].translate]


def one_of(names):
    """A pattern for a wildcard that lets through these names only, so nothing where there is none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def model_of(name):
    """The section of a model, the translation model among them."""
    return STUDY.models[name] if name in STUDY.models else STUDY.translation


ADAPTED = [name for name, model in STUDY.models.items() if model.train == "adapter"]
ENCODED_RUN = (  # of all other models, whose encoder embeds a benchmark for each run
    rf"(?!(?:{one_of(ADAPTED)})/)" r"[^/@]+/[^/]+/[^/]+/n\d+-[0-9a-f]{8}/seed\d+"
)


def set_of(kind, name):
    """The data set of a source or benchmark that the config may have given a name of its own."""
    return STUDY.set_of(name) if kind == "benchmark" else STUDY.source_set(name)


def section_of(kind, name):
    """The section of a source or benchmark."""
    return (STUDY.sources if kind == "source" else STUDY.benchmarks)[name]


@cache
def record_of(kind, name):
    """The record of the data set of a source or benchmark."""
    find = catalogue.source if kind == "source" else catalogue.benchmark
    return find(name, section_of(kind, name))


def own_files(kind, name):
    """The user's own files of a local data set; none for other sets."""
    if set_of(kind, name) != LOCAL:
        return []
    return list(map(str, local_files(section_of(kind, name), kind).values()))


def own_section(kind, name):
    """The keys of a section that decide the data. Of a local set: all but the folder, and the names of its files."""
    if set_of(kind, name) != LOCAL:
        return section_of(kind, name).model_dump(include={"set"}, exclude_none=True)
    section = section_of(kind, name)
    more = {"validation"} if kind == "source" else set()
    values = section.model_dump(include=set(DataFiles.model_fields) - {"path"} | more)
    return values | {"names": list(local_files(section, kind))}


def place_of(kind, name):
    """Where the files of a local data set are; nothing for other sets."""
    path = section_of(kind, name).path
    return {"path": path} if path is not None else {}


FACTS = (
    "candidate_text",
    "akin",
    "own_training_part",
    "larger_than_memory",
    "machine_translated",
    "resampled",
)


def identity(**more):
    """The keys of the study that decide tables, figures and report; `more` is added."""
    values = STUDY.model_dump(exclude={"title", "mirror", "accept_licence"})
    values["languages"]["heldout"].sort()
    for section in (*values["sources"].values(), *values["benchmarks"].values()):
        section.pop("path", None)
    for model in (*values["models"].values(), values.get("translation")):
        for key in "path", "vectors":
            if model and model.get(key):
                model[key] = Path(model[key]).name
    # what langscale knows of the data sets: the catalogue is no code of a rule
    values["facts"] = {
        f"{kind} {name}": {
            fact: getattr(record_of(kind, name), fact, None) for fact in FACTS
        }
        | {"languages": sorted(record_of(kind, name).languages)}
        for kind, names in (("source", SOURCES), ("benchmark", BENCHMARKS))
        for name in names
    }
    return values | more


def encoding(name):
    """The params of a model in a job. All other options reach it through the `base` folder."""
    return STUDY.models[name].model_dump(include={"architecture", "train", "lora"})


def prefixes(name):
    """Prefixes of a model without a folder."""
    reading = expected(STUDY.models[name])
    return {
        "query_prefix": reading.query_prefix,
        "passage_prefix": reading.passage_prefix,
    }


def origin(name, *keys):
    """The keys that decide a model's folder; the pooling only if it needs files of its own."""
    model = model_of(name)
    dense = getattr(model, "pooling", None) == "cls-dense"
    wanted = {"hub", "revision", "bundled", *keys, *(["pooling"] if dense else [])}
    return model.model_dump(include=wanted)


def files_of(name):
    """The files of a model in a local folder; none for other models."""
    path = model_of(name).path
    return sorted(map(str, pretrained.files(path))) if path else []


def languages_of(kind, name):
    """The languages of a data set in the study, sorted."""
    if kind == "benchmark":
        return sorted(STUDY.benchmarks[name].languages or STUDY.languages.all)
    # a tokenizer that is trained here reads the held-out languages too
    built = any(model.architecture for model in STUDY.models.values())
    return sorted(STUDY.languages.all if built else STUDY.languages.pool)


def raw(kind, name):
    """The list of raw files of a data set or model; nothing for one that needs none."""
    if kind == "model":
        remote = model_of(name).remote
    else:
        remote = not record_of(kind, name).bundled
    return f"{RESULTS}/raw/{kind}-{name}.json" if remote else []
