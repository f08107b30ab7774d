"""Proofs for langscale.statistics: slow twins, scipy, published examples, and planted truths."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from langscale import statistics as S
from langscale.streams import stream


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
    low, high = S.runs_interval(boot[:, 0])
    assert (low, high) == pytest.approx(tuple(peer.confidence_interval), abs=1e-12)


# --- the procedure interval


def test_without_question_variance_it_is_the_paired_t_test():
    rng = np.random.default_rng(1)
    for r in range(4, 11):
        a, b = rng.random(r), rng.random(r)
        peer = stats.ttest_rel(a, b)
        got = S.procedure_interval(a - b, 0.0, 240)
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


def test_satterthwaite_by_hand_for_ragged_rows():
    values = np.array([[0.1, 0.3, 0.2, 0.4, np.nan, np.nan], [0.5, 0.5, 0.7, 0.7, 0.6, 0.6]])
    got = S.procedure_interval(values, np.array([0.001, 0.002]), 101)
    for m, (row, v) in enumerate([(values[0, :4], 0.001), (values[1], 0.002)]):
        r = len(row)
        a, w = np.var(row, ddof=1) / r, v * (r - 3) / (r - 1)
        df = (a + w) ** 2 / (a**2 / (r - 1) + w**2 / 100)
        half = stats.t.ppf(0.975, df) * np.sqrt(a + v)
        assert (got.df[m], got.se[m]) == pytest.approx((df, np.sqrt(a + v)))
        assert (got.low[m], got.high[m]) == pytest.approx((row.mean() - half, row.mean() + half))


def test_what_is_refused_and_why():
    rows = np.array([[0.1, 0.2, 0.4, np.nan], [np.nan] * 4, [0.5] * 4, [0.1, np.nan, np.nan, np.nan]])
    got = S.procedure_interval(rows, np.array([0.1, 0.1, 0.0, 0.1]), 50)
    assert got.reason.tolist() == [
        "fewer than 4 replicates",
        "no matched runs",
        "no variance",
        "fewer than 4 replicates",
    ]
    assert np.isnan([got.low, got.high, got.se, got.df]).all()
    assert got.mean[[0, 2, 3]] == pytest.approx([0.7 / 3, 0.5, 0.1]) and np.isnan(got.mean[1])
    fixed = S.procedure_interval(np.array([0.3]), 0.0004, 50, True)
    assert fixed.reason[0] == "" and fixed.df[0] == pytest.approx(49)
    assert fixed.high[0] - 0.3 == pytest.approx(stats.t.ppf(0.975, 49) * 0.02)
    with pytest.raises(ValueError, match="deterministic"):
        S.procedure_interval(np.array([0.3, 0.4]), 0.1, 50, True)
    assert S.procedure_interval(np.array([0.3]), 0.1, 1, True).reason[0] == "fewer than 2 clusters"


def test_question_variance_is_the_shared_component_of_a_two_way_layout():
    rng = np.random.default_rng(5)
    c, r = 60, 5
    y = rng.normal(0, 0.3, c)[:, None] + rng.normal(0, 0.2, (c, r))
    boot = S.bootstrap(y.T[:, :, None], np.ones((c, 1)), S.cluster_weights(names(c), 20_000, 0))
    between = r * y.mean(axis=1).var(ddof=1)  # mean squares of questions and of the interaction
    inner = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    within = (inner**2).sum() / ((c - 1) * (r - 1))
    assert S.question_variance(boot, c) == pytest.approx((between - within) / (r * c), rel=0.05)
    assert S.question_variance(boot[:, :1], c) == pytest.approx(y[:, 0].var(ddof=1) / c, rel=0.05)
    few = S.bootstrap(y[:8, :1].T[:, :, None], np.ones((8, 1)), S.cluster_weights(names(8), 20_000, 0))
    assert S.question_variance(few, 8) == pytest.approx(y[:8, 0].var(ddof=1) / 8, rel=0.05)
    pure = S.bootstrap(rng.normal(0, 1, (4, c, 1)), np.ones((c, 1)), S.cluster_weights(names(c), 2000, 0))
    assert 0 <= S.question_variance(pure, c) < 0.3 * pure.mean(axis=1).var()


@pytest.mark.parametrize("r", [4, 5, 6, 8, 10])
def test_no_ratio_of_the_two_variances_rejects_more_than_five_and_a_half_percent(r):
    """The plain Satterthwaite df fails this at R = 4 (6.4%) and 5 (5.8%)."""
    n = 20_000
    for ratio in (0, 0.1, 0.3, 1, 3, 30):  # question variance / (run variance / R)
        rng = stream("ratio", r, ratio)
        values = rng.normal(0, np.sqrt(r), (n, r)) + rng.normal(0, np.sqrt(ratio), (n, 1))
        got = S.procedure_interval(values, ratio, 240)
        p = S.t_p(got.mean, got.se, got.df)
        rejected = (p < 0.05).mean()
        assert ((got.low > 0) | (got.high < 0)).mean() == rejected
        assert 0.02 < rejected < 0.055, (ratio, rejected)


def test_detectable_difference_has_eighty_percent_power():
    for df in (3, 3.7, 8, 60, 239):
        effect = S.detectable(np.array(0.01), np.array(df)) / 0.01
        assert stats.nct.sf(stats.t.ppf(0.975, df), df, effect) == pytest.approx(0.8, abs=1e-6)
    rng = np.random.default_rng(2)
    effect = float(S.detectable(np.array(1 / np.sqrt(6)), np.array(5)))
    found = stats.ttest_1samp(rng.normal(effect, 1, (20_000, 6)), 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.012)


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


# --- several tests at once

# Benjamini and Hochberg (1995), section 4.1: Bonferroni finds three, their procedure four
HEARTS = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1,
]


def test_holm_and_benjamini_hochberg_on_the_published_example():
    p = np.array(HEARTS)[::-1]
    assert (S.holm(p) <= 0.05).sum() == 3
    assert (S.benjamini_hochberg(p) <= 0.05).sum() == 4
    assert S.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.just(float("nan")), st.floats(0, 1)), max_size=12))
def test_adjusted_p_by_their_definitions(p):
    p = np.array(p, dtype=float)
    live = p[~np.isnan(p)]
    m = len(live)
    for got, want in (
        (S.holm(p), lambda v: max(min(1, (live >= u).sum() * u) for u in live if u <= v)),
        (S.benjamini_hochberg(p), lambda v: min(min(1, m * u / (live <= u).sum()) for u in live if u >= v)),
    ):
        assert np.array_equal(np.isnan(got), np.isnan(p))
        assert got[~np.isnan(p)] == pytest.approx([want(v) for v in live])


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
        one = S.procedure_interval(values, S.question_variance(d, 60), 60, m == 1)
        assert got["n_runs"][m] == len(units) and got["mean"][m] == pytest.approx(values.mean())
        assert (got["runs_low"][m], got["runs_high"][m]) == pytest.approx(S.runs_interval(d.mean(axis=1)))
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


# --- planted truth


def planted(r, run_sd, question_sd, interaction_sd, n=1500, c=240, effect=0.0):
    """n studies of two cells with r replicates each: sums [2rn, C, 1], with planted means .5 + effect and .5.

    Run effects (half shared by a replicate's two cells, as common random numbers do), question effects that
    all runs share, effects of cell and question, and of run and question, with parts by cluster and by
    question.
    """
    rng = stream("planted", r, run_sd, question_sd, interaction_sd)
    size = stream("sizes", c).integers(1, 11, c)

    def by_cluster(*shape, sd):
        return sd * rng.standard_normal((*shape, c), dtype=np.float32) * np.sqrt(0.3 + 0.7 / size)

    mean = np.array([0.5 + effect, 0.5])[:, None]
    run = run_sd * (rng.standard_normal((n, 2, r)) + rng.standard_normal((n, 1, r))) / np.sqrt(2)
    solved = rng.random((n, 1, 1, c)) < 0.25  # skewed, as average precision is
    y = (mean + run)[..., None] + question_sd * (solved - 0.25) * 2 * np.sqrt(0.3 + 0.7 / size)
    y += by_cluster(n, 2, 1, sd=question_sd / 4) + by_cluster(n, 2, r, sd=interaction_sd)
    return (y * size).reshape(n * 2 * r, c, 1), size[:, None], c


DESIGNS = {  # sd of runs, questions, run x question
    "questions dominate": (0.005, 0.30, 0.10),
    "both": (0.02, 0.25, 0.15),
    "runs dominate": (0.05, 0.15, 0.10),
    "only the interaction": (0.0, 0.02, 0.30),
}


@pytest.mark.parametrize("r", [4, 8])
@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_cover_and_tests_keep_their_level(design, r):
    n, margin = 1500, 0.02
    sums, counts, c = planted(r, *DESIGNS[design], n)
    cells = [[{2 * r * i + j: 1.0} for j in range(r)] for i in range(n)]
    pairs = [[{2 * r * i + j: 1.0, 2 * r * i + r + j: -1.0} for j in range(r)] for i in range(n)]
    got = S.estimate(cells + pairs, sums, counts, names(c), [False] * len(sums), n_resamples=200)
    truth = np.repeat([0.5, 0.0], n)
    inside = (got["low"] <= truth) & (truth <= got["high"])
    assert 0.93 <= inside[:n].mean() <= 0.98
    assert 0.93 <= inside[n:].mean() <= 0.98
    error = 2.6 * np.sqrt(0.055 * 0.945 / n)  # 99.5% of simulations of a test at 5.5%
    assert (got["p"][n:] < 0.05).mean() <= 0.055 + error
    # equivalence where the truth is the margin itself: the claim is wrong
    wrong = S.equivalence_p(got["mean"][n:] + margin, got["se"][n:], got["df"][n:], margin) < 0.05
    assert wrong.mean() <= 0.055 + error
    # the runs interval answers another question: it is too narrow for new runs, and said so by its name
    if design == "runs dominate":
        narrow = (got["runs_low"] <= truth) & (truth <= got["runs_high"])
        assert narrow[n:].mean() < 0.9
