"""The config: every mistake is told on one line that names file, key, what was found and what is right."""

import copy
import json
import re
from pathlib import Path

import pytest
import yaml

from langscale.config.study import load
from langscale.core.errors import UserError

CONFIGS = sorted((Path(__file__).parents[3] / "config").glob("*.yaml"))
SMALL = {
    "study": "t",
    "languages": {"pool": ["en", "de", "ar"], "heldout": ["el"]},
    "sources": {"cldr": {}},
    "benchmarks": {"cldr": {"questions": 5}},
    "models": {"tiny": {"architecture": {"model_type": "bert"}}},
    "budgets": {"b": {"kind": "fixed-total", "steps": 10}},
    "grid": [{"samplers": ["x-y"], "n": [1, 3]}],
}


def changed(*path_and_value):
    """SMALL with one value set, the path being keys and positions."""
    values = copy.deepcopy(SMALL)
    *path, last, value = path_and_value
    inner = values
    for key in path:
        inner = inner[key] if isinstance(inner, list) else inner.setdefault(key, {})
    inner[last] = value
    return values


def contrast(**changes):
    cell, reference = {"sampler": "x-y", "n": 3}, {"sampler": "x-y", "n": 1}
    return changed(
        "statistics", "contrasts", [{"cell": cell, "reference": reference, "setting": "cross"} | changes]
    )


MISTAKES = [  # (config, key, what was found, what is right)
    (changed("study", "a b"), "study", "'a b'", "match pattern"),
    (changed("studdy", 1), "studdy", "unknown key", "config/README.md"),
    (changed("training", "batch", 5), "training.batch", "unknown key", "config/README.md"),
    (changed("replicates", 0), "replicates", "found 0", "greater than 0"),
    (changed("replicates", "many"), "replicates", "'many'", "valid integer"),
    (changed("languages", "pool", "en"), "languages.pool", "'en'", "list"),
    (changed("languages", "pool", []), "languages", "pool is empty", "one language at least"),
    (changed("languages", "pool", ["EN"]), "languages.pool.0", "'EN'", "pattern"),
    (changed("languages", "heldout", ["de"]), "languages", "de listed twice", "in pool or in heldout, once"),
    (changed("sources", {}), "sources", "not 0", "at least 1"),
    (changed("benchmarks", {}), "benchmarks", "not 0", "at least 1"),
    (changed("benchmarks", "cldr", "questions", 0), "benchmarks.cldr.questions", "found 0", "greater than 0"),
    (changed("models", {}), "models", "not 0", "at least 1"),
    (changed("models", "tiny", "hub", "a/b"), "models.tiny", "found hub and architecture", "or else"),
    (changed("models", "tiny", {}), "models.tiny", "found none", "hub or path, or else bundled, architecture or vectors"),
    (changed("models", "tiny", "architecture", {}), "models.tiny", "architecture", "model_type, such as"),
    (changed("models", "bm25", {"hub": "a/b"}), "models.bm25", "taken", "choose another"),
    (changed("budgets", {}), "budgets", "not 0", "at least 1"),
    (changed("budgets", "b", {"kind": "fixed-total"}), "budgets.b.steps", "missing", "config/README.md"),
    (changed("budgets", "b", "kind", "total"), "budgets.b.kind", "'total'", "'fixed-total'"),
    (changed("budgets", "b", "sources", ["squad"]), "budgets.b.sources", "squad", "`train: true`, cldr"),
    (changed("sources", "cldr", "train", False), "sources", "none has", "set it for one"),
    (changed("ladders", {"l": ["en", "de"]}), "ladders.l", "must order exactly", "en de ar"),
    (changed("ladders", {"2": ["en", "de", "ar"]}), "ladders.2", "taken", "choose another"),
    (changed("grid", []), "grid", "not 0", "at least 1"),
    (changed("grid", 0, "n", []), "grid.0.n", "found []", "at least 1"),
    (changed("grid", 0, "n", [4]), "grid.0.n", "4 exceeds", "3 pool languages"),
    (changed("grid", 0, "samplers", []), "grid.0.samplers", "found []", "at least 1"),
    (changed("grid", 0, "samplers", ["x-z"]), "grid.0.samplers", "'x-z'", "x-x-mono, x-y"),
    (changed("grid", 0, "samplers", ["hybrid-1.5"]), "grid.0.samplers", "1.5", "from 0 to 1"),
    (changed("grid", 0, "samplers", [{"kind": "x-y", "per": 1}]), "grid.0.samplers", "'per'", "pair, allow_same"),
    (changed("grid", 0, "models", ["big"]), "grid.0.models", "big is unknown", "there are tiny"),
    (changed("grid", 0, "budgets", ["c"]), "grid.0.budgets", "c is unknown", "there are b"),
    (changed("grid", 0, "ladders", ["l"]), "grid.0.ladders", "l is unknown", "there are none"),
    (changed("training", "validation", {}), "training.validation", "no source", "set it for one"),
    (changed("training", "warmup", 1.5), "training.warmup", "found 1.5", "less than or equal to 1"),
    (changed("evaluation", "top_k", 99), "evaluation.top_k", "found 99", "greater than or equal to 100"),
    (changed("evaluation", "bm25_ngrams", [4, 2]), "evaluation", "(4, 2)", "shortest, then longest"),
    (contrast(pair_set="pol"), "statistics.contrasts.0.pair_set", "'pol'", "'pool'"),
    (contrast(setting="mono", pair_set="pool-heldout"), "statistics.contrasts.0", "found pool-heldout", "all, pool"),
    (contrast(family="exploratory"), "statistics.contrasts.0", "exploratory", "not declared"),
]  # fmt: skip


