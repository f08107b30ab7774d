"""Bad values: each is refused at the start, on one line with file, key, what was found and what is right."""

import copy
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.configs import SMALL, changed, contrast, without

from langscale.config.sampler import KINDS
from langscale.config.study import Study, load
from langscale.core.errors import UserError
from langscale.design.grid import Grid
from langscale.planning.preflight import check

NAME = "a name of letters, digits, dots, _ and - that begins with a letter or digit is right"
CODE = "a language code such as en, zh-Hant or pt-BR is right"
QUOTE = "text is right; quote it, because YAML reads no, yes, off and on as false and true"
LONG = [f"{a}{b}{c}" for a in "abcdefghijkl" for b in "abcdefghijkl" for c in "abcdefghijkl"]
VALIDATION = {"cldr": {"validation": True}}
TWO = [
    {"cell": {"sampler": "x-y", "n": 3}, "reference": {"sampler": "x-y", "n": 1}, "setting": "cross"},
    {"cell": {"sampler": "x-y", "n": 1}, "reference": {"sampler": "x-y", "n": 3, "model": "tiny"}}
    | {"setting": "cross", "family": "other"},
]
OTHER = changed("languages", {"pool": ["de", "ar"], "heldout": ["en"]}, of=changed("grid", 0, "n", [1]))
FRENCH = changed("languages", {"pool": ["fr"]}, of=changed("grid", 0, "n", [1]))
MADLAD = {"hub": "google/madlad400-3b-mt"}

