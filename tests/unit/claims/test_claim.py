"""The record of a claim: the rows it has, and how a study differs from the paper's."""

import pytest
from support.planted_panel import study

from langscale.claims.claim import Claim, Setup, letter
from langscale.models.known import encoder

XLM_R, LABSE = encoder("FacebookAI/xlm-roberta-base"), encoder("sentence-transformers/LaBSE")
PAPER = Setup(("xquad-r", "mlqa-r"), "the paper has two", (XLM_R,), "the paper has XLM-R")


@pytest.mark.parametrize(
    ("benchmark", "own_set", "model", "words"),
    [
        ("xquad-r", None, "xlm-r", []),
        ("mine", "mlqa-r", "xlm-r", []),
        ("cldr", None, "xlm-r", ["on cldr; the paper has two"]),
        ("xquad-r", None, "labse", ["with labse; the paper has XLM-R"]),
        ("xquad-r", None, "narrow", ["with narrow; the paper has XLM-R"]),
        ("cldr", None, "labse", ["on cldr; the paper has two", "with labse; the paper has XLM-R"]),
        ("cldr", None, "xlm-r minus labse", ["on cldr; the paper has two"]),  # models of a comparison
    ],
)
def test_differences_to_the_paper_by_data_set_and_encoder(benchmark, own_set, model, words):
    names = ("xlm-r", "labse", "narrow")
    made = study("C1", models=names, benchmark=benchmark, benchmarks={benchmark: {"set": own_set}})
    assert list(PAPER.differences(made, benchmark, model)) == words


def test_a_claim_has_a_row_for_each_model_or_one_for_the_compared_models():
    words = ("X1", "a colleague", "it helps", "it is above", "nothing")
    made = study("C1", models=("xlm-r", "labse"))
    assert list(Claim(*words).models_of(made, ["xlm-r", "labse"])) == [("xlm-r",), ("labse",)]
    both = Claim(*words, models=lambda study: tuple(study.models))
    assert list(both.models_of(made, ["xlm-r"])) == [("xlm-r", "labse")]


def test_parts_have_letters_then_numbers():
    assert [letter(i) for i in (0, 1, 25, 26, 27)] == ["a", "b", "z", "27", "28"]
