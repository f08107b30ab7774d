"""Checks before any download: licence and languages of the translation model."""

import pytest
from support.planned_study import costs

from langscale.core.errors import UserError
from langscale.planning.preflight import check


def study(hub, code="de", **changes):
    shared = {"languages": {"pool": ["en", code]}, "grid": [{"samplers": ["x-x-mono"], "n": [2]}]}
    sources = {"nq": {"pairs": 10, "translate": True}}
    return costs(sources=sources, translation={"hub": hub}, **shared | changes).study


def test_a_translation_model_with_licence_and_languages_passes():
    assert check(study("facebook/m2m100_418M")) is None
    assert check(costs().study) is None


def test_a_licence_that_was_not_accepted_is_named():
    with pytest.raises(UserError, match=r"accept_licence: \[facebook/nllb-200-distilled-600M\]"):
        check(study("facebook/nllb-200-distilled-600M"))
    accepted = {"accept_licence": ["facebook/nllb-200-distilled-600M"]}
    assert check(study("facebook/nllb-200-distilled-600M", **accepted)) is None


def test_a_language_that_the_model_lacks_is_named():
    with pytest.raises(UserError, match=r"facebook/m2m100_418M has no te, which sources\.nq lacks"):
        check(study("facebook/m2m100_418M", "te"))