MISTAKES = [  # a config, the line without the file
    # names, keys and kinds of values
    (None, "found null; a mapping of keys is right"),
    ([], "found []; a mapping of keys is right"),
    ("x", "found 'x'; a mapping of keys is right"),
    ({}, "study: missing; config/README.md describes it"),
    (without("languages"), "languages: missing; config/README.md describes it"),
    (without("sources"), "sources: found none; a study with a grid needs one"),
    (without("grid"), "grid: missing; config/README.md describes it"),
    (without("budgets", "b", "steps"), "budgets.b.steps: missing; config/README.md describes it"),
    (changed("studdy", 1), "studdy: unknown key (did you mean study?); config/README.md lists all"),
    (changed("training", "batch", 5),
     "training.batch: unknown key (did you mean batch_size?); config/README.md lists all"),
    (changed("training", "batchsize", 5),
     "training.batchsize: unknown key (did you mean batch_size?); config/README.md lists all"),
    (changed("benchmarks", "cldr", "question", 5),
     "benchmarks.cldr.question: unknown key (did you mean questions?); config/README.md lists all"),
    (changed("grid", 0, "sampler", "x-y"),
     "grid.0.sampler: unknown key (did you mean samplers?); config/README.md lists all"),
    (changed("study", "a b"), f"study: found 'a b'; {NAME}"),
    (changed("study", "../up"), f"study: found '../up'; {NAME}"),
    (changed("study", ""), f"study: found ''; {NAME}"),
    (changed("study", "x" * 101), f"study: found '{'x' * 56}...; at most 100 characters is right"),
    (changed("study", 2024), "study: found 2024; text is right; quote it"),
    (changed("study", None), "study: found null; text is right"),
    (changed("study", ["a"]), "study: found ['a']; text is right; quote it"),
    (changed("title", False), f"title: found false; {QUOTE}"),
    (changed("mirror", True), f"mirror: found true; {QUOTE}"),
    (changed("training", 5), "training: found 5; a mapping of keys is right"),
    (changed("training", []), "training: found []; a mapping of keys is right"),
    (changed("audit", True), "audit: found true; a mapping of keys is right"),
    (changed("sources", ["cldr"]), "sources: found ['cldr']; a mapping is right"),
    (changed("sources", {}), "sources: found an empty mapping; a study with a grid needs one"),
    (changed("sources", {"a b": {}}), f"sources: found 'a b'; {NAME}"),
    (changed("sources", {False: {}}), f"sources: found false; {QUOTE}"),
    (changed("sources", "cldr", None), "sources.cldr: found null; a mapping of keys is right"),
    (changed("benchmarks", {}), "benchmarks: found an empty mapping; a length of at least 1 is right"),
    (changed("models", {}), "models: found an empty mapping; a length of at least 1 is right"),
    (changed("budgets", {}), "budgets: found an empty mapping; a study with a grid needs one"),
    # languages
    (changed("languages", "pool", "en"), "languages.pool: found 'en'; a list is right"),
    (changed("languages", "pool", []), "languages: pool is empty; at least one language is right"),
    (changed("languages", "pool", ["EN"]), f"languages.pool.0: found 'EN'; {CODE}"),
    (changed("languages", "pool", ["en", "deutsch"]), f"languages.pool.1: found 'deutsch'; {CODE}"),
    (changed("languages", "pool", ["en_US"]), f"languages.pool.0: found 'en_US'; {CODE}"),
    (changed("languages", "pool", ["en", False]), f"languages.pool.1: found false; {QUOTE}"),
    (changed("languages", "heldout", [5]), "languages.heldout.0: found 5; text is right; quote it"),
    (changed("languages", "heldout", ["de"]),
     "languages: de appears twice; a language is in pool or in heldout, once"),
    (changed("languages", "pool", LONG),
     f"languages.pool: found {str(LONG)[:57]}...; a length of at most 1000 is right"),
    # sources, benchmarks, models
    (changed("sources", "cldr", "pairs", 0), "sources.cldr.pairs: found 0; more than 0 is right"),
    (changed("sources", "cldr", "pairs", 1.5), "sources.cldr.pairs: found 1.5; a whole number is right"),
    (changed("sources", "cldr", "pairs", 10**13),
     "sources.cldr.pairs: found 10000000000000; 1000000000000 or less is right"),
    (changed("sources", "cldr", "seed", -1), "sources.cldr.seed: found -1; 0 or more is right"),
    (changed("sources", "cldr", "train", "maybe"),
     "sources.cldr.train: found 'maybe'; true or false is right"),
    (changed("sources", "cldr", "train", False), "sources: none has `train: true`; set it for one"),
    (changed("benchmarks", "cldr", "questions", 0),
     "benchmarks.cldr.questions: found 0; more than 0 is right"),
    (changed("benchmarks", "cldr", "questions", True),
     "benchmarks.cldr.questions: found true; a whole number is right"),
    (changed("benchmarks", "cldr", "questions", inf),
     "benchmarks.cldr.questions: found inf; a finite number is right"),
    (changed("benchmarks", "cldr", "languages", []),
     "benchmarks.cldr.languages: found []; a length of at least 1 is right"),
    (changed("benchmarks", "cldr", "languages", ["fr"]),
     "benchmarks.cldr.languages: found fr; it is not in languages.pool or languages.heldout"),
    (changed("benchmarks", "cldr", "languages", ["de", "de"]),
     "benchmarks.cldr.languages: de appears twice; once is right"),
    (changed("benchmarks", "cldr", "seeds", [9]),
     "benchmarks.cldr.seeds: found 9; there are 1 to 4 (replicates)"),
    (changed("benchmarks", "cldr", "seeds", [0]), "benchmarks.cldr.seeds.0: found 0; more than 0 is right"),
    (changed("benchmarks", "cldr", "candidate_text", "all"),
     "benchmarks.cldr.candidate_text: found 'all'; 'sentence', 'sentence+paragraph' or "
     "'paragraph' is right"),
    (changed("models", "tiny", "hub", "a/b"),
     "models.tiny: needs hub or path, or else bundled, architecture or vectors; found hub and architecture"),
    (changed("models", "tiny", {}),
     "models.tiny: needs hub or path, or else bundled, architecture or vectors; found none of them"),
    (changed("models", "tiny", {"hub": ""}), "models.tiny.hub: found ''; at least 1 character is right"),
    (changed("models", "tiny", "architecture", {}),
     "models.tiny: architecture needs the key model_type, such as bert"),
    (changed("models", "tiny", "architecture", "bert"),
     "models.tiny.architecture: found 'bert'; a mapping is right"),
    (changed("models", "tiny", "architecture", "hidden_size", inf),
     "models.tiny.architecture: found an infinite number or nan; a finite number is right"),
    (changed("models", "tiny", "vocabulary", 100),
     "models.tiny.vocabulary: found 100; more than 100 is right"),
    (changed("models", "tiny", "pooling", "first"),
     "models.tiny.pooling: found 'first'; 'mean', 'cls', 'last', 'weighted-mean', 'max', 'mean-sqrt' or "
     "'cls-dense' is right"),
    (changed("models", "tiny", "query_length", 2), "models.tiny.query_length: found 2; more than 2 is right"),
    (changed("models", "tiny", "query_prefix", 7),
     "models.tiny.query_prefix: found 7; text is right; quote it"),
    (changed("models", "tiny", "bundled", "e5"),
     "models.tiny.bundled: found 'e5'; 'multilingual-e5-small' is right"),
    (changed("models", "bm25", {"hub": "a/b"}),
     "models.bm25: the name is that of the lexical baseline; choose another"),
    (changed("models", "tiny", {"vectors": "v"}),
     "models.tiny.train: found full; vectors have no weights, adapter is right"),
    (changed("models", "tiny", "train", "adapter"),
     "models.tiny.train: found adapter; a new architecture is trained as a whole, full is right"),
    (changed("models", "tiny", "lora", {}),
     "models.tiny.lora: found train: full; set train: lora, or leave it out"),
    (changed("models", "tiny", {"hub": "a/b", "train": "adapter", "adapter": {"rank": 2, "hidden": 3}}),
     "models.tiny.adapter: rank and hidden exclude each other; found 2 and 3"),
    (changed("models", "tiny", "training", {"threads": 2}),
     "models.tiny.training.threads: is the same for all models; set it in training"),
    (changed("models", "tiny", "train", "half"),
     "models.tiny.train: found 'half'; 'full', 'lora' or 'adapter' is right"),
    # translation and audit
    (changed("sources", "cldr", "translate", True),
     "sources.cldr.translate: needs the section `translation` with hub or path"),
    (changed("translation", MADLAD), "translation: no source has `translate: true`; set it for one"),
    (changed("translation", {}), "translation: needs hub or path; found none of them"),
    (changed("translation", MADLAD | {"max_tokens": 1024}),
     "translation.max_tokens: found 1024; 512 or less is right"),
    (changed("audit", "containment", 2), "audit.containment: found 2; 1.0 or less is right"),
    (changed("audit", "allowed", -0.1), "audit.allowed: found -0.1; 0.0 or more is right"),
    # training
    (changed("training", "batch_size", 1), "training.batch_size: found 1; more than 1 is right"),
    (changed("training", "batch_size", True), "training.batch_size: found true; a whole number is right"),
    (changed("training", "learning_rate", 0), "training.learning_rate: found 0; more than 0.0 is right"),
    (changed("training", "learning_rate", inf),
     "training.learning_rate: found inf; a finite number is right"),
    (changed("training", "learning_rate", nan),
     "training.learning_rate: found nan; a finite number is right"),
    (changed("training", "learning_rate", "fast"), "training.learning_rate: found 'fast'; a number is right"),
    (changed("training", "learning_rate", 1000),
     "training.learning_rate: found 1000; 100.0 or less is right"),
    (changed("training", "warmup", 1.5), "training.warmup: found 1.5; 1.0 or less is right"),
    (changed("training", "clip", 0), "training.clip: found 0; more than 0.0 is right"),
    (changed("training", "scale", -20), "training.scale: found -20; more than 0.0 is right"),
    (changed("training", "negatives", "none"),
     "training.negatives: found 'none'; 'batch' or 'hard-only' is right"),
    (changed("training", "hard_negatives", -1), "training.hard_negatives: found -1; 0 or more is right"),
    (changed("training", "precision", "fp16"),
     "training.precision: found 'fp16'; 'auto', 'float32' or 'bf16' is right"),
    (changed("training", "threads", 0), "training.threads: found 0; more than 0 is right"),
    (changed("training", "threads", 5000), "training.threads: found 5000; 1024 or less is right"),
    (changed("training", "validation", {}),
     "training.validation: no source has `validation: true`; set it for one"),
    (changed("training", "validation", {"every": 0}, of=changed("sources", VALIDATION)),
     "training.validation.every: found 0; more than 0 is right"),
    (changed("training", "validation", {"languages": "de"}),
     "training.validation.languages: found 'de'; 'en' or 'pool' is right"),
    # budgets, ladders, replicates
    (changed("budgets", "b", "kind", "total"),
     "budgets.b.kind: found 'total'; 'fixed-total', 'fixed-per-language' or 'fixed-rows' is right"),
    (changed("budgets", "b", "steps", 0), "budgets.b.steps: found 0; more than 0 is right"),
    (changed("budgets", "b", "steps", 10**10),
     "budgets.b.steps: found 10000000000; 1000000000 or less is right"),
    (changed("budgets", "b", "sources", ["squad"]),
     "budgets.b.sources: found squad; sources with `train: true` are cldr"),
    (changed("budgets", "b", "sources", ["cldr", "cldr"]),
     "budgets.b.sources: cldr appears twice; once is right"),
    (changed("budgets", "b", "sources", []), "budgets.b.sources: found []; a length of at least 1 is right"),
    (changed("ladders", {"l": ["en", "de"]}), "ladders.l: must order exactly the pool en, de, ar"),
    (changed("ladders", {"l": ["en", "de", "de"]}), "ladders.l: de appears twice; once is right"),
    (changed("ladders", {"2": ["en", "de", "ar"]}),
     "ladders.2: numbers, all and none have a meaning of their own; choose another name"),
    (changed("replicates", 0), "replicates: found 0; more than 0 is right"),
    (changed("replicates", "many"), "replicates: found 'many'; a whole number is right"),
    (changed("replicates", 10_000_000), "replicates: found 10000000; 1000 or less is right"),
    (changed("replicates", True), "replicates: found true; a whole number is right"),
    (changed("replicates", 2.5), "replicates: found 2.5; a whole number is right"),
    (changed("replicates", -inf), "replicates: found -inf; a finite number is right"),
    (changed("ladder_count", 0), "ladder_count: found 0; more than 0 is right"),
    # the grid
    (changed("sources", {}, of=changed("grid", [])),
     "models.tiny.architecture: its tokenizer is trained on `sources`, and there are none"),
    (changed("grid", {}), "grid: found an empty mapping; a list is right"),
    (changed("grid", 0, "n", []), "grid.0.n: found []; a length of at least 1 is right"),
    (changed("grid", 0, "n", 3), "grid.0.n: found 3; a list is right"),
    (changed("grid", 0, "n", [4]), "grid.0.n: found 4; the pool has 3 languages"),
    (changed("grid", 0, "n", [0]), "grid.0.n.0: found 0; more than 0 is right"),
    (changed("grid", 0, "n", [True]), "grid.0.n.0: found true; a whole number is right"),
    (changed("grid", 0, "samplers", []), "grid.0.samplers: found []; a length of at least 1 is right"),
    (changed("grid", 0, "samplers", "x-y"), "grid.0.samplers: found 'x-y'; a list is right"),
    (changed("grid", 0, "samplers", [5]),
     "grid.0.samplers.0: found 5; text is right; quote it or a mapping is right"),
    (changed("grid", 0, "samplers", ["x-z"]),
     "grid.0.samplers: sampler 'x-z' is unknown; en-en, x-x, x-x-mono, x-y, hybrid, hybrid-0.25, "
     "x-y-batch are known"),
    (changed("grid", 0, "samplers", ["hybrid-1.5"]),
     "grid.0.samplers: sampler hybrid: alpha is 1.5; a number from 0 to 1 is right"),
    (changed("grid", 0, "samplers", ["x-x-batch"]),
     "grid.0.samplers: sampler x-x: it has no pair (found 'batch'); x-y and hybrid have"),
    (changed("grid", 0, "samplers", [{"kind": "x-y", "per": 1}]),
     "grid.0.samplers: sampler {'kind': 'x-y', 'per': 1}: neither a name nor a mapping of kind and any of "
     "alpha, pair, allow_same, directions"),
    (changed("grid", 0, "models", ["big"]), "grid.0.models: big is unknown; there are tiny"),
    (changed("grid", 0, "models", ["tinny"]),
     "grid.0.models: tinny is unknown (did you mean tiny?); there are tiny"),
    (changed("grid", 0, "models", []), "grid.0.models: found []; a length of at least 1 is right"),
    (changed("grid", 0, "budgets", ["c"]), "grid.0.budgets: c is unknown; there are b"),
    (changed("grid", 0, "ladders", ["l"]), "grid.0.ladders: l is unknown; there are none"),
    (changed("grid", 0, "ladders", "alphabetical"),
     "grid.0.ladders: found 'alphabetical'; 'random' is right or a list is right"),
    (changed("grid", [{"samplers": ["x-y"] * 1000, "n": [1, 2, 3], "replicates": 1000}]),
     "grid: found 3,000,000 cells; at most 200,000 are right, with fewer n, replicates or samplers"),
    (changed("grid", 0, "samplers", ["en-en"], of=OTHER),
     "grid.0.samplers: found en-en, but en is not in languages.pool"),
    (changed("grid", 0, {"samplers": ["x-y-en-centric"], "n": [2]}, of=OTHER),
     "grid.0: sampler x-y-en-centric: en is not among ar, de"),
    (changed("budgets", "b", {"kind": "fixed-rows", "steps": 9, "pairs": 2}),
     "grid.0: budget b: found 2 pairs, none per language at n = 3; more are right"),
    # evaluation and statistics
    (changed("evaluation", "top_k", 99), "evaluation.top_k: found 99; 100 or more is right"),
    (changed("evaluation", "bm25_ngrams", [4, 2]),
     "evaluation.bm25_ngrams: found [4, 2]; the shortest goes before the longest"),
    (changed("evaluation", "bm25_ngrams", [0, 2]), "evaluation.bm25_ngrams.0: found 0; more than 0 is right"),
    (changed("evaluation", "bm25_ngrams", [2]),
     "evaluation.bm25_ngrams.1: missing; config/README.md describes it"),
    (changed("evaluation", "bm25", "perhaps"), "evaluation.bm25: found 'perhaps'; true or false is right"),
    (changed("statistics", "resamples", 10), "statistics.resamples: found 10; 100 or more is right"),
    (changed("statistics", "resamples", 10**9),
     "statistics.resamples: found 1000000000; 1000000 or less is right"),
    (changed("statistics", "claims", "C1"), "statistics.claims: found 'C1'; a list is right"),
    (changed("statistics", "claims", ["C1", "C1"]), "statistics.claims: C1 appears twice; once is right"),
    (changed("statistics", "claims", ["C1", "D4"]),
     "statistics.claims.1: D4 is unknown; docs/claims.md lists all"),
    (contrast(metric="map"),
     "statistics.contrasts.0.metric: found map, which is unknown (did you mean mAP?); there are"),
    (contrast(pair_set="pol"),
     "statistics.contrasts.0.pair_set: found 'pol'; 'all', 'pool', 'pool-heldout', 'heldout-pool' or "
     "'heldout' is right"),
    (contrast(setting="mono", pair_set="pool-heldout"),
     "statistics.contrasts.0.pair_set: found pool-heldout; mono has all, pool and heldout"),
    (contrast(metric="rank distance"),
     "statistics.contrasts.0.metric: rank distance exists in multi, pair set all; found cross, all"),
    (contrast(benchmark="xquad"),
     "statistics.contrasts.0.benchmark: found xquad; there are"),
    (contrast(family="exploratory"),
     "statistics.contrasts.0.family: found exploratory; that is the family of all undeclared comparisons"),
    (contrast(cell={"sampler": "x-y", "n": -1}),
     "statistics.contrasts.0.cell.n: found -1; 0 or more is right"),
    (contrast(cell={"sampler": "x-y", "n": 1}),
     "statistics.contrasts.0: cell and reference are one point; two are right"),
    (contrast(cell={"sampler": "x-q", "n": 1}),
     "statistics.contrasts.0.cell: sampler 'x-q' is unknown; en-en, x-x, x-x-mono, x-y, hybrid, "
     "hybrid-0.25, x-y-batch are known"),
    (contrast(cell={"sampler": "x-y", "n": 2}),
     "statistics.contrasts.0.cell: x-y n=2 names 0 points of the grid, one is right; there are bm25 none "
     "none n=0, tiny untrained none n=0, tiny x-y b n=1, tiny x-y b n=3"),
    (contrast(cell={"sampler": "x-y", "n": 3, "ladder": "l"}),
     "statistics.contrasts.0.cell.ladder: l is in no arm of the grid; there are none"),
    (changed("statistics", "contrasts", TWO),
     "statistics.contrasts.1: the same comparison as statistics.contrasts.0; once is right"),
    # names that nothing has, options and languages that do not fit
    (changed("sources", {"cldrr": {}}), "sources.cldrr: unknown (did you mean cldr?); there are"),
    (changed("sources", {"mine": {}}), "sources.mine: unknown; there are"),
    (changed("benchmarks", {"xquad": {}}), "benchmarks.xquad: unknown (did you mean xquad-r?); there are"),
    (changed("benchmarks", {"mine": {"set": "xquadr"}}),
     "benchmarks.mine.set: found xquadr, which is unknown (did you mean xquad-r?); there are"),
    (changed("benchmarks", "cldr", "candidate_text", "sentence"),
     "benchmarks.cldr.candidate_text: found sentence; only mlqa-r and xquad-r have it, leave it out"),
    (changed("benchmarks", "cldr", "every_article", 3),
     "benchmarks.cldr.every_article: found 3; only mlqa-r and xquad-r have it, leave it out"),
    (changed("languages", "heldout", ["qqq"]),
     "languages.heldout.0: language 'qqq': CLDR knows no script of it; write it as qqq-Latn or the like"),
    (changed("benchmarks", {"xquad-r": {}}, of=FRENCH),
     "benchmarks.xquad-r: xquad-r has none of the languages fr; it has ar de el en es hi ru th tr vi zh"),
    (changed("models", "mine", {"path": "/no/such/folder"}),
     "models.mine.path: found /no/such/folder; a folder with a config.json and a checkpoint is right"),
]  # fmt: skip


