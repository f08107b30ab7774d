"""The simulator of curves, and the short version of its validation."""

import numpy as np
import pytest
import simulated_curves as C

from langscale.core.random import stream
from langscale.statistics.curve_shapes import curve


@pytest.mark.parametrize("name", C.TRUTHS)
def test_the_means_lie_on_the_planted_curve(name):
    planted = C.Planted(name, (1, 2, 4, 9), 4)
    found = []
    for i in range(200):
        sums, counts = C.sums(planted, stream("test", i))
        found.append(sums.sum(axis=1)[:, 0].reshape(4, 4).mean(axis=1) / counts.sum())
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    truth = curve(name, C.TRUTHS[name], np.array(planted.n))
    assert (np.abs(np.mean(found, axis=0) - truth) < 4.5 * error).all() and error.max() < 0.003


def test_curves_are_judged_only_where_the_design_allows():
    allowed = {(p.curve, len(p.n)) for p in C.SETTINGS if p.allowed}
    few = {("constant", 4), ("logarithmic", 4)}
    assert allowed == few | {(name, n) for name in C.TRUTHS for n in (6, 8)}
    rows = list(C.validate_curves(C.Planted("power law", (1, 2, 4, 9), 4), 3, 100))
    assert [row["parameter"] for row in rows] == ["slope"] and np.isnan(rows[0]["chosen"])


@pytest.mark.parametrize("name", C.TRUTHS)
def test_the_right_curve_is_found_and_its_parameters_recovered(name):
    """The short version, 40 studies; docs/validation.md has the long one."""
    rows = list(C.validate_curves(C.Planted(name, (1, 2, 3, 4, 6, 9), 6), 40, 100))
    found = {row["parameter"]: row for row in rows}
    assert {"a", "slope", "extrapolated_2x"} <= set(found)
    for row in rows:
        assert row["chosen"] > 0.6 and row["coverage"] > 0.8, row
        if row["identified"] > 0.9:
            assert row["median"] == pytest.approx(row["truth"], rel=0.1, abs=0.01), row
