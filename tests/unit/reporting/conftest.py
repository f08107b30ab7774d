"""Planted studies of the reporting tests."""

import pytest
from support import synthetic_study as synthetic


@pytest.fixture(scope="session")
def swept(tmp_path_factory):
    """A planted study with budgets of all three kinds under x-y, and three alphas of hybrid."""
    kinds = ("fixed-total", "fixed-rows", "fixed-per-language")
    budgets = {kind: {"kind": kind, "steps": 9} for kind in kinds} | {
        "other": {"kind": "fixed-rows", "steps": 8}
    }
    grid = [
        {"samplers": ["x-y"], "n": [1, 3], "budgets": list(kinds)},
        {
            "samplers": ["x-x-mono", "hybrid-0.25", "hybrid", "hybrid-1"],
            "n": [1, 3],
            "budgets": ["fixed-total"],
        },
        {"samplers": ["hybrid"], "n": [3], "budgets": ["fixed-rows", "other"]},
    ]
    folder = tmp_path_factory.mktemp("swept")
    return synthetic.Made(folder, True, budgets=budgets, grid=grid, statistics={"resamples": 100})
