"""The contents of the report: each figure and table has its caption, and a study shows what it can."""

import pytest
from support.project_copy import ROOT

from langscale.config.files import load_files
from langscale.reporting.contents import FIGURES, TABLES, figure_names, table_record

STUDY = load_files([ROOT / "tests/integration/small.yaml"])


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
        ({}, ["equal rows"]),  # it has no such budget
        ({"languages": STUDY.languages.model_copy(update={"heldout": []})}, ["equal rows", "heldout"]),
        ({"grid": []}, ["equal rows", "training"]),
    ],
)
def test_a_study_has_the_figures_that_it_can_fill(change, needs):
    shown = [name for name, figure in FIGURES.items() if not set(needs) & set(figure.needs)]
    assert figure_names(STUDY.model_copy(update=change)) == shown and 0 < len(shown) < len(FIGURES)


def test_tables_of_the_paper_have_their_number():
    assert table_record("paper-12").title == "Table 12 of the paper"
    assert table_record("gaps") is TABLES["gaps"]
