"""From effects to verdicts: scipy's tests, sums by hand, error rates of planted conjunctions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from langscale.claims.parts import (  # fmt: skip
    ALPHA,
    AS_GOOD,
    EQUAL,
    FALL,
    LESS,
    MORE,
    NOT_LESS,
    SLOWLY,
    WITHIN,
    Measured,
    Part,
    Region,
    combined_units,
)
from langscale.claims.verdicts import (
    CONTRADICTED,
    NOT_TESTED,
    OPPOSITE,
    REPLICATED,
    SUPPORTED,
    UNDECIDED,
    decide,
    replication,
    verdict,
)
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
        much = Region(LESS, share=0.1).p(mean, se, df, reference=-3)  # by 10% of 3
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
        (Region(LESS, share=0.1), "below -10% of the reference"),
        (EQUAL, "within +-(0.01 or 5% of the reference, the smaller)"),
        (AS_GOOD, "above -(0.01 or 5% of the reference, the smaller)"),
        (SLOWLY, "from -(0.01 or 5% of the reference, the smaller) to 0"),
        (Region(FALL, 0.01), "from -0.01 to 0"),
    ],
)
def test_a_region_in_words(region, text):
    assert str(region) == text


def test_the_margin_is_the_smaller_of_a_difference_and_a_share_of_the_reference():
    assert EQUAL.width(0.5) == 0.01 and EQUAL.width(0.02) == pytest.approx(0.001)
    # a difference of .0015 is equal at .5, and more than 5% of .02
    p = [EQUAL.p(0.0015, 0.0001, 20, reference) for reference in (0.5, 0.02)]
    assert p[0][0] < 0.05 and p[1][1] < 0.05
    assert Region(LESS, share=0.1).width(-300) == 30 and ABOVE.width(300) == 0


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


def measured(p_for=float("nan"), p_against=float("nan"), missing=""):
    return Measured(Part("", ABOVE, missing=missing), p_for=p_for, p_against=p_against)


def test_a_sequence_by_hand():
    claims = [
        [measured(0.01, 1.0)],
        [measured(0.001, 1.0), measured(0.02, 1.0), measured(0.004, 1.0)],  # .02, of all parts
        [measured(0.2, 0.9), measured(1.0, 0.004), measured(0.8, 0.1), measured(0.001, 1)],  # .004 * 4 / 2
        [measured(0.3, 0.8)],
        [measured(0.001, 1.0)],
    ]
    found = decide(claims)
    assert [one.p for one in found] == pytest.approx([0.01, 0.02, 0.008, 0.3, 0.001])
    assert [one.p_adjusted for one in found] == pytest.approx([0.01, 0.02, 0.02, 0.3, 0.3])
    assert [one.verdict for one in found] == [SUPPORTED, SUPPORTED, CONTRADICTED, UNDECIDED, UNDECIDED]
    together = decide(claims, "holm")
    assert [one.p_adjusted for one in together] == pytest.approx([0.032, 0.04, 0.032, 0.3, 0.005])
    assert together[4].verdict == SUPPORTED
    # the same p values in another order: the first one that is not decided ends it
    assert [one.verdict for one in decide(claims[3:])] == [UNDECIDED, UNDECIDED]
    assert decide([]) == []


def test_missing_data_end_a_sequence_and_are_left_out_of_holm():
    lacking, fine = [measured(0.001, 1), measured(missing="no x-y")], [measured(0.03, 1)]
    assert [one.verdict for one in decide([lacking, fine])] == [NOT_TESTED, UNDECIDED]
    assert [one.verdict for one in decide([lacking, fine], "holm")] == [NOT_TESTED, SUPPORTED]
    assert np.isnan([decide([lacking])[0].p, decide([lacking])[0].p_adjusted]).all()


def test_a_replication_speaks_only_where_there_is_a_verdict():
    for p, here in (((0.01, 1), SUPPORTED), ((1, 0.01), CONTRADICTED), ((0.3, 0.9), UNDECIDED)):
        for primary in (SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED):
            outcome = replication([measured(*p)], primary)
            decided = {SUPPORTED, CONTRADICTED} >= {primary, here}
            expected = (REPLICATED if primary == here else OPPOSITE) if decided else UNDECIDED
            assert outcome.verdict == expected and outcome.p == min(p) and np.isnan(outcome.p_adjusted)
    assert replication([measured(missing="x")], SUPPORTED).verdict == NOT_TESTED


P = st.floats(1e-6, 1)
PART = st.one_of(
    st.builds(lambda p: measured(p, 1.0), P),
    st.builds(lambda p: measured(1.0, p), P),
    st.just(measured(missing="x")),
)


@given(st.lists(st.lists(PART, min_size=1, max_size=4), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_a_supported_claim_has_only_parts_that_pass_and_none_comes_after_an_open_one(claims):
    found = decide(claims)
    for parts, outcome in zip(claims, found, strict=True):
        if outcome.verdict == SUPPORTED:
            assert all(part.p_for < ALPHA for part in parts)
        if outcome.verdict == CONTRADICTED:
            assert any(part.p_against < ALPHA for part in parts)
        assert (outcome.verdict == NOT_TESTED) == any(part.part.missing for part in parts)
    decided = [one.verdict in (SUPPORTED, CONTRADICTED) for one in found]
    assert decided == sorted(decided, reverse=True)
    alone = [decide([parts])[0] for parts in claims]
    first = next(
        (i for i, one in enumerate(alone) if one.verdict not in (SUPPORTED, CONTRADICTED)), len(alone)
    )
    assert sum(decided) == first  # at the full level


@pytest.mark.parametrize("k", [1, 2, 6])
def test_a_conjunction_is_wrong_in_five_percent_at_most(k):
    """Superiority in k parts. One effect, or all but one, far above 0: neither verdict is right."""
    n, se, df = 1500, 1.0, 8
    rng = stream("conjunction", k)
    scale = np.sqrt(rng.chisquare(df, (n, k)) / df)
    wrong = {SUPPORTED: 0, CONTRADICTED: 0}
    for z, s in zip(rng.normal(size=(n, k)), scale, strict=True):
        pairs = [ABOVE.p(mean, se * sd, df) for mean, sd in zip(z, s, strict=True)]
        outcome = decide([[measured(*p) for p in pairs]])[0].verdict
        if outcome in wrong:
            wrong[outcome] += 1
        one_at_zero = [
            ABOVE.p(mean + 9 * (i > 0), se * sd, df) for i, (mean, sd) in enumerate(zip(z, s, strict=True))
        ]
        if k > 1 and decide([[measured(*p) for p in one_at_zero]])[0].verdict == SUPPORTED:
            wrong[SUPPORTED] += 1
    error = 2.6 * np.sqrt(0.05 * 0.95 / n)
    assert wrong[SUPPORTED] / n <= 0.055 + error
    assert wrong[CONTRADICTED] / n <= 0.055 + error
    assert wrong[CONTRADICTED] > 0 and wrong[SUPPORTED] > 0  # not by refusing every verdict


@pytest.mark.parametrize(
    "kind, margin", [(MORE, 0), (LESS, 0.02), (NOT_LESS, 0.02), (WITHIN, 0.5), (FALL, 0.5)]
)
@pytest.mark.parametrize("tests", [1, 12], ids=["in sequence", "Holm's first step of twelve"])
def test_the_smallest_detectable_distance_is_found_in_four_of_five_studies(kind, margin, tests):
    region, df, n = Region(kind, margin), 6, 4000
    spread = ((0.005, 20.0), (0.01, float(df)))  # the control is the less sure
    distance = Measured(Part("", region), spread=spread).detectable(ALPHA / tests)
    truth = {MORE: margin, LESS: -margin, FALL: 0}.get(kind, -margin) + distance * (
        -1 if kind in (LESS, FALL) else 1
    )
    rng = stream("detectable", kind)
    means, ses = truth + 0.01 * rng.normal(size=n), 0.01 * np.sqrt(rng.chisquare(df, n) / df)
    found = [tests * region.p(mean, se, df)[0] < 0.05 for mean, se in zip(means, ses, strict=True)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.02)
    assert np.isnan(Measured(Part("", region)).detectable())


# --- units


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