def started(values, file="config/t.yaml"):
    """All that is checked before the first job."""
    study = load(values, file)
    try:
        check(study)
        Grid(study)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    return study


@pytest.mark.parametrize("values, line", MISTAKES, ids=[line[:60] for _, line in MISTAKES])
def test_a_mistake_is_one_line_with_file_key_what_was_found_and_what_is_right(values, line):
    started(SMALL)  # the rest is right
    with pytest.raises(UserError) as error:
        started(values)
    text = str(error.value)
    assert text.startswith(f"config/t.yaml: {line}")
    if not line.endswith("there are"):
        assert text.removeprefix(f"config/t.yaml: {line}").partition(";")[0] == "" or values == {}
    assert len(text) <= 300 and "\n" not in text


def test_there_are_at_least_150_mistakes():
    assert len({line for _, line in MISTAKES}) >= 150


def test_as_many_mistakes_as_fit_on_the_line_are_told_at_once():
    with pytest.raises(UserError) as error:
        load(changed("replicates", 0) | {"study": "a b", "title": 5}, "f")
    assert str(error.value) == (
        f"f: study: found 'a b'; {NAME}; f: title: found 5; text is right; quote it; "
        "f: replicates: found 0; more than 0 is right"
    )
    many = changed("training", {f"key{i}": 1 for i in range(40)})
    with pytest.raises(UserError, match=r"; and \d+ more$") as error:
        load(many, "f")
    assert len(str(error.value)) <= 300


