"""Proofs for langscale.statistics.intervals: slow twins, scipy, published examples, and planted truths."""

import itertools

import numpy as np
import pytest
from scipy import stats

from langscale.statistics import intervals as S


def names(n):
    return tuple(f"card-{i:04}" for i in range(n))


def random_scores(rng, k=5, c=30, x=3, per_column=False):
    shape = (k, c, x) if per_column else (c, x)
    counts = rng.integers(0, 5, shape)
    counts[..., 0, :] = 1  # every stratum has questions
    sums = rng.random((k, c, x)) * counts
    return sums, counts


# --- resampling


def test_weights_are_multinomial_counts_keyed_by_ids_and_seed():
    c = names(50)
    w = S.cluster_weights(c, 20_000, 1)
    assert (w.sum(axis=1) == 50).all() and (w >= 0).all() and (w == w.round()).all()
    assert np.abs(w.mean(axis=0) - 1).max() < 0.04  # 5 standard errors
    assert np.abs(w.var(axis=0) - 49 / 50).max() < 0.08
    assert np.array_equal(w, S.cluster_weights(c, 20_000, 1))
    assert not np.array_equal(w, S.cluster_weights(c, 20_000, 2))
    assert not np.array_equal(w, S.cluster_weights(names(51)[1:], 20_000, 1))


@pytest.mark.parametrize("draw", [S.cluster_weights, S.cluster_flips])
@pytest.mark.parametrize("ids", [("b", "a"), ("a", "a")])
def test_ids_must_be_sorted_and_unique(draw, ids):
    with pytest.raises(ValueError, match="sorted and unique"):
        draw(ids, 10, 0)


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("per_column", [False, True])
def test_bootstrap_equals_resampling_clusters_in_a_loop(average, per_column, monkeypatch):
    rng = np.random.default_rng(3)
    sums, counts = random_scores(rng, per_column=per_column)
    sums[..., 2] = 0
    counts[..., 2] = 0  # a stratum outside the pair set
    sums[:, 1:, 1] = 0
    counts[..., 1:, 1] = 0  # a stratum that lives in one cluster: a third of the resamples miss it
    weights = S.cluster_weights(names(30), 60, 0)
    assert (weights[:, 0] == 0).any()
    monkeypatch.setattr(S, "BLOCK", 400)  # several blocks
    fast = S.bootstrap(sums, counts, weights, average)
    for b, k in itertools.product(range(60), range(5)):
        picked = [c for c in range(30) for _ in range(int(weights[b, c]))]
        n = counts[k] if per_column else counts
        if average == "micro":
            slow = sum(sums[k, c].sum() for c in picked) / sum(n[c].sum() for c in picked)
        else:
            totals = [(sum(sums[k, c, x] for c in picked), sum(n[c, x] for c in picked)) for x in range(3)]
            slow = np.mean([s / m for s, m in totals if m > 0])
        assert fast[b, k] == pytest.approx(slow, abs=1e-12)
    ones = S.bootstrap(sums, counts, np.ones((1, 30)), average)
    assert np.allclose(S.cluster_parts(sums, counts, average).sum(axis=0), ones[0], atol=1e-12)


def test_macro_and_micro_where_languages_have_different_numbers_of_questions():
    sums = np.array([[[3.0, 0.0], [3.0, 1.0]]])  # en: 6 of 8, th: 1 of 2
    counts = np.array([[4, 1], [4, 1]])
    one = np.ones((1, 2))
    assert S.bootstrap(sums, counts, one, "macro").item() == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert S.bootstrap(sums, counts, one, "micro").item() == pytest.approx(7 / 10)
    same = np.array([[4, 4], [4, 4]])
    assert S.bootstrap(sums, same, one, "macro") == pytest.approx(S.bootstrap(sums, same, one, "micro"))


@pytest.mark.parametrize(
    "counts, average, message",
    [
        (np.ones((3, 2)), "macro", "counts: found"),
        (np.ones((4, 2)), "mean", "macro or micro"),
        (np.zeros((4, 2)), "macro", "without"),
    ],
)
def test_bad_arrays_are_named(counts, average, message):
    with pytest.raises(ValueError, match=message):
        S.bootstrap(np.ones((1, 4, 2)), counts, np.ones((1, 4)), average)


