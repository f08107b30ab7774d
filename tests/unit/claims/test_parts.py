"""From effects to verdicts: scipy's tests, sums by hand, error rates of planted conjunctions."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from langscale.claims.parts import (  # fmt: skip
    FALL,
    LESS,
    MORE,
    NOT_LESS,
    WITHIN,
    Estimate,
    Measured,
    Missing,
    Part,
    Region,
    adjustment,
    combined_units,
)
from langscale.claims.verdicts import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDECIDED, decide, verdict
from langscale.core.random import stream
from langscale.statistics import intervals as S

ABOVE = Region(MORE)


def test_p_of_every_region_is_that_of_scipys_t_tests():
    rng = np.random.default_rng(0)
    for shift in (-0.5, -0.1, -0.05, 0.0, 0.02, 0.3):
        x = rng.normal(shift, 0.05, 7)
        mean, se, df = x.mean(), x.std(ddof=1) / np.sqrt(7), 6

        def t(null, side, x=x):
            return stats.ttest_1samp(x, null, alternative=side).pvalue

        both = t(0, "two-sided")
        assert max(Region(MORE).p(mean, se, df)) == pytest.approx(
            min(1, 2 * max(t(0, "less"), t(0, "greater")))
        )
        assert min(Region(MORE).p(mean, se, df)) == pytest.approx(both) == min(Region(LESS).p(mean, se, df))
        assert Region(MORE).p(mean, se, df) == pytest.approx(Region(LESS).p(mean, se, df)[::-1])
        inside, outside = Region(WITHIN, 0.1).p(mean, se, df)
        assert inside == pytest.approx(float(S.equivalence_p(mean, se, df, 0.1)))
        assert outside == pytest.approx(min(1, 2 * min(t(-0.1, "less"), t(0.1, "greater"))))
        assert Region(NOT_LESS, 0.1).p(mean, se, df) == pytest.approx(
            (t(-0.1, "greater"), min(1, 2 * t(-0.1, "less")))
        )
        falls = max(t(-0.1, "greater"), min(1, 2 * t(0, "less")))
        assert Region(FALL, 0.1).p(mean, se, df)[0] == pytest.approx(falls)
        assert Region(FALL, 0.1).p(mean, se, df)[1] == pytest.approx(
            min(1, 2 * min(t(-0.1, "less"), t(0, "greater")))
        )
        much = Region(LESS, 0.1, True).p(mean, se, df, reference=-3)  # by 10% of 3
        assert much == pytest.approx((min(1, 2 * t(-0.3, "less")), min(1, 2 * t(-0.3, "greater"))))


@given(
    st.sampled_from([MORE, LESS, WITHIN, NOT_LESS, FALL]),
    st.floats(-1, 1),
    st.floats(0.001, 0.3),
    st.floats(0, 0.5),
)
@settings(max_examples=200, deadline=None)
def test_never_both_and_never_a_verdict_against_the_estimate(kind, mean, se, margin):
    region = Region(kind, margin)
    for_it, against = region.p(mean, se, 5)
    low = {MORE: margin, LESS: -np.inf}.get(kind, -margin)
    high = {LESS: -margin, WITHIN: margin, FALL: 0}.get(kind, np.inf)
    assert min(for_it, against) <= 1 and (for_it >= 0.05 or against >= 0.05)
    if for_it < 0.05:
        assert low < mean < high
    if against < 0.05:  # the 95% interval lies outside
        half = stats.t.ppf(0.975, 5) * se
        assert mean + half < low or mean - half > high


@pytest.mark.parametrize(
    "region, text",
    [
        (Region(MORE), "above 0"),
        (Region(LESS), "below 0"),
        (Region(WITHIN, 0.01), "within +-0.01"),
        (Region(NOT_LESS, 0.01), "above -0.01"),
        (Region(LESS, 0.1, True), "below -10% of the reference"),
        (Region(FALL, 0.01), "from -0.01 to 0"),
    ],
)
def test_a_region_in_words(region, text):
    assert str(region) == text


def test_the_four_verdicts():
    assert verdict(0.049, True) == SUPPORTED
    assert verdict(0.049, False) == CONTRADICTED
    assert verdict(0.05, True) == verdict(0.05, False) == verdict(1.0, True) == UNDECIDED
    assert verdict(float("nan"), True) == NOT_TESTED


def test_an_effect_planted_on_either_side_or_nowhere():
    """One comparison of eight replicates: what was planted is what the verdict says."""
    rng = stream("planted effects")
    expected = {
        (ABOVE, 0.1): SUPPORTED, (ABOVE, -0.1): CONTRADICTED, (ABOVE, 0.0): UNDECIDED,
        (Region(WITHIN, 0.1), 0.0): SUPPORTED, (Region(WITHIN, 0.1), 0.3): CONTRADICTED,
        (Region(WITHIN, 0.1), -0.3): CONTRADICTED, (Region(WITHIN, 0.1), 0.1): UNDECIDED,
        (Region(NOT_LESS, 0.1), 0.5): SUPPORTED, (Region(NOT_LESS, 0.1), -0.3): CONTRADICTED,
        (Region(FALL, 0.1), -0.05): SUPPORTED, (Region(FALL, 0.1), 0.1): CONTRADICTED,
        (Region(FALL, 0.1), -0.3): CONTRADICTED, (Region(FALL, 0.1), 0.0): UNDECIDED,
    }  # fmt: skip
    for (region, effect), outcome in expected.items():
        x = rng.normal(0, 0.02, 8)
        x += effect - x.mean()  # the estimate is the effect
        p = region.p(x.mean(), x.std(ddof=1) / np.sqrt(8), 7)
        assert verdict(min(p), p[0] <= p[1]) == outcome, (region, effect)


# --- conjunctions and the family


def measured(p_for=float("nan"), p_against=float("nan"), missing="", uncontrolled=""):
    return Measured(
        Part("", ABOVE, missing=missing, uncontrolled=uncontrolled), p_for=p_for, p_against=p_against
    )


def test_a_family_by_hand():
    entries = [
        [measured(0.01, 1.0)],
        [measured(0.001, 1.0), measured(0.012, 1.0), measured(0.004, 1.0)],  # .012, of all parts
        [
            measured(0.2, 0.9),
            measured(1.0, 0.004),
            measured(0.8, 0.1),
            measured(0.001, 1),
        ],  # .004 * 4 / 2 = .008
        [measured(0.3, 0.8)],
        [measured(missing="no seeds")],
    ]
    found = decide(entries)
    assert [whole.p for whole, _ in found[:4]] == pytest.approx([0.01, 0.012, 0.008, 0.3])
    assert [whole.p_adjusted for whole, _ in found[:4]] == pytest.approx([0.032, 0.032, 0.032, 0.3])
    assert [whole.verdict for whole, _ in found] == [
        SUPPORTED,
        SUPPORTED,
        CONTRADICTED,
        UNDECIDED,
        NOT_TESTED,
    ]
    assert np.isnan(found[4][0].p_adjusted)
    assert [one.verdict for one in found[2][1]] == [UNDECIDED, CONTRADICTED, UNDECIDED, SUPPORTED]
    # alone in the place of its claim a part of .001 is the smallest of four
    assert found[1][1][0].p_adjusted == pytest.approx(0.004)
    assert found[1][1][1].p_adjusted == found[1][0].p_adjusted


def test_what_was_not_tested_blocks_support_and_not_contradiction():
    lacking, uncontrolled = measured(missing="no x-y"), measured(uncontrolled="no control")
    for other, outcome in ((lacking, NOT_TESTED), (uncontrolled, UNDECIDED)):
        assert decide([[measured(0.001, 1), other]])[0][0].verdict == outcome
        assert decide([[measured(1, 0.001), other]])[0][0].verdict == CONTRADICTED
        assert decide([[other]])[0][0].verdict == outcome
        assert [one.verdict for one in decide([[measured(0.001, 1), other]])[0][1]] == [SUPPORTED, outcome]
    # a part that could have contradicted it was tested: it counts in the family, without an adjusted p
    (whole, _), (other, _) = decide([[measured(0.001, 1), lacking], [measured(0.01, 1)]])
    assert np.isnan(whole.p_adjusted) and whole.p == 1 and other.p_adjusted == 0.02
    assert decide([]) == []


P = st.floats(1e-6, 1)
PART = st.one_of(
    st.builds(lambda p: measured(p, 1.0), P),
    st.builds(lambda p: measured(1.0, p), P),
    st.just(measured(missing="x")),
    st.just(measured(uncontrolled="x")),
)


@given(st.lists(st.lists(PART, min_size=1, max_size=4), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_a_claim_is_supported_if_all_parts_are_and_contradicted_if_one_is(entries):
    for parts, (whole, single) in zip(entries, decide(entries), strict=True):
        verdicts = [one.verdict for one in single]
        assert (whole.verdict == SUPPORTED) == all(v == SUPPORTED for v in verdicts)
        assert (whole.verdict == CONTRADICTED) == any(v == CONTRADICTED for v in verdicts)
        if whole.verdict == NOT_TESTED:
            assert any(m.part.missing for m in parts)


@pytest.mark.parametrize("k", [1, 2, 6])
def test_a_conjunction_is_wrong_in_five_percent_at_most(k):
    """Superiority in k parts. One effect, or all but one, far above 0: neither verdict is right."""
    n, se, df = 1500, 1.0, 8
    rng = stream("conjunction", k)
    scale = np.sqrt(rng.chisquare(df, (n, k)) / df)
    wrong = {SUPPORTED: 0, CONTRADICTED: 0}
    for z, s in zip(rng.normal(size=(n, k)), scale, strict=True):
        pairs = [ABOVE.p(mean, se * sd, df) for mean, sd in zip(z, s, strict=True)]
        outcome = decide([[measured(*p) for p in pairs]])[0][0].verdict
        if outcome in wrong:
            wrong[outcome] += 1
        one_at_zero = [
            ABOVE.p(mean + 9 * (i > 0), se * sd, df) for i, (mean, sd) in enumerate(zip(z, s, strict=True))
        ]
        if k > 1 and decide([[measured(*p) for p in one_at_zero]])[0][0].verdict == SUPPORTED:
            wrong[SUPPORTED] += 1
    error = 2.6 * np.sqrt(0.05 * 0.95 / n)
    assert wrong[SUPPORTED] / n <= 0.055 + error
    assert wrong[CONTRADICTED] / n <= 0.055 + error
    assert wrong[CONTRADICTED] > 0 and wrong[SUPPORTED] > 0  # not by refusing every verdict


@pytest.mark.parametrize(
    "kind, margin", [(MORE, 0), (LESS, 0.02), (NOT_LESS, 0.02), (WITHIN, 0.5), (FALL, 0.5)]
)
def test_the_smallest_detectable_distance_is_found_in_four_of_five_studies_by_holms_strictest_step(
    kind, margin
):
    region, df, tests, n = Region(kind, margin), 6, 12, 4000
    spread = ((0.005, 20.0), (0.01, float(df)))  # the control is the less sure
    distance = Measured(Part("", region), spread=spread).detectable(tests)
    truth = {MORE: margin, LESS: -margin, FALL: 0}.get(kind, -margin) + distance * (
        -1 if kind in (LESS, FALL) else 1
    )
    rng = stream("detectable", kind)
    means, ses = truth + 0.01 * rng.normal(size=n), 0.01 * np.sqrt(rng.chisquare(df, n) / df)
    found = [tests * region.p(mean, se, df)[0] < 0.05 for mean, se in zip(means, ses, strict=True)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.02)
    assert np.isnan(Measured(Part("", region)).detectable(tests))


# --- units and adjustment


def test_units_of_two_cells_are_the_paired_units():
    fixed = [False] * 8 + [True]
    cases = [
        ({1: 0, 2: 1, 3: 2}, {3: 5, 2: 4, 4: 6}),
        ({1: 0, 2: 1, 3: 2}, {9: 7}),
        ({1: 0, 2: 1}, {1: 0, 2: 3}),
        ({1: 0, 2: 0}, {1: 3, 2: 4}),
        ({1: 0, 2: 1, 3: 2}, {0: 8}),
        ({0: 8}, {1: 0, 2: 1}),
    ]
    for a, b in cases:
        assert combined_units([(1.0, a), (-1.0, b)], fixed) == S.paired_units(a, b, fixed)


def test_units_of_slopes_and_of_differences_of_differences():
    fixed = [False] * 12
    cells = [{1: 0, 2: 1}, {1: 2, 2: 3}, {1: 4, 2: 5, 3: 6}]
    got = combined_units([(-0.5, cells[0]), (0.0, cells[1]), (0.5, cells[2])], fixed)
    assert got == [{0: -0.5, 4: 0.5}, {1: -0.5, 5: 0.5}]
    # a run that is two cells counts with both weights; where they cancel nothing is left
    assert combined_units([(1, {1: 0}), (1, {1: 0}), (-2, {1: 3})], fixed) == [{0: 2.0, 3: -2.0}]
    assert combined_units([(1, {1: 0}), (-1, {1: 0})], fixed) == []
    assert combined_units([(1, {1: 0}), (-1, {2: 1})], fixed) == []


def test_the_adjustment_is_least_squares_with_a_level_for_every_point():
    rng = np.random.default_rng(3)
    paths = [f"run{i}" for i in range(14)]
    groups = [paths[:5], paths[5:9], paths[9:13], paths[:5], paths[13:]]  # one alias, one single run
    points = [SimpleNamespace(model="m", trained=True, runs=tuple(enumerate(its))) for its in groups] + [
        SimpleNamespace(model="other", trained=True, runs=()),
        SimpleNamespace(model="m", trained=False, runs=()),
    ]
    panel = SimpleNamespace(points=points, column=paths.index)
    x = rng.normal(size=14)
    y = 3 * x + rng.normal(size=14) + np.repeat([0, 50, -20, 4], [5, 4, 4, 1])
    design = np.column_stack(
        [x[:13], np.arange(13) < 5, (np.arange(13) >= 5) & (np.arange(13) < 9), np.arange(13) >= 9]
    )
    coefficients, residual, *_ = np.linalg.lstsq(design.astype(float), y[:13])
    slope, variance, df = adjustment(panel, "m", y, x)
    assert (slope, df) == (pytest.approx(coefficients[0]), 13 - 4)
    assert variance == pytest.approx((residual[0] / 9 * np.linalg.inv(design.T.astype(float) @ design))[0, 0])
    with pytest.raises(Missing, match="too few runs"):
        adjustment(panel, "other", y, x)


def test_an_adjusted_difference_covers_the_truth_where_accuracy_differs_much():
    """Accuracy differs by ten standard deviations. Four replicates, five more points for the slope."""
    paths = [f"run{i}" for i in range(28)]
    points = [
        SimpleNamespace(model="m", trained=True, runs=tuple(enumerate(paths[i : i + 4])))
        for i in range(0, 28, 4)
    ]
    panel = SimpleNamespace(points=points, column=paths.index)
    rng, level = stream("adjusted"), np.repeat([0.0, 10.0, 3, 5, 7, 2, 1], 4)
    inside = 0
    for _ in range(1500):
        x = level + rng.normal(size=28)
        y = -3 * x + 0.7 * (level == 10) + rng.normal(size=28)  # 0.7 more at equal accuracy
        slope, variance, df = adjustment(panel, "m", y, x)
        d = (y - slope * x)[4:8] - (y - slope * x)[:4]
        plain = S.interval_over_runs_and_queries(d, 0.0, 240)
        moved = x[4:8].mean() - x[:4].mean()
        found = Estimate(d.mean(), plain.se[0], plain.df[0], 4, 0.0, 0.0).widened(variance * moved**2, df)
        inside += abs(found.mean - 0.7) < stats.t.ppf(0.975, found.df) * found.se
    assert 0.93 < inside / 1500 < 0.98