# --- properties

CODES = ("en", "de", "ar", "zh", "ja", "sw", "el", "fr")


@st.composite
def configs(draw):
    """Valid configs over all sections."""
    codes = draw(st.permutations(CODES))
    size = draw(st.integers(1, 6))
    pool, heldout = list(codes[:size]), list(codes[size : size + draw(st.integers(0, 2))])
    validation = draw(st.booleans())
    replicates = draw(st.integers(1, 6))
    budgets = {
        name: {"kind": kind, "steps": draw(st.integers(1, 1000)), "whole_pool": draw(st.booleans())}
        for name, kind in (("a", "fixed-total"), ("b.1", "fixed-rows"), ("c", "fixed-per-language"))
    }
    kinds = sorted(KINDS if "en" in pool else set(KINDS) - {"en-en"})
    kept = st.sampled_from(["x-y-batch", "hybrid-0.25", {"kind": "x-y", "directions": "ring"}])
    arm = {
        "samplers": draw(st.lists(st.sampled_from(kinds) | kept, min_size=1, max_size=3)),
        "n": draw(st.lists(st.integers(1, size), min_size=1, max_size=4)),
        "budgets": draw(st.none() | st.lists(st.sampled_from(sorted(budgets)), min_size=1, max_size=2)),
        "ladders": draw(st.sampled_from(["random", ["mine"]])),
        "replicates": draw(st.none() | st.integers(1, replicates)),
    }
    training = {
        "batch_size": draw(st.integers(2, 512)),
        "learning_rate": draw(st.floats(1e-8, 1.0) | st.sampled_from(["1e-3", "5e-5"])),
        "warmup": draw(st.floats(0, 1)),
        "threads": draw(st.integers(1, 8)),
    }
    if validation:
        training["validation"] = {"languages": "pool", "every": draw(st.integers(1, 99))}
    names = {"study": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True))}
    names["title"] = draw(st.text(max_size=60))
    return names | {
        "languages": {"pool": pool, "heldout": heldout},
        "sources": {"cldr": {"validation": validation, "pairs": draw(st.none() | st.integers(1, 10**6))}},
        "benchmarks": {"cldr": {"questions": draw(st.none() | st.integers(1, 500))}, "own": {"set": "cldr"}},
        "models": {"tiny": {"architecture": {"model_type": "bert", "dropout": draw(st.floats(0, 1))}}},
        "audit": draw(st.none() | st.fixed_dictionaries({"containment": st.floats(0, 1)})),
        "training": training,
        "budgets": budgets,
        "ladders": {"mine": draw(st.permutations(pool))},
        "replicates": replicates,
        "ladder_count": draw(st.none() | st.integers(1, 8)),
        "grid": [arm],
        "evaluation": {"bm25": draw(st.booleans()), "top_k": draw(st.integers(100, 1000))},
        "statistics": {"claims": draw(st.none() | st.just(["C1", "H2"]))},
    }  # fmt: skip


