"""The config: sections that depend on each other, what survives a round trip, and the documented keys."""

import json
import re
from pathlib import Path

import pytest
import yaml
from support.configs import SMALL, changed, contrast

from langscale.config.study import load
from langscale.core.errors import UserError

CONFIGS = sorted((Path(__file__).parents[3] / "config").glob("*.yaml"))


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
