"""The sections about data."""

import pytest
from pydantic import ValidationError

from langscale.config.data import Benchmark, Languages, Source, Translation


def test_pool_and_held_out_languages_in_their_order():
    found = Languages(pool=["th", "en"], heldout=["de"])
    assert found.all == ["th", "en", "de"]


@pytest.mark.parametrize(
    "pool, heldout, message",
    [
        (["en", "de"], ["de"], "de appears twice; a language is in pool or in heldout, once"),
        (["en", "en"], [], "en appears twice"),
        ([], ["de"], "pool is empty; at least one language is right"),
    ],
)
def test_a_language_has_one_place(pool, heldout, message):
    with pytest.raises(ValidationError, match=message):
        Languages(pool=pool, heldout=heldout)


@pytest.mark.parametrize("train, validation", [(True, True), (True, False), (False, True), (False, False)])
def test_parts_of_a_source(train, validation):
    wanted = ["train"] * train + ["validation"] * validation
    assert Source(train=train, validation=validation).parts == wanted


@pytest.mark.parametrize("section", [Source, Benchmark])
def test_keys_of_local_sets_with_their_defaults_leave_no_trace(section):
    """So the params of the rules of a study without local sets never change."""
    local = {"set", "path", "columns", "language", "split", "relevant", "parallel", "licence"}
    assert not local & section().model_dump().keys()
    values = section(set="local", path="faq", relevant=2).model_dump()
    assert {key: values[key] for key in local & values.keys()} == {
        "set": "local",
        "path": "faq",
        "relevant": 2,
    }


@pytest.mark.parametrize(
    "key, value", [("path", "x"), ("columns", {"query": "q"}), ("language", "de"), ("split", "test")]
)
def test_keys_of_local_sets_are_for_local_sets(key, value):
    with pytest.raises(ValidationError, match=f"{key}: is for `set: local` only"):
        Benchmark(**{key: value})


def test_a_translation_has_a_model():
    with pytest.raises(ValidationError, match="needs hub or path; found none of them"):
        Translation()
    assert Translation(hub="a/b").remote and not Translation(hub="a/b", path="folder").remote
    assert Translation(**{"hub": "a/b", "from": "de"}).model_dump()["from"] == "de"