def test_runs_interval_equals_scipys_percentile_bootstrap_on_the_same_resamples():
    x = np.random.default_rng(0).random(40)
    drawn = np.random.default_rng(7).integers(0, 40, (2000, 40))
    weights = np.array([np.bincount(row, minlength=40) for row in drawn], dtype=float)
    peer = stats.bootstrap((x,), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(7))
    boot = S.bootstrap(x[None, :, None], np.ones((40, 1)), weights)
    assert np.allclose(boot[:, 0], peer.bootstrap_distribution, atol=1e-12)
    low, high = S.interval_over_queries(boot[:, 0])
    assert (low, high) == pytest.approx(tuple(peer.confidence_interval), abs=1e-12)


# --- sign flips


def test_sign_flip_p_equals_a_loop_and_scipys_exact_test(monkeypatch):
    rng = np.random.default_rng(4)
    parts = rng.normal(0.3, 1, (10, 6)) / 10
    every = np.array(list(itertools.product((-1.0, 1.0), repeat=10)))
    monkeypatch.setattr(S, "BLOCK", 2048)  # several blocks
    exact = S.sign_flip_p(parts, every)
    for m in range(6):
        hits = sum(
            abs(sum(s * u for s, u in zip(row, parts[:, m], strict=True))) >= abs(parts[:, m].sum()) - 1e-12
            for row in every
        )
        assert exact[m] == pytest.approx((hits + 1) / 1025)
        peer = stats.permutation_test((parts[:, m],), np.sum, permutation_type="samples", n_resamples=np.inf)
        assert (exact[m] * 1025 - 1) / 1024 == pytest.approx(peer.pvalue)
    drawn = S.sign_flip_p(parts, S.cluster_flips(names(10), 20_000, 0))
    assert np.abs(drawn - exact).max() < 0.02
    assert S.sign_flip_p(np.zeros((10, 1)), every)[0] == 1


# --- which columns stand against which


def test_units_match_replicates_and_never_count_a_run_twice():
    fixed = [False] * 8 + [True, True]
    a, b = {"1": 0, "2": 1, "3": 2}, {"3": 5, "2": 4, "4": 6}
    assert S.paired_units(a, b, fixed) == [{1: 1, 4: -1}, {2: 1, 5: -1}]
    assert S.paired_units(a, {"9": 7}, fixed) == []
    assert S.paired_units(a, {"1": 0, "2": 1, "3": 3}, fixed) == [{2: 1, 3: -1}]  # two aliases
    assert S.paired_units({"1": 0, "2": 0}, {"1": 3, "2": 4}, fixed) == [{0: 1, 3: -1}]
    bm25 = {"any": 8}
    assert S.paired_units(a, bm25, fixed) == [{0: 1, 8: -1}, {1: 1, 8: -1}, {2: 1, 8: -1}]
    assert S.paired_units(bm25, a, fixed) == [{8: 1, 0: -1}, {8: 1, 1: -1}, {8: 1, 2: -1}]
    assert S.paired_units({"1": 8, "2": 8}, {"any": 9}, fixed) == [{8: 1, 9: -1}]
    assert S.paired_units(bm25, bm25, fixed) == []
    assert S.cell_units({"2": 4, "1": 0, "3": 0}) == [{0: 1}, {4: 1}]


# --- all of it


