"""Checks before any download: data sets, contrasts, licence and languages of the translation model."""

import pytest
from support.planned_study import costs

from langscale.config.study import load
from langscale.core.errors import UserError
from langscale.planning.preflight import check
from langscale.retrieval.measures import MEASURES


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


def with_contrast(controls=False, **contrast):
    cell, reference = {"sampler": "x-y", "n": 3}, {"sampler": "x-y", "n": 1}
    return load(
        {
            "study": "t",
            "languages": {"pool": ["en", "de", "ar"], "heldout": ["el"]},
            "sources": {"cldr": {}},
            "benchmarks": {"cldr": {}},
            "models": {"tiny": {"architecture": {"model_type": "bert"}}},
            "budgets": {"b": {"kind": "fixed-total", "steps": 10}},
            "grid": [{"samplers": ["x-y"], "n": [1, 3]}],
            "evaluation": {"controls": controls},
            "statistics": {
                "contrasts": [{"cell": cell, "reference": reference, "setting": "cross"} | contrast]
            },
        }
    )


@pytest.mark.parametrize(
    ("contrast", "found", "right"),
    [
        ({"metric": "map"}, "metric: found map, which is unknown", "there are mAP, mAP@20, "),
        ({"metric": "relevant"}, "metric: found relevant, which is unknown", "there are mAP"),
        ({"metric": "centred mAP", "setting": "multi"}, "metric: found centred mAP", "mAP"),
        (
            {"metric": "rank distance"},
            "metric: rank distance exists in multi, pair set all",
            "found cross, all",
        ),
        (
            {"metric": "rank distance", "setting": "multi", "pair_set": "pool"},
            "multi, pair set all",
            "multi, pool",
        ),
        ({"metric": "R@100"}, "metric: R@100 exists in mono; found", "cross, all"),
    ],
)
def test_a_measure_that_does_not_exist_there_is_an_error_on_one_line(contrast, found, right):
    with pytest.raises(UserError) as error:
        check(with_contrast(**contrast))
    text = str(error.value)
    assert text.startswith("statistics.contrasts.0") and found in text and right in text and "\n" not in text


def test_every_comparable_measure_is_accepted_in_each_of_its_settings():
    accepted = [m for m in MEASURES.values() if m.comparable()]
    assert {"mAP", "nDCG@10", "rank distance", "own-language share@1", "centred mAP"} <= {
        m.name for m in accepted
    }
    for measure in accepted:
        for setting in measure.settings:
            check(with_contrast(measure.control, metric=measure.name, setting=setting))


SMALL = {
    "study": "t",
    "languages": {"pool": ["en", "de"]},
    "sources": {"squad": {}},
    "benchmarks": {"xquad-r": {}},
    "models": {"m": {"hub": "FacebookAI/xlm-roberta-base"}},
    "budgets": {"b": {"kind": "fixed-total", "steps": 1}},
    "grid": [{"samplers": ["x-x"], "n": [1]}],
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sources": {"squad": {}, "squadshifts": {"train": False, "validation": True}}},
        {"sources": {"mmarco": {"pairs": 5}}},
        {"sources": {"cldr": {}}, "benchmarks": {"cldr": {}, "mine": {"set": "cldr", "questions": 5}}},
        {
            "benchmarks": {
                "long": {"set": "mlqa-r", "candidate_text": "sentence+paragraph", "every_article": 2}
            }
        },
        {"languages": {"pool": ["en", "de"], "heldout": ["yo"]}},  # squad and xquad-r skip Yoruba
    ],
)
def test_a_right_study_passes(changes):
    assert check(load(SMALL | changes)) is None


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"sources": {"sqaud": {}}}, r"sources\.sqaud: unknown \(did you mean squad\?\); there are "),
        ({"benchmarks": {"mine": {}}}, r"benchmarks\.mine: unknown; there are .*cldr.*xquad-r"),
        (
            {"benchmarks": {"a": {"set": "xquad"}}},
            r"benchmarks\.a\.set: found xquad, which is unknown \(did you mean xquad-r\?\); ",
        ),
        (
            {"sources": {"squad": {}, "squadshifts": {"validation": True}}},
            r"sources\.squadshifts\.train: found true; .* `train: false`",
        ),
        ({"sources": {"mmarco": {}}}, r"sources\.mmarco\.pairs: missing; all 39,780,811 .* give a number"),
        (
            {"benchmarks": {"belebele": {"candidate_text": "sentence"}}},
            r"benchmarks\.belebele\.candidate_text: found sentence; only mlqa-r and xquad-r have it, "
            "leave it out",
        ),
        (
            {"benchmarks": {"b": {"set": "cldr", "every_article": 2}}},
            r"benchmarks\.b\.every_article: found 2; ",
        ),
        (
            {"languages": {"pool": ["yo"]}},
            r"sources\.squad: squad has none of the languages yo; it has ar de el en",
        ),
        (
            {"languages": {"pool": ["en"], "heldout": ["zh-Hant"]}, "benchmarks": {"cldr": {}}},
            r"benchmarks\.cldr: cldr has no language 'zh-Hant'; nearest of its 71: zh$",
        ),
        (
            {
                "models": {"m": {"hub": "a/b", "train": "adapter"}},
                "benchmarks": {"miracl": {}},
            },
            r"models\.m\.train: found adapter, which needs vectors in memory, and miracl is larger; ",
        ),
        (
            {"models": {"m": {"vectors": "no/such/folder", "train": "adapter"}}},
            r"models\.m\.vectors: no folder no/such/folder; make it, then `snakemake texts`",
        ),
    ],
)
def test_a_wrong_option_is_named_on_one_line(changes, told):
    with pytest.raises(UserError, match=f"^{told}") as error:
        check(load(SMALL | changes))
    assert "\n" not in str(error.value) and len(str(error.value)) <= 300
