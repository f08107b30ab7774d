"""The contents of the report: each figure and table has its caption, and a study shows what it can."""

import pytest
from support.project_copy import ROOT

from langscale.config.files import load_files
from langscale.config.runs import Arm
from langscale.reporting.contents import FIGURES, TABLES, figure_names, lacking, table_record

STUDY = load_files([ROOT / "tests/integration/small.yaml"])
NOT_IN_SMALL = ["equal rows", "joint budgets", "alphas"]


def test_every_figure_and_table_has_a_caption():
    captions = {file.stem for file in (ROOT / "workflow/report").glob("*.rst")}
    assert {
        *FIGURES,
        *(record.caption for record in TABLES.values()),
        table_record("paper-1").caption,
    } <= captions


def test_an_alternative_text_says_what_is_drawn_and_where_the_numbers_are():
    for name, figure in FIGURES.items():
        assert figure.alternative.startswith(figure.kind) and figure.numbers in figure.alternative, name


@pytest.mark.parametrize(
    ("change", "needs"),
    [
        ({}, NOT_IN_SMALL),
        ({"languages": STUDY.languages.model_copy(update={"heldout": []})}, [*NOT_IN_SMALL, "heldout"]),
        ({"grid": []}, [*NOT_IN_SMALL, "training", "several n"]),
        ({"evaluation": STUDY.evaluation.model_copy(update={"bm25": False})}, [*NOT_IN_SMALL, "BM25"]),
    ],
)
def test_a_study_has_the_figures_that_it_can_fill(change, needs):
    shown = [name for name, figure in FIGURES.items() if not set(needs) & set(figure.needs)]
    assert figure_names(STUDY.model_copy(update=change)) == shown and 0 < len(shown) < len(FIGURES)


def grid(*arms):
    """The needs that the small study with this grid cannot meet."""
    return lacking(STUDY.model_copy(update={"grid": [Arm(**arm) for arm in arms]}))


@pytest.mark.parametrize(
    ("samplers", "n", "met"),
    [
        (["hybrid-0.25", "hybrid"], [1, 2], True),
        (["hybrid-0.25", "hybrid"], [1], False),  # x-x-mono for every alpha
        (["hybrid", "hybrid-0", "hybrid-1", "hybrid-0.25-batch"], [2], False),  # ends and controls
    ],
)
def test_a_sweep_over_alpha_needs_two_values_between_the_ends(samplers, n, met):
    arm = {"samplers": samplers, "n": n, "budgets": ["fixed-total"]}
    assert ("alphas" not in grid(arm)) == met
    apart = [
        arm | {"samplers": [s], "budgets": [b]}
        for s, b in zip(samplers, ("fixed-total", "fixed-per-language"), strict=False)
    ]
    assert "alphas" in grid(*apart)


def test_tables_of_the_paper_have_their_number():
    assert table_record("paper-12").title == "Table 12 of the paper"
    assert table_record("gaps") is TABLES["gaps"]
