"""The printed plan of the tests of claims."""

import math

from support.planted_panel import rows, study
from support.rendered_study import write_table

from langscale.claims.power import Forecast
from langscale.design.grid import Grid
from langscale.planning.claim_tests import claim_tests, text

FOUND = [
    Forecast("C3", 1, "", "multi mAP: hybrid minus x-y", 0.0123, 5, 0.003, 11.0),
    Forecast("H2", 2, "", "cross mAP: late minus early", math.nan, 5, math.nan, math.nan),
    Forecast("C1", 3, "", "mono mAP", 0.02, 5, 0.001, math.inf),
    Forecast("C8", 0, "a count, without a test"),
]


def cells(table):
    """The rows of a printed table, without lines that continue a cell."""
    found = [line.split() for line in table.splitlines()]
    return {line[1]: line for line in found if len(line) > 2 and line[0] in "123"}


def test_numbers_dashes_and_reasons():
    page = text(FOUND, "the default study", "sequence")
    assert page.startswith(
        "Claims with a test: 3, in this order, each at .05 until one is undecided; replicates: 5."
    )
    found = cells(page)
    assert found["C3"][2] == "0.012" and found["C3"][-2:] == ["0.003", "11"]
    assert found["H2"][2] == "-" and found["H2"][-2:] == ["-", "-"]
    assert " ".join(found["C1"][-3:-1]) == "0.001 over"
    assert page.endswith("Claims without a test: 1.\n  C8: a count, without a test.")
    assert "by Holm" in text(FOUND, "", "holm") and "Variances: the default study." in page


def test_no_claim_with_a_test_has_no_table():
    assert text(FOUND[3:], "x", "sequence") == "Claims without a test: 1.\n  C8: a count, without a test."


def test_a_finished_study_gives_its_own_variances(tmp_path):
    made = study("C3")
    assert "Variances: the default study." in claim_tests(Grid(made), tmp_path)
    write_table(rows(made, lambda q, c: 0.5, noise=0.01), tmp_path / "tables", "claims")
    assert "Variances: this study's own runs." in claim_tests(Grid(made), tmp_path)
