"""The simulator against plain draws query by query, and a short version of `make validate`."""

import numpy as np
import pytest
import simulated_studies as M

from langscale.core.random import stream
from langscale.data.benchmarks import cldr
from langscale.statistics.intervals import MARGIN, cluster_parts, estimate


def world(**changes):
    values = {"name": "w", "sizes": "xquad-r", "run": 0.02, "query": 0.3, "cell": 0.05, "interaction": 0.1}
    return M.World(**(values | changes))


def test_sizes_are_the_real_ones():
    """XQuAD-R's 240 paragraphs are counted in test_lareqa.py."""
    for name, count in (("cldr", None), ("cldr-400", 400)):
        cards = [card.card_id for _, card, _ in cldr.ranked_queries()[:count]]
        sizes = np.bincount([cards.count(card) for card in dict.fromkeys(cards)])
        assert {int(s): int(sizes[s]) for s in np.flatnonzero(sizes)} == M.SIZES[name]
    assert sum(M.SIZES["xquad-r"].values()) == 240
    assert sum(size * many for size, many in M.SIZES["xquad-r"].items()) == 1190


@pytest.mark.parametrize("strata", [1, 4])
def test_the_planted_truth_and_the_variances_are_there(strata):
    r, n = 4, 1500
    w = world(strata=strata)
    some = M.studies(w, r, n, stream("test", strata))
    values = cluster_parts(some.sums, some.counts).sum(axis=0).reshape(n, 3 * r + 2)
    means = np.repeat([0.5, 0.5 + MARGIN, 0.3, 0.5], [2 * r, r, 1, 1])
    assert np.abs(values.mean(axis=0) - means).max() < 5 * values.std(axis=0).max() / np.sqrt(n)
    # two runs of a cell differ by runs (half of the variance shared by a replicate) and by the interaction
    shares = cluster_parts(some.counts[None], some.counts)[:, 0]
    size = some.counts.sum(axis=1)
    if strata == 1:
        spread = (shares**2 * (M.ALIKE + (1 - M.ALIKE) / size)).sum()
        within, across = np.var(values[:, 0] - values[:, 1]), np.var(values[:, 0] - values[:, r])
        assert within == pytest.approx(2 * (w.run**2 + w.interaction**2 * spread), rel=0.15)
        assert across == pytest.approx(w.run**2 + 2 * (w.interaction**2 + w.cell**2) * spread, rel=0.15)
        assert np.var(values[:, -1]) == pytest.approx((w.query**2 + w.cell**2) * spread, rel=0.15)
    per_study = some.truth.reshape(n, -1)
    assert (per_study == [0.5, 0.3, 0, MARGIN, 0, 0.2]).all()
    # the truth of the runs: what is left when the queries' effects are averaged out
    assert np.corrcoef(some.runs_truth.reshape(n, -1)[:, 3], values[:, 2 * r : 3 * r].mean(1))[0, 1] > 0.3


def test_a_sum_over_a_cluster_is_what_its_queries_add_up_to():
    """Binomial given the cluster's chance, and beta over clusters: variance and correlation of queries."""
    size, n = 6, 40_000
    rng = np.random.default_rng(0)
    a, b = (1 / M.ALIKE - 1) * np.array([M.SOLVED, 1 - M.SOLVED])
    single = rng.random((n, size)) < rng.beta(a, b, (n, 1))
    assert np.corrcoef(single[:, 0], single[:, 1])[0, 1] == pytest.approx(M.ALIKE, abs=0.02)
    expected = M.SOLVED * (1 - M.SOLVED) * (size**2 * M.ALIKE + size * (1 - M.ALIKE))
    assert single.sum(axis=1).var() == pytest.approx(expected, rel=0.03)


def test_balanced_ladders_leave_the_mean_over_the_pool_alone():
    ladders = world(run=0.0, ladders=0.05)
    whole = M._run_effects(ladders, 8, 200, stream("test"))  # a whole Latin square
    assert np.abs(whole.mean(axis=-1)).max() < 1e-12 < whole.std(axis=-1).min()


def test_the_same_seed_gives_the_same_rates_and_rates_are_those_of_estimate():
    w = M.WORLDS[1]
    rows = list(M.validate(w, 4, 30, 100))
    assert str(rows) == str(list(M.validate(w, 4, 30, 100)))
    assert [row["kind"] for row in rows] == list(M.KINDS)
    some = M.studies(w, 4, 30, M.draws(w, 4, 0))
    clusters = tuple(f"{i:04}" for i in range(len(some.counts)))
    got = estimate(some.comparisons, some.sums, some.counts, clusters, some.fixed, n_resamples=100, seed=0)
    inside = (got["low"] <= some.truth) & (some.truth <= got["high"])
    assert [row["coverage"] for row in rows] == pytest.approx(inside.reshape(30, -1).mean(axis=0))


@pytest.mark.parametrize("replicates", [4, 8])
@pytest.mark.parametrize("world", [M.WORLDS[i] for i in (1, 2, 4, 8)], ids=lambda w: w.name)
def test_intervals_cover_and_tests_keep_their_level(world, replicates):
    """The short version: 500 studies, bounds at 4 standard errors; docs/validation.md has the long one."""
    n = 500
    error = 4 * np.sqrt(0.05 * 0.95 / n)
    for row in M.validate(world, replicates, n, 200):
        assert row["refused"] == 0
        assert 0.95 - error < row["coverage"] <= 1.0, row
        assert not row["rejected"] > 0.05 + error and not row["equivalent"] > 0.05 + error, row
        assert not row["equivalent_share"] > 0.05 + error, row
        # the narrow interval is about the given runs, and covers their truth
        assert row["runs_coverage"] > 0.9, row


def test_fewer_than_four_replicates_are_refused_and_the_narrow_interval_is_too_narrow_for_new_runs():
    some = M.studies(M.WORLDS[2], 3, 200, stream("test"))
    clusters = tuple(f"{i:04}" for i in range(len(some.counts)))
    got = estimate(some.comparisons, some.sums, some.counts, clusters, some.fixed, n_resamples=200)
    trained = np.isin(some.kinds, ("cell", "contrast"))
    assert set(got["reason"][trained]) == {"fewer than 4 replicates"} and np.isnan(got["low"][trained]).all()
    inside = (got["runs_low"] <= some.truth) & (some.truth <= got["runs_high"])
    assert inside[some.kinds == "contrast"].mean() < 0.8
