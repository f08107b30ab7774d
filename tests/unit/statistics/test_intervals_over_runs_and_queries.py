"""Proofs for the procedure interval of langscale.statistics.intervals: scipy, by hand, and where it is
refused.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from langscale.core.random import stream
from langscale.statistics import intervals as S


def names(n):
    return tuple(f"card-{i:04}" for i in range(n))


def test_without_question_variance_it_is_the_paired_t_test():
    rng = np.random.default_rng(1)
    for r in range(4, 11):
        a, b = rng.random(r), rng.random(r)
        peer = stats.ttest_rel(a, b)
        got = S.interval_over_runs_and_queries(a - b, 0.0, 240)
        ci = peer.confidence_interval()
        assert (got.low[0], got.high[0]) == pytest.approx((ci.low, ci.high))
        assert got.df[0] == pytest.approx(r - 1)
        assert S.t_p(got.mean, got.se, got.df)[0] == pytest.approx(peer.pvalue)
        margin = 0.4
        one_sided = (
            stats.ttest_1samp(a - b, -margin, alternative="greater").pvalue,
            stats.ttest_1samp(a - b, margin, alternative="less").pvalue,
        )
        assert S.equivalence_p(got.mean, got.se, got.df, margin)[0] == pytest.approx(max(one_sided))
        # a margin of 0.3 +- 0.4 with a difference of 0 +- 0.3 is a sum with an error of 0.5
        assert S.equivalence_p(0.0, 0.3, 9.0, 0.3, 0.4) == pytest.approx(stats.t.sf(0.3 / 0.5, 9))


def test_satterthwaite_by_hand_for_ragged_rows():
    values = np.array([[0.1, 0.3, 0.2, 0.4, np.nan, np.nan], [0.5, 0.5, 0.7, 0.7, 0.6, 0.6]])
    got = S.interval_over_runs_and_queries(values, np.array([0.001, 0.002]), 101)
    for m, (row, v) in enumerate([(values[0, :4], 0.001), (values[1], 0.002)]):
        r = len(row)
        a, w = np.var(row, ddof=1) / r, v * (r - 3) / (r - 1)
        df = (a + w) ** 2 / (a**2 / (r - 1) + w**2 / 100)
        half = stats.t.ppf(0.975, df) * np.sqrt(a + v)
        assert (got.df[m], got.se[m]) == pytest.approx((df, np.sqrt(a + v)))
        assert (got.low[m], got.high[m]) == pytest.approx((row.mean() - half, row.mean() + half))


def test_what_is_refused_and_why():
    rows = np.array([[0.1, 0.2, 0.4, np.nan], [np.nan] * 4, [0.5] * 4, [0.1, np.nan, np.nan, np.nan]])
    got = S.interval_over_runs_and_queries(rows, np.array([0.1, 0.1, 0.0, 0.1]), 50)
    assert got.reason.tolist() == [
        "fewer than 4 replicates",
        "no matched runs",
        "no variance",
        "fewer than 4 replicates",
    ]
    assert np.isnan([got.low, got.high, got.se, got.df]).all()
    assert got.mean[[0, 2, 3]] == pytest.approx([0.7 / 3, 0.5, 0.1]) and np.isnan(got.mean[1])
    fixed = S.interval_over_runs_and_queries(np.array([0.3]), 0.0004, 50, True)
    assert fixed.reason[0] == "" and fixed.df[0] == pytest.approx(49)
    assert fixed.high[0] - 0.3 == pytest.approx(stats.t.ppf(0.975, 49) * 0.02)
    with pytest.raises(ValueError, match="deterministic"):
        S.interval_over_runs_and_queries(np.array([0.3, 0.4]), 0.1, 50, True)
    assert (
        S.interval_over_runs_and_queries(np.array([0.3]), 0.1, 1, True).reason[0]
        == "fewer than 2 effective clusters of queries"
    )


def test_question_variance_is_the_shared_component_of_a_two_way_layout():
    rng = np.random.default_rng(5)
    c, r = 60, 5
    y = rng.normal(0, 0.3, c)[:, None] + rng.normal(0, 0.2, (c, r))
    boot = S.bootstrap(y.T[:, :, None], np.ones((c, 1)), S.cluster_weights(names(c), 20_000, 0))
    between = r * y.mean(axis=1).var(ddof=1)  # mean squares of questions and of the interaction
    inner = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    within = (inner**2).sum() / ((c - 1) * (r - 1))
    assert S.query_variance(boot, c) == pytest.approx((between - within) / (r * c), rel=0.05)
    assert S.query_variance(boot[:, :1], c) == pytest.approx(y[:, 0].var(ddof=1) / c, rel=0.05)
    few = S.bootstrap(y[:8, :1].T[:, :, None], np.ones((8, 1)), S.cluster_weights(names(8), 20_000, 0))
    assert S.query_variance(few, 8) == pytest.approx(y[:8, 0].var(ddof=1) / 8, rel=0.05)
    pure = S.bootstrap(rng.normal(0, 1, (4, c, 1)), np.ones((c, 1)), S.cluster_weights(names(c), 2000, 0))
    assert 0 <= S.query_variance(pure, c) < 0.3 * pure.mean(axis=1).var()


@pytest.mark.parametrize("r", [4, 5, 6, 8, 10])
def test_no_ratio_of_the_two_variances_rejects_more_than_five_and_a_half_percent(r):
    """The plain Satterthwaite df fails this at R = 4 (6.4%) and 5 (5.8%)."""
    n = 20_000
    for ratio in (0, 0.1, 0.3, 1, 3, 30):  # question variance / (run variance / R)
        rng = stream("ratio", r, ratio)
        values = rng.normal(0, np.sqrt(r), (n, r)) + rng.normal(0, np.sqrt(ratio), (n, 1))
        got = S.interval_over_runs_and_queries(values, ratio, 240)
        p = S.t_p(got.mean, got.se, got.df)
        rejected = (p < 0.05).mean()
        assert ((got.low > 0) | (got.high < 0)).mean() == rejected
        assert 0.02 < rejected < 0.055, (ratio, rejected)


def test_detectable_difference_has_eighty_percent_power():
    for df in (3, 3.7, 8, 60, 239):
        effect = S.detectable(np.array(0.01), np.array(df)) / 0.01
        assert stats.nct.sf(stats.t.ppf(0.975, df), df, effect) == pytest.approx(0.8, abs=1e-6)
    rng = np.random.default_rng(2)
    one_sided = S.detectable(np.array(1.0), np.array(5.0), level=0.01, sides=1)
    assert stats.nct.sf(stats.t.isf(0.01, 5), 5, one_sided) == pytest.approx(0.8)
    effect = float(S.detectable(np.array(1 / np.sqrt(6)), np.array(5)))
    found = stats.ttest_1samp(rng.normal(effect, 1, (20_000, 6)), 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.012)


def test_clusters_of_uneven_weight_are_worth_fewer():
    equal = np.full((40, 2), 1 / 40)
    assert S.effective_clusters(equal) == (pytest.approx([40, 40]), pytest.approx([40, 40]))
    w = np.array([0.5, 0.25, 0.125, 0.125])
    by_hand = (
        1 / (2 * (0.125 + 2**-6 + 2 * 2**-9) / 0.34375 - 0.34375),
        0.34375**2 / (2**-4 + 2**-8 + 2 * 2**-12),
    )
    assert [found[0] for found in S.effective_clusters(w[:, None])] == pytest.approx(by_hand)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=60), st.integers(0, 99))
def test_effective_clusters_are_at_most_the_clusters_and_give_an_unbiased_variance(sizes, seed):
    """By its definition: the expected sum of squared parts, where a cluster's questions are wholly alike."""
    w = np.array(sizes) / sum(sizes)
    bias, freedom = (found[0] for found in S.effective_clusters(w[:, None]))
    c = len(w)
    assert 1 - 1e-9 <= freedom <= c * (1 + 1e-9) and bias <= c * (1 + 1e-9)
    parts = (np.eye(c) - w) * w[:, None]  # of independent cluster means with variance 1
    expected, truth = (parts**2).sum(), (w**2).sum()
    assert expected * bias / (bias - 1) == pytest.approx(truth)