def study(seed=0, r=5, c=60):
    """Columns 0..r-1 and r..2r-1: two trained cells; 2r: a deterministic one."""
    rng = np.random.default_rng(seed)
    counts = np.repeat(rng.integers(1, 8, (c, 1)), 3, axis=1)
    sums = np.clip(rng.normal(0.5, 0.2, (2 * r + 1, c, 3)) + rng.normal(0, 0.2, (c, 1)), 0, 1) * counts
    fixed = [False] * (2 * r) + [True]
    a, b, bm25 = {str(i): i for i in range(r)}, {str(i): r + i for i in range(r)}, {"": 2 * r}
    comparisons = [
        S.cell_units(a),
        S.cell_units(bm25),
        S.paired_units(a, b, fixed),
        S.paired_units(b, bm25, fixed),
        S.paired_units(a, {}, fixed),
        S.paired_units(a, {"1": r + 1, "2": r + 2}, fixed),
    ]
    return comparisons, sums, counts, names(c), fixed


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_estimate_equals_the_steps_one_by_one(average):
    comparisons, sums, counts, clusters, fixed = study()
    got = S.estimate(comparisons, sums, counts, clusters, fixed, average, n_resamples=500, seed=3)
    boot = S.bootstrap(sums, counts, S.cluster_weights(clusters, 500, 3), average)
    means = S.bootstrap(sums, counts, np.ones((1, 60)), average)[0]
    flips = S.cluster_flips(clusters, 500, 3)
    parts = S.cluster_parts(sums, counts, average)
    for m, units in enumerate(comparisons):
        if not units:
            assert got["reason"][m] == "no matched runs" and got["n_runs"][m] == 0
            assert all(np.isnan(got[k][m]) for k in got if k not in ("reason", "n_runs"))
            continue
        d = np.array([sum(w * boot[:, k] for k, w in unit.items()) for unit in units]).T
        values = np.array([sum(w * means[k] for k, w in unit.items()) for unit in units])
        worth = [found[0] for found in S.effective_clusters(S.cluster_parts(counts[None], counts, average))]
        one = S.interval_over_runs_and_queries(values, S.query_variance(d, worth[0]), worth[1], m == 1)
        assert got["n_runs"][m] == len(units) and got["mean"][m] == pytest.approx(values.mean())
        assert (got["runs_low"][m], got["runs_high"][m]) == pytest.approx(
            S.interval_over_queries(d.mean(axis=1))
        )
        for name in ("low", "high", "se", "df"):
            assert got[name][m] == pytest.approx(getattr(one, name)[0], nan_ok=True)
        assert got["reason"][m] == one.reason[0]
        if m < 2:
            assert np.isnan([got["p"][m], got["p_runs"][m], got["detectable"][m]]).all()
            continue
        assert got["p"][m] == pytest.approx(S.t_p(one.mean, one.se, one.df)[0], nan_ok=True)
        u = np.mean([sum(w * parts[:, k] for k, w in unit.items()) for unit in units], axis=0)
        assert got["p_runs"][m] == S.sign_flip_p(u[:, None], flips)[0]
    assert got["reason"].tolist() == ["", "", "", "", "no matched runs", "fewer than 4 replicates"]


def test_estimate_does_not_depend_on_the_order_of_the_columns():
    comparisons, sums, counts, clusters, fixed = study()
    p = np.random.default_rng(9).permutation(len(sums))
    place = np.argsort(p)
    moved = [[{int(place[k]): w for k, w in unit.items()} for unit in units] for units in comparisons]
    first = S.estimate(comparisons, sums, counts, clusters, fixed, n_resamples=300)
    second = S.estimate(
        moved, sums[p], np.broadcast_to(counts, sums.shape)[p], clusters, np.array(fixed)[p], n_resamples=300
    )
    for name in first:
        if name == "reason":
            assert (first[name] == second[name]).all()
        else:
            assert np.allclose(first[name], second[name], rtol=1e-9, atol=1e-12, equal_nan=True), name


def test_contrasts_are_paired_antisymmetric_and_scale_with_the_scores():
    comparisons, sums, counts, clusters, fixed = study()
    cell, _, contrast = comparisons[:3]
    back = [{k: -w for k, w in unit.items()} for unit in contrast]
    got = S.estimate([cell, contrast, back], sums, counts, clusters, fixed, n_resamples=300)
    wide = S.estimate([cell, contrast, back], 100 * (sums + counts), counts, clusters, fixed, n_resamples=300)
    assert got["mean"][1] == pytest.approx(-got["mean"][2]) and got["low"][1] == pytest.approx(
        -got["high"][2]
    )
    assert wide["mean"] == pytest.approx(100 * (got["mean"] + [1, 0, 0]))
    assert wide["se"] == pytest.approx(100 * got["se"]) and wide["df"] == pytest.approx(got["df"])
    assert wide["p"] == pytest.approx(got["p"], nan_ok=True)


def test_a_trained_run_in_two_units_is_an_error():
    _, sums, counts, clusters, fixed = study()
    with pytest.raises(ValueError, match="comparison 1: .*several units"):
        S.estimate([[{0: 1}], [{0: 1, 5: -1}, {0: 1, 6: -1}]], sums, counts, clusters, fixed, n_resamples=10)
