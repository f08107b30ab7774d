"""The split of gains: against loops over queries, in planted worlds, and where a study cannot have it."""

import numpy as np
import pytest
from support import synthetic_study as synthetic
from support.planted_panel import Planted
from support.planted_panel import study as planted_study
from support.slow_tables import intervals

from langscale.reporting import layouts
from langscale.reporting.wording import interval, place
from langscale.statistics.decomposition import (
    COLUMNS,
    decomposition_table,
    like,
    ratio_interval,
    splits,
)
from langscale.statistics.intervals import interval_over_runs_and_queries

BUDGETS = {
    "total": {"kind": "fixed-total", "steps": 9},
    "rows": {"kind": "fixed-rows", "steps": 9},
    "long": {"kind": "fixed-per-language", "steps": 9},
    "other": {"kind": "fixed-rows", "steps": 7},
}
LABELS = {"benchmark": "b", "checkpoint": "last", "candidate_text": "card"}


@pytest.fixture(scope="module", params=[True, False], ids=["parallel", "partly parallel"])
def made(request, tmp_path_factory):
    grid = [
        {"samplers": ["x-y", "hybrid"], "n": [1, 2, 3], "budgets": ["total"]},
        {"samplers": ["x-y"], "n": [3], "budgets": ["rows", "other"]},
        {"samplers": ["x-y"], "n": [2, 3], "budgets": ["long"]},
    ]
    changes = {"budgets": BUDGETS, "grid": grid, "statistics": {"resamples": 200}}
    return synthetic.Made(tmp_path_factory.mktemp("scores"), request.param, **changes)


def test_parts_equal_loops_over_queries_and_add_up(made):
    table = made.tables["decomposition"]
    assert list(table) == list(COLUMNS)
    # only x-y at n = 3 has a run at equal rows
    assert set(zip(table["sampler"], table["n_languages"], table["budget"], strict=True)) == {
        ("x-y", 3, "total")
    }
    runs = {(c.sampler, c.n_languages, c.budget, c.seed): c.run.path for c in made.grid.cells}
    sides = {"gain": (("total", 3), ("total", 1)), "languages": (("rows", 3), ("total", 1)),
             "rows": (("total", 3), ("rows", 3)), "steps": (("long", 3), ("total", 3))}  # fmt: skip
    for setting, metric, pair_set in (
        ("cross", "mAP", "heldout-pool"),
        ("mono", "mAP", "pool"),
        ("multi", "mAP@20", "all"),
    ):
        rows = table[
            (table["setting"] == setting) & (table["metric"] == metric) & (table["pair_set"] == pair_set)
        ]
        for average in set(rows["average"]):
            found = rows[rows["average"] == average].set_index("part")
            assert set(found.index) == set(sides)
            for part, pair in sides.items():
                (a, n), (b, m) = pair
                units = [{runs["x-y", n, a, s]: 1.0, runs["x-y", m, b, s]: -1.0} for s in (1, 2, 3, 4)]
                expected = intervals(made, units, setting, metric, pair_set, average)
                got = found.loc[part, ["difference", "ci_low", "ci_high", "runs_ci_low", "runs_ci_high", "p"]]
                np.testing.assert_allclose(got.astype(float), expected, rtol=1e-7)
            value = found["difference"]
            assert value["languages"] + value["rows"] == pytest.approx(value["gain"], abs=1e-12)
            share = found["share"]
            if not np.isnan(share["languages"]):
                assert share["languages"] + share["rows"] == pytest.approx(1)
                assert share["languages"] == pytest.approx(value["languages"] / value["gain"])
            assert np.isnan(share[["gain", "steps"]]).all()


def test_a_study_without_a_budget_at_equal_rows_has_no_rows(tmp_path):
    made = synthetic.Made(tmp_path, True)
    assert made.tables["decomposition"].empty and list(made.tables["decomposition"]) == list(COLUMNS)
    assert layouts.decomposition(made.tables["decomposition"]).shape == (1, 1)


