"""Forecasts: variances of a pilot, the smallest effect of a planned study, differences of the paper."""

import numpy as np
import pandas as pd
import pytest
from support.planted_panel import Planted, rows, study
from support.rendered_study import write_table

from langscale.claims import claims_table
from langscale.claims.power import SHIPPED, forecasts, pilot, published_difference
from langscale.claims.testability import planned
from langscale.core.random import stream
from langscale.design.grid import Grid


def variances(sd, se, **part):
    row = {"claim": "C3", "part": "a", "setting": "multi", "metric": "mAP", "n_runs": 5}
    return pd.DataFrame([row | {"sd_runs": sd, "se_queries": se} | part])


def of(made, table):
    return {one.claim: one for one in forecasts(Grid(made), table)}


def test_the_forecast_from_a_study_s_own_variances_is_what_the_study_detects(tmp_path):
    made = study("C3")
    table = rows(made, lambda q, c: 0.5, noise=0.01)
    write_table(table, tmp_path, "claims")
    one = of(made, pilot(tmp_path / "claims.csv"))["C3"]
    largest = table[table["part"] != "all"]["smallest_detectable"].max()
    assert one.detectable == pytest.approx(largest, rel=0.03) and one.replicates == 5
    assert one.compared in set(table["compared"]) and one.position == 1


def test_planned_replicates_find_the_smallest_detectable_effect_in_four_of_five_studies():
    sd, se, n = 0.01, 0.004, 4000
    least = of(study("C3", replicates=6), variances(sd, se))["C3"].detectable
    rng = stream("forecast")
    runs = least + rng.normal(0, sd, (n, 6)) + rng.normal(0, se, (n, 1))
    between = runs.var(axis=1, ddof=1) / 6
    steady = se**2 * 3 / 5
    df = (between + steady) ** 2 / (between**2 / 5)
    from scipy import stats

    found = runs.mean(axis=1) / np.sqrt(between + se**2) > stats.t.ppf(0.975, df)
    assert found.mean() == pytest.approx(0.8, abs=0.04)


def test_the_paper_s_differences_are_those_of_its_tables():
    made = study("C1", models=("xlm-r", "labse"), n=[4])
    entry = next(e for e in planned(Grid(made)) if e.claim.id == "C1" and e.model == "xlm-r")
    mono, cross = (published_difference(Grid(made), "xquad-r", part) for part in entry.parts)
    assert mono == pytest.approx((0.792 - 0.755, 0.755)) and cross == pytest.approx((0.700 - 0.674, 0.674))


def test_replicates_for_the_paper_s_difference():
    made = study("C3", models=("labse",))
    # hybrid minus x-y is .682 - .679 in multi
    one = of(made, variances(0.002, 0.0005))["C3"]
    assert one.published == pytest.approx(0.003) and 5 <= one.needed <= 12
    again = of(study("C3", models=("labse",), replicates=int(one.needed)), variances(0.002, 0.0005))["C3"]
    assert (
        again.detectable
        <= 0.003
        < of(study("C3", models=("labse",), replicates=int(one.needed) - 1), variances(0.002, 0.0005))[
            "C3"
        ].detectable
    )
    # queries alone hide it, whatever the number of replicates
    assert np.isinf(of(made, variances(0.002, 0.003))["C3"].needed)
    assert np.isnan(of(made, variances(0.002, 0.001, metric="other", claim="C1"))["C3"].detectable)


def test_a_claim_without_a_test_says_why():
    found = of(study("C3", statistics={}, samplers=["x-y"]), pilot())
    assert found["C8"].reason == "a count, without a test" and found["C9"].position == 0
    assert found["C3"].reason == "hybrid is not in the grid"
    assert "H2" in found and all(one.reason for one in found.values() if not one.position)


def test_the_shipped_pilot_has_each_part_once():
    table = pilot()
    assert SHIPPED.is_file() and not table.duplicated(["claim", "part"]).any()
    assert (table["sd_runs"] > 0).all() and (table["se_queries"] >= 0).all() and (table["n_runs"] >= 4).all()


def test_variances_are_those_of_the_replicates():
    made = study("C3")
    panel = Planted(made, lambda q, c: 0.5, noise=0.01)
    entry = next(e for e in claims_table.entries(panel, "xquad-r") if e.primary)
    one = entry.measured[0]
    assert one.sd_runs == pytest.approx(0.01 * np.sqrt(2) * np.sqrt(1 + 1 / 40), rel=0.6)
    assert one.spread[0][0] ** 2 >= one.sd_runs**2 / 5 + one.se_queries**2 - 1e-12
