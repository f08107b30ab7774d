"""Training modes in the config: which origin has which, and what a model is trained with."""

import re

import pytest
import yaml

from langscale.config.study import Study, load
from langscale.core.errors import UserError

STUDY = """
study: t
languages: {pool: [en, de]}
sources: {cldr: {}}
benchmarks: {cldr: {}}
models:
  whole: {hub: a/b}
  inside: {hub: a/b, train: lora}
  outside: {hub: a/b, train: adapter}
  own: {vectors: folder, train: adapter, training: {scale: 50}}
budgets: {b: {kind: fixed-total, steps: 3}}
grid: [{samplers: [x-y], n: [2]}]
"""


def study(**training):
    return load(yaml.safe_load(STUDY) | ({"training": training} if training else {}), "t.yaml")


def test_defaults_are_those_of_the_mode():
    found = {name: study().training_of(name) for name in ("whole", "inside", "outside", "own")}
    assert [t.learning_rate for t in found.values()] == [3e-5, 1e-4, 1e-3, 1e-3]
    assert [t.weight_decay for t in found.values()] == [1e-2, 1e-2, 0, 0]
    assert [t.batch_size for t in found.values()] == [100, 100, 64, 64]
    assert [t.scale for t in found.values()] == [20, 20, 20, 50]


def test_the_section_goes_before_the_mode_and_the_model_before_the_section():
    found = study(learning_rate=5e-4, scale=30, batch_size=32)
    assert {found.training_of(name).learning_rate for name in found.models} == {5e-4}
    assert [found.training_of(name).scale for name in found.models] == [30, 30, 30, 50]
    assert found.training_of("outside").weight_decay == 0


def test_a_study_that_was_written_out_is_read_again_the_same():
    """As the params of a rule; and a model of full training has no section of its own in them."""
    for found in (study(), study(learning_rate=5e-4)):
        values = found.model_dump()
        again = Study.model_validate(values)
        assert again == found and again.model_dump() == values
        assert "training" not in values["models"]["whole"] and "train" not in values["models"]["whole"]


@pytest.mark.parametrize(
    "model, message",
    [
        ({"vectors": "f"}, "train: found full; vectors have no weights, adapter is right"),
        ({"vectors": "f", "train": "lora"}, "train: found lora; vectors have no weights, adapter is right"),
        ({"vectors": "f", "hub": "a/b", "train": "adapter"}, "found hub and vectors"),
        (
            {"architecture": {"model_type": "bert"}, "train": "adapter"},
            "train: found adapter; a new architecture is trained as a whole, full is right",
        ),
        ({"hub": "a/b", "adapter": {}}, "adapter: found train: full; set train: adapter, or leave it out"),
        (
            {"hub": "a/b", "train": "adapter", "lora": {}},
            "lora: found train: adapter; set train: lora, or leave it out",
        ),
        (
            {"hub": "a/b", "train": "adapter", "adapter": {"rank": 2, "hidden": 3}},
            "rank and hidden exclude each other; found 2 and 3",
        ),
        (
            {"hub": "a/b", "train": "adapter", "training": {"threads": 2}},
            "training.threads: is the same for all",
        ),
        ({"hub": "a/b", "train": "adapter", "training": {"steps": 2}}, "training.steps: unknown key"),
    ],
)
def test_what_does_not_fit_is_one_line(model, message):
    values = yaml.safe_load(STUDY)
    values["models"] = {"m": model}
    with pytest.raises(UserError) as error:
        load(values, "t.yaml")
    assert message in str(error.value) and str(error.value).startswith("t.yaml: models.m")
    assert "\n" not in str(error.value)


def test_models_have_names_with_their_dimensions():
    values = yaml.safe_load(STUDY)
    values["models"]["whole"]["dimensions"] = [64, 8]
    found = load(values, "t.yaml")
    assert found.encoders == ["whole", "whole@64", "whole@8", "inside", "outside", "own"]
    assert found.model_of("whole@8") == found.models["whole"] and found.model_of("bm25") is None
    dumped = found.model_dump()["models"]
    assert dumped["whole"]["dimensions"] == [64, 8] and "dimensions" not in dumped["inside"]


@pytest.mark.parametrize(
    "dimensions, message",
    [
        ([64, 0], "models.m.dimensions.1: found 0; more than 0 is right"),
        ([64, 8, 64], "models.m.dimensions: 64 appears twice; once is right"),
        ([], "models.m.dimensions: found []; a length of at least 1 is right"),
        (64, "models.m.dimensions: found 64; a list is right"),
        ([True], "models.m.dimensions.0: found true; a whole number is right"),
        ([6.5], "models.m.dimensions.0: found 6.5; a whole number is right"),
    ],
)
def test_dimensions_that_are_none_are_one_line(dimensions, message):
    values = yaml.safe_load(STUDY) | {"models": {"m": {"hub": "a/b", "dimensions": dimensions}}}
    with pytest.raises(UserError, match=f"^t.yaml: {re.escape(message)}$"):
        load(values, "t.yaml")


def test_the_sign_of_dimensions_is_in_no_name_of_a_model():
    model = {"hub": "a/b", "dimensions": [8]}
    for changes, key in (
        ({"models": {"m@8": model}}, "models"),
        (
            {"models": {"m": model}, "grid": [{"samplers": ["x-y"], "n": [2], "models": ["m@8"]}]},
            "grid.0.models.0",
        ),
        ({"models": {"m": model}, "statistics": {"primary": {"model": "m@8"}}}, "statistics.primary.model"),
    ):
        with pytest.raises(UserError) as error:
            load(yaml.safe_load(STUDY) | changes, "t.yaml")
        right = "a name of letters, digits, dots, _ and - that begins with a letter or digit is right"
        assert str(error.value) == f"t.yaml: {key}: found 'm@8'; {right}"
