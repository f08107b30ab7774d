"""Checks before any download: data sets, contrasts, licence and languages of the translation model."""

import json

import pytest
from support.planned_study import costs

from langscale.config.study import load
from langscale.core.errors import UserError
from langscale.design.grid import Grid
from langscale.planning.preflight import check, formable, matched, notes
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
        {"models": {"m": {"hub": "FacebookAI/xlm-roberta-base", "dimensions": [64, 767]}}},
        {"models": {"m": {"hub": "a/b", "dimensions": [10000]}}},  # its folder tells how wide it is
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
        (
            {"models": {"m": {"hub": "FacebookAI/xlm-roberta-base", "dimensions": [64, 768]}}},
            r"models\.m\.dimensions: found 768; its vectors have 768 numbers, fewer are right$",
        ),
        (
            {"models": {"m": {"hub": "a/b", "dimensions": [64, 256]}}, "benchmarks": {"miracl": {}}},
            r"models\.m\.dimensions: found 64, 256, which needs kept vectors, and miracl is larger",
        ),
    ],
)
def test_a_wrong_option_is_named_on_one_line(changes, told):
    with pytest.raises(UserError, match=f"^{told}") as error:
        check(load(SMALL | changes))
    assert "\n" not in str(error.value) and len(str(error.value)) <= 300


def own(tmp_path, rows, **changes):
    """A study that trains on a file of one's own."""
    path = tmp_path / "faq.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = {"sources": {"faq": {"set": "local", "path": str(path)}}, "training": {"batch_size": 2}}
    return load(SMALL | values | changes)


def pairs(**counts):
    """That many pairs in each set of languages, such as de_en."""
    return [
        {"id": f"{codes}{i}", "language": code, "query": f"q {codes} {i}", "passage": f"p {codes} {i}"}
        for codes, number in counts.items()
        for i in range(number)
        for code in codes.split("_")
    ]


def x_y(n, sampler="x-y"):
    return {"grid": [{"samplers": [sampler], "n": [n]}]}


ENGLISH_CENTRIC = {"de_en": 5, "en_es": 4}
ROWS = {"b": {"kind": "fixed-rows", "steps": 1}}
FEW = {"b": {"kind": "fixed-total", "steps": 1, "pairs": 3}}
SPLIT = {"b": {"kind": "fixed-total", "steps": 1, "whole_pool": False}}


@pytest.mark.parametrize("counts, changes, told", [
    (ENGLISH_CENTRIC, x_y(3), "no pair has all 3 languages of the pool, which this budget takes; set "
     "budgets.b.whole_pool: false"),
    (ENGLISH_CENTRIC, x_y(3) | {"budgets": SPLIT}, "sampler x-y: no pair of sources.faq is in both de and "
     "es; x-y-en-centric needs pairs with en only; pairs: de-en 5, de-es 0, en-es 4"),
    ({"de": 5, "en": 5, "es": 5}, x_y(3) | {"budgets": SPLIT},
     "sampler x-y: no pair of sources.faq is in both de and en; x-x-mono needs no pairs across languages"),
    ({"de_en": 5}, x_y(3, "x-x") | {"budgets": SPLIT}, "no pair of sources.faq is in es; leave es out"),
    ({"de_en_es": 1}, x_y(3), "sources.faq: 1 pairs in both de and en, a batch takes 2; fewer languages"),
    ({"de_en_es": 5}, x_y(3) | {"training": {"batch_size": 8}},
     "sources.faq: 5 pairs in both de and en, a batch takes 8; set training.batch_size to 5 or less"),
    ({"de_en_es": 8}, x_y(3, "x-x-mono") | {"training": {"batch_size": 4}, "budgets": ROWS},
     "sources.faq: 2 pairs in de at the rows of one of 3 languages (budgets.b), a batch takes 4; set "
     "training.batch_size to 2 or less"),
    ({"de_en_es": 8}, x_y(3, "x-x-mono") | {"training": {"batch_size": 4}, "budgets": FEW},
     "sources.faq: 3 pairs in de, a batch takes 4; set training.batch_size to 3 or less"),
])  # fmt: skip
def test_a_sampler_that_cannot_be_formed_is_refused_with_its_cure(
    tmp_path, monkeypatch, counts, changes, told
):
    monkeypatch.chdir(tmp_path)
    study = own(tmp_path, pairs(**counts), languages={"pool": ["de", "en", "es"]}, replicates=1, **changes)
    with pytest.raises(UserError) as error:
        formable(study, Grid(study))
    assert told in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("counts, sampler", [
    (ENGLISH_CENTRIC, "x-y-en-centric"), ({"de": 5, "en": 5, "es": 5}, "x-x-mono"),
    ({"de_en_es": 5}, "hybrid"),
])  # fmt: skip
def test_what_can_be_formed_passes(tmp_path, monkeypatch, counts, sampler):
    monkeypatch.chdir(tmp_path)
    changes = x_y(3, sampler) | {"budgets": SPLIT}
    study = own(tmp_path, pairs(**counts), languages={"pool": ["de", "en", "es"]}, replicates=1, **changes)
    check(study)
    assert formable(study, Grid(study)) is None


def test_codes_are_matched_to_those_of_the_data_sets():
    study = load(SMALL | {"languages": {"pool": ["en", "zh-Hans"], "heldout": ["deu"]}})
    assert matched(study).languages.all == ["en", "zh", "de"] and check(matched(study)) is None
    assert matched(load(SMALL)) == load(SMALL)
    twice = load(SMALL | {"languages": {"pool": ["en", "zh"], "heldout": ["zh-Hans"]}})
    with pytest.raises(UserError, match="^languages: zh-Hans and zh are one language; one of them is right$"):
        matched(twice)


def test_data_sets_that_lack_languages_are_told():
    study = load(SMALL | {"languages": {"pool": ["en", "yo"], "heldout": ["de"]}})
    first, second = notes(study)
    assert first == "sources.squad: 1 of 2 languages, without yo"
    assert second == "benchmarks.xquad-r: 2 of 3 languages, without yo"
    assert notes(load(SMALL)) == []
