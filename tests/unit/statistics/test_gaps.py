"""The gap of held-out languages against loops over queries."""

import numpy as np
import pytest
from support import synthetic_study as synthetic
from support.slow_tables import SETS, runs_of, slow


def test_a_gap_is_the_mean_over_runs_of_pool_minus_held_out_pairs(tmp_path):
    grid = [{"samplers": ["x-y"], "n": [3]}]
    made = synthetic.Made(tmp_path, False, grid=grid, statistics={"resamples": 100})
    table = made.tables["gaps"]
    found = set(table[["setting", "pair_set"]].itertuples(index=False, name=None))
    groups = ("pool-heldout", "heldout-pool", "heldout")
    assert found == {("mono", "heldout"), *((s, g) for s in ("cross", "multi") for g in groups)}
    for row in table.to_dict("records"):
        differences = []
        for run in runs_of(made, row).values():
            scores = made.scores[run.path, "last"]
            pool, other = (
                slow(scores, row["setting"], "mAP", *SETS[n])[0] for n in ("pool", row["pair_set"])
            )
            differences.append(pool - other)
        assert row["gap"] == pytest.approx(np.mean(differences)) and row["n_runs"] == len(differences)
        if row["sampler"] == "x-y":
            assert row["ci_low"] < row["runs_ci_low"] < row["gap"] < row["runs_ci_high"] < row["ci_high"]
