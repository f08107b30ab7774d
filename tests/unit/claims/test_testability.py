"""What a study lacks for a claim, said before it runs."""

import pytest
from support.planted_panel import HELDOUT, POOL, SAMPLERS, rows, study, whole

from langscale.claims.testability import planned
from langscale.claims.verdicts import NOT_TESTED
from langscale.design.grid import Grid

ROWS = {
    "budgets": {
        "rows": {"kind": "fixed-rows", "steps": 9},
        "total": {"kind": "fixed-total", "steps": 9},
    }
}


BOTH = {"models": ("xlm-r", "labse")}


def test_the_question_is_asked_of_held_out_pairs_where_the_benchmark_has_two_of_them():
    for heldout, where in ((HELDOUT, "between held-out languages"), (["el"], "held-out queries, pool")):
        made = study("H0", languages={"pool": POOL, "heldout": heldout}, **ROWS)
        parts = next(entry for entry in planned(Grid(made))).parts
        assert len(parts) == 2 and all(where in one.compared for one in parts)
        assert all({point.n_languages for _, point in one.terms} == {1, 4} for one in parts)
        assert [one.terms[0][1].budget for one in parts] == ["total", "rows"]
        # at n = 1 both budgets are one run
        assert parts[0].terms[1][1].runs == parts[1].terms[1][1].runs
    assert parts[0].quantity.pair_set == "heldout-pool"


LACKS = [
    ("C1", {"samplers": ["x-y"]}, "x-x-mono is not in the grid"),
    ("C2", {"samplers": ["x-x-mono", "x-y"]}, "hybrid is not in the grid"),
    ("C3", {"n": [1]}, "there is no n above 1 that its samplers share"),
    ("C3", {"grid": [{"samplers": ["x-y"], "n": [4]}, {"samplers": ["hybrid", "x-x-mono"], "n": [2]}]},
     "there is no n above 1 that its samplers share"),
    ("C4", {}, "XLM-R and LaBSE are not both in the study"),
    ("C4", BOTH | {"grid": [{"models": ["labse"], "samplers": SAMPLERS, "n": [4]}]},
     "xlm-r and labse are not both in the grid"),
    ("C5", {"samplers": ["hybrid"]}, "x-x-mono is not in the grid"),
    ("C6", {"languages": {"pool": POOL}}, "no language is held out"),
    ("C7", {"samplers": ["hybrid"]}, "fewer than two alphas from .4 to .6 are in the grid"),
    ("C8", {}, "the study has no audit"),
    ("C9", {}, "the study has no benchmark miracl"),
    ("C1", {"benchmark": "miracl"}, "the study has no benchmark but miracl"),
    ("H1", {"budgets": {"b": {"kind": "fixed-per-language", "steps": 9}}}, "no budget has a fixed total"),
    ("H2", {"samplers": ["x-x-mono"], "n": [1, 2]}, "x-x-mono has n = 1, 2: none below, near 4 and above"),
    ("H2", {"samplers": ["x-x-mono"], "n": [1, 2, 4]},
     "x-x-mono has n = 1, 2, 4: none below, near 4 and above"),
    ("H2", {"n": [4]}, "no sampler has two numbers of languages"),
    ("H3", {"samplers": ["x-y", "x-y-batch"]}, "x-x-mono is not in the grid"),
    ("H3", {"n": [1, 4]}, "x-y has fewer than two n to compare"),
    ("H4", {}, "needs 4 distinct sets of languages at an n between 1 and the whole pool"),
    ("H0", ROWS | {"languages": {"pool": POOL}}, "no language is held out"),
    ("H0", ROWS | {"n": [2, 4]}, "x-x-mono has no n = 1"),
    ("H0", {"budgets": {"b": {"kind": "fixed-rows", "steps": 9}}}, "no budget has a fixed total"),
    ("H0", {"budgets": ROWS["budgets"] | {"rows": {"kind": "fixed-rows", "steps": 8}}},
     "no arm at equal rows: a budget of kind fixed-rows like total"),
    ("H0", ROWS | {"grid": [{"samplers": ["x-x-mono"], "n": [1, 4], "budgets": ["total"]},
                            {"samplers": ["x-x-mono"], "n": [1], "budgets": ["rows"]}]},
     "x-x-mono has no n = 4"),
    ("H0", {}, "no arm at equal rows: a budget of kind fixed-rows like total"),
    ("H5", {}, "XLM-R and LaBSE are not both in the study"),
    ("H6", {"samplers": ["x-x-mono", "x-y"]},
     "fewer than three alphas (x-y is 0, x-x-mono 1) at two n above 1"),
    ("H7", {"models": ("xlm-r", "labse")}, "no two sizes of one model are in the study"),
    ("H8", {"sources": {"cldr": {}}}, "the training data are not machine translated"),
    ("H8", {"languages": {"pool": ["en", "de", "ar", "es"]}}, "th and hi are not in the pool"),
    ("H8", {"n": [1, 3]}, "no sampler has n = 4, the whole pool"),
]  # fmt: skip


@pytest.mark.parametrize("claim, how, reason", LACKS)
def test_what_a_study_lacks_is_said(claim, how, reason):
    for row in whole(rows(study(claim, **how), lambda q, c: 0.5)):
        assert row["verdict"] == NOT_TESTED and row["reason"] == reason
