"""Page and schema of the config: those of the models. The schema accepts valid and refuses wrong configs."""

import json

import jsonschema
import pytest
import yaml
from support.configs import SMALL, changed, without
from support.project_copy import ROOT

from langscale.config.reference import manual, rows, schema

CONFIG = ROOT / "config"
REMAKE = "python -m langscale.config.reference"


def test_the_page_and_the_schema_are_those_of_the_models():
    assert (CONFIG / "README.md").read_text(encoding="utf-8") == manual(), REMAKE
    assert (CONFIG / "schema.json").read_text(encoding="utf-8") == schema(), REMAKE


def test_every_key_stands_on_the_page_once():
    page = manual()
    for row in rows():
        assert page.count(f"| `{row.key}` |") == 1
    common, _, advanced = page.partition("## Advanced")
    assert "| `training.batch_size` |" in common and "| `training.clip` |" in advanced


@pytest.mark.parametrize("file", sorted(CONFIG.glob("*.yaml")), ids=lambda file: file.name)
def test_editors_accept_the_studies_of_this_folder(file):
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    jsonschema.validate(yaml.safe_load(text), json.loads(schema()))


WRONG = [
    changed("studdy", 1),
    changed("training", "batch", 5),
    changed("replicates", 0),
    changed("replicates", "many"),
    changed("languages", "pool", ["EN"]),
    changed("budgets", "b", "kind", "total"),
    changed("models", "a b", {"hub": "a/b"}),
    without("grid"),
]


def test_editors_see_wrong_keys_and_values():
    jsonschema.Draft202012Validator.check_schema(json.loads(schema()))
    jsonschema.validate(SMALL, json.loads(schema()))
    jsonschema.validate({"extends": "paper.yaml", "replicates": 2}, json.loads(schema()))
    for values in WRONG:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(values, json.loads(schema()))