@pytest.mark.parametrize("values, key, found, right", MISTAKES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_mistake_is_one_line_with_file_key_what_was_found_and_what_is_right(values, key, found, right):
    load(SMALL)  # the rest is right
    with pytest.raises(UserError) as error:
        load(values, "config/t.yaml")
    text = str(error.value)
    assert text.startswith(f"config/t.yaml: {key}: ") or text.startswith(f"config/t.yaml: {key}.")
    assert found in text and right in text and "\n" not in text


def test_several_mistakes_are_told_at_once():
    values = changed("replicates", 0) | {"study": "a b"}
    with pytest.raises(UserError, match=r"^f: study: .*; f: replicates: ") as error:
        load(values, "f")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("values", [None, [], "x"])
def test_a_file_that_is_no_mapping_is_told(values):
    with pytest.raises(UserError, match=r"^f: .*dictionary.*; found "):
        load(values, "f")


def test_english_is_asked_for_where_it_is_needed():
    other = changed("languages", {"pool": ["de", "ar"], "heldout": ["en"]}) | {
        "grid": [{"samplers": ["x-y"], "n": [1]}]
    }
    load(other)
    with pytest.raises(UserError, match=r"grid\.0\.samplers: found en-en, but en is not in languages.pool"):
        load(other | {"grid": [{"samplers": ["en-en"], "n": [1]}]})
    validated = other | {"sources": {"cldr": {"validation": True}}}
    with pytest.raises(UserError, match=r"training\.validation\.languages: found en"):
        load(validated | {"training": {"validation": {}}})
    load(validated | {"training": {"validation": {"languages": "pool"}}})


def test_a_contrast_on_heldout_languages_needs_some():
    load(contrast(pair_set="heldout-pool"))
    values = contrast(pair_set="heldout-pool")
    values["languages"]["heldout"] = []
    with pytest.raises(UserError, match=r"contrasts\.0\.pair_set: found heldout-pool, but .* is empty"):
        load(values)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_resolved_configs_load_again_as_the_same_study(file):
    """As Snakemake hands them to jobs, as provenance.json keeps them, and as the report prints them."""
    study = load(yaml.safe_load(file.read_text(encoding="utf-8")), file.name)
    resolved = study.model_dump()
    assert load(resolved) == study
    stored = json.loads(json.dumps(resolved))
    assert load(stored) == study
    assert load(yaml.safe_load(yaml.safe_dump(stored, allow_unicode=True))) == study


def test_a_config_cannot_be_changed_after_loading():
    study = load(SMALL)
    with pytest.raises(ValueError, match="frozen"):
        study.replicates = 9


def test_every_option_is_described():
    """config/README.md is written from these descriptions."""
    schema = type(load(SMALL)).model_json_schema()
    for name, model in (schema["$defs"] | {"Study": schema}).items():
        for key, field in model["properties"].items():
            nested = re.search(r"#/\$defs/\w+", json.dumps(field))
            assert field.get("description") or nested, f"{name}.{key}"