def test_budgets_belong_together_if_they_are_equal_at_one_language():
    made = planted_study("H1", budgets=BUDGETS, samplers=["x-y"])
    assert like(made, "total", "fixed-rows") == "rows" and like(made, "other", "fixed-total") is None
    assert like(made, "total", "fixed-per-language") == "long"


WORLDS = {
    "languages only": (1.0, 0.0), "rows only": (0.0, 1.0), "three quarters languages": (0.75, 0.25),
}  # fmt: skip


@pytest.mark.parametrize("world", WORLDS)
def test_the_split_finds_what_was_planted(world):
    """mAP rises with log2 n: by languages at any number of rows, or by rows at any number of languages."""
    of_languages, of_rows = WORLDS[world]
    budgets = {name: BUDGETS[name] for name in ("total", "rows")}
    study = planted_study("H1", budgets=budgets, samplers=["x-x-mono"], n=(1, 2, 4))

    def truth(quantity, cell):
        if quantity.setting != "cross" or not cell.n:
            return 0.3
        rows = np.log2(cell.n) if cell.budget == "total" else 0.0
        return 0.3 + 0.04 * (of_languages * np.log2(cell.n) + of_rows * rows)

    panel = Planted(study, truth)
    assert [split.point.n_languages for split in splits(study, panel.points)] == [2, 4]
    table = decomposition_table(study, panel, LABELS)
    rows = table[
        (table["setting"] == "cross") & (table["pair_set"] == "heldout") & (table["metric"] == "mAP")
    ]
    at = rows[rows["n_languages"] == 4].set_index("part")
    for part, size in (("gain", 0.08), ("languages", 0.08 * of_languages), ("rows", 0.08 * of_rows)):
        assert at.loc[part, "ci_low"] - 0.002 < size < at.loc[part, "ci_high"] + 0.002
        assert (at.loc[part, "p"] < 0.001) == (size > 0)
    assert at.loc["languages", "share"] == pytest.approx(of_languages, abs=0.05)
    assert (
        at.loc["languages", "share_low"] < of_languages + 0.03
        and at.loc["languages", "share_high"] > of_languages - 0.03
    )
    # nothing changes in mono: no gain, no share
    mono = table[(table["setting"] == "mono") & (table["metric"] == "mAP") & (table["part"] == "languages")]
    assert mono["share"].isna().mean() > 0.5


def test_the_interval_of_a_share_covers():
    """Two thousand gains of eight replicates with a known share; a gain that may be 0 has none."""
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(2000):
        first, rows, total = rng.normal([0.30, 0.33, 0.35], 0.01, (8, 3)).T
        parts = [rows - first, total - first, total - rows]
        found = [interval_over_runs_and_queries(values, 0.0, 1000.0) for values in parts]
        ends = ratio_interval(*((f.mean.item(), f.se.item()) for f in found), df=7.0)
        covered.append(ends[0] <= 0.6 <= ends[1])
    assert 0.93 < np.mean(covered) < 0.97
    assert np.isnan(ratio_interval((0.01, 0.01), (0.01, 0.01), (0.0, 0.01), 7.0)).all()


def test_the_readable_table_has_a_column_for_each_part(made):
    shown = layouts.decomposition(made.tables["decomposition"])
    assert list(shown)[-5:] == [*layouts.PARTS.values(), "share of languages"]
    for row in shown.to_dict("records"):
        found = made.tables["decomposition"].query(
            f"metric == 'mAP' and average == 'macro' and n_languages == {row[layouts.N]}"
        )
        places = zip(found["setting"], found["pair_set"], strict=True)
        found = found[[place(*both) == row["setting"] for both in places]]
        [part] = found.query("part == 'languages'").to_dict("records")
        assert row["languages, at equal rows"] == interval(part, "difference")
        known = interval(part, "share", "share_low", "share_high") if part["share"] == part["share"] else ""
        assert row["share of languages"] == known
    assert len(shown) == made.tables["decomposition"].query(
        "metric == 'mAP' and average == 'macro' and part == 'gain'"
    )["difference"].notna().sum()  # fmt: skip
