"""Variance components: the analysis of variance of balanced designs, and planted components."""

import numpy as np
import pytest

from langscale.core.random import stream
from langscale.statistics.variance_components import components


def balanced(rng, ladder, seed, number=(0.0, 0.0), ladders=5, seeds=2):
    sets = ladder * rng.standard_normal((len(number), ladders, 1))
    values = (
        np.array(number)[:, None, None] + sets + seed * rng.standard_normal((len(number), ladders, seeds))
    )
    return values.reshape(len(number), -1), np.repeat(np.arange(ladders), seeds)


def test_reml_of_balanced_designs_is_the_analysis_of_variance():
    for i in range(8):
        y, ladders = balanced(stream("balanced", i), 0.03, 0.01, (0.2, 0.3, 0.5))
        cube = y.reshape(3, 5, 2)
        within = cube.var(axis=2, ddof=1).mean()
        between = 2 * cube.mean(2).var(axis=1, ddof=1).mean()
        got = components(y, ladders)
        assert got["variance_seed"] == pytest.approx(within, rel=1e-3)
        assert got["variance_ladder"] == pytest.approx((between - within) / 2, rel=1e-3)


def test_planted_components_come_back():
    many = []
    for i in range(10):
        y, ladders = balanced(stream("many", i), 0.03, 0.02, (0.40, 0.44, 0.48), ladders=100, seeds=3)
        many.append(components(y, ladders))
    got = {name: np.mean([one[name] for one in many]) for name in many[0]}
    assert got["variance_ladder"] == pytest.approx(0.0009, rel=0.1)
    assert got["variance_seed"] == pytest.approx(0.0004, rel=0.1)
    assert got["variance_n"] == pytest.approx(0.0016, rel=0.1)
    assert got["share_ladder"] == pytest.approx(9 / 29, abs=0.03)
    single = components(y[:1], ladders)
    assert np.isnan(single["variance_n"]) and single["share_ladder"] == pytest.approx(9 / 13, abs=0.1)


def test_the_interval_of_the_ladders_share_covers():
    for ladder in (0.0, 0.02):
        rng, inside = stream("share", ladder), []
        for _ in range(40):
            y, ladders = balanced(rng, ladder, 0.02)
            got = components(y, ladders)
            inside.append(
                got["ladder_of_runs_low"] <= ladder**2 / (ladder**2 + 0.0004) <= got["ladder_of_runs_high"]
            )
        assert np.mean(inside) >= 0.9
