"""The simulator of ledgers, on truths whose verdicts are known, and its lines in docs/validation.md."""

import numpy as np
import pandas as pd
import pytest
import simulated_ledgers as L
import validate
from support.project_copy import ROOT

from langscale.claims.testability import planned
from langscale.claims.verdicts import CONTRADICTED, SUPPORTED, UNDECIDED
from langscale.design.grid import Grid


@pytest.fixture(scope="module")
def rows():
    return [row for row in planned(Grid(L.study())) if row.primary and not row.lack]


@pytest.mark.parametrize(
    "verdict, distances, right",
    [
        (SUPPORTED, [0.1, 0.02], True),
        (SUPPORTED, [0.1, 0.0], False),  # on the bound nothing is supported
        (SUPPORTED, [0.1, -0.02], False),
        (CONTRADICTED, [0.1, -0.02], True),
        (CONTRADICTED, [0.1, 0.0], False),
        (CONTRADICTED, [0.1, 0.02], False),
        (UNDECIDED, [-0.1], True),
    ],
)
def test_a_wrong_verdict(verdict, distances, right):
    assert L.wrong(verdict, distances) != right


def test_no_claim_about_a_rise_is_true_without_an_effect_and_one_is_where_n_helps(rows):
    effects = {world.name: world.truth for world in L.WORLDS}
    none, rises, _ = (
        [min(L.distance(p, truth) for p in row.parts) for row in rows] for truth in effects.values()
    )
    first = [row.claim.id for row in rows].index("H0")
    assert none[first] <= 0 < rises[first]
    assert min(none) < 0 < max(none)  # equality of samplers is true without an effect


def test_a_large_effect_is_found_and_nothing_wrong_is_said():
    """Errors of runs and queries are small beside it."""
    helps = L.World("much", lambda quantity, point: 0.3 + 0.2 * np.log2(max(point.n_languages, 1)) / 4)
    found = L.validate(helps, 3)
    assert found["wrong"] == 0 and found["decided"] >= 1


def test_the_table_of_ledgers_marks_what_is_beyond_the_limit():
    table = pd.DataFrame(
        {"world": ["a", "b"], "ledgers": 1000, "wrong": [0.0637, 0.0639], "decided": [0.5, 4.25]}
    )
    assert validate.ledger_bar(1000) == pytest.approx(0.05 + 2 * np.sqrt(0.05 * 0.95 / 1000))
    lines = validate.shown_ledgers(table).splitlines()
    assert "| 0.064 " in lines[2] and "| **0.064** " in lines[3]


def test_the_page_has_the_ledgers_of_all_worlds_within_the_limit():
    table = pd.read_csv(ROOT / "docs/validation-ledgers.csv")
    assert list(table["world"]) == [world.name for world in L.WORLDS]
    assert (table["wrong"] <= table["ledgers"].map(validate.ledger_bar)).all()
    assert validate.shown_ledgers(table) in (ROOT / "docs/validation.md").read_text(encoding="utf-8")