@given(configs())
@settings(deadline=None)
def test_valid_configs_are_never_refused(values):
    study = started(values)
    assert isinstance(study, Study) and load(study.model_dump()) == study


def places(values, path=()):
    """Every path into nested mappings and lists."""
    yield path
    if isinstance(values, dict | list):
        for key in values if isinstance(values, dict) else range(len(values)):
            yield from places(values[key], (*path, key))


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=400) | st.binary(max_size=9)
JUNK |= st.lists(JUNK, max_size=3) | st.dictionaries(st.text(max_size=9) | st.integers(), JUNK, max_size=3)


@given(st.data(), JUNK)
@settings(deadline=None)
def test_whatever_stands_in_a_config_gives_a_study_or_one_line(data, junk):
    values = copy.deepcopy(contrast())
    path = data.draw(st.sampled_from(sorted(places(values), key=repr)))
    inner = values
    for key in path[:-1]:
        inner = inner[key]
    if path:
        inner[path[-1]] = junk
    try:
        study = load(values if path else junk, "config/t.yaml")
    except UserError as error:
        text = str(error)
        assert text.startswith("config/t.yaml: ") and len(text) <= 300 and "\n" not in text
    else:
        assert isinstance(study, Study)


@given(st.data(), st.text(min_size=1, max_size=9))
def test_an_unknown_key_is_refused_wherever_it_stands(data, name):
    values = copy.deepcopy(contrast())
    named = {(), ("sources",), ("benchmarks",), ("models",), ("budgets",), ("models", "tiny", "architecture")}
    path = data.draw(st.sampled_from(sorted((p for p in places(values) if p not in named), key=repr)))
    inner = values
    for key in path:
        inner = inner[key]
    if isinstance(inner, dict) and name not in inner and not hasattr(Study, name):
        inner["zz" + name] = 1
        with pytest.raises(UserError, match="unknown key"):
            load(values)
