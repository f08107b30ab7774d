"""Adjusted p values: statsmodels, the published example, their definitions."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from langscale.statistics.multiple_testing import (
    EXPLORATORY,
    adjusted,
    benjamini_hochberg,
    fixed_sequence,
    holm,
)

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


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(0, 3))
@settings(max_examples=30)  # statsmodels is slow
def test_holm_and_benjamini_hochberg_are_those_of_statsmodels(known, missing):
    p = np.array([math.nan] * missing + known)
    tested = ~np.isnan(p)
    for ours, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        assert np.isnan(ours(p)[~tested]).all()
        assert ours(p)[tested] == pytest.approx(multipletests(p[tested], method=method)[1])


def test_holm_and_benjamini_hochberg_on_the_published_example():
    p = np.array(HEARTS)[::-1]
    assert (holm(p) <= 0.05).sum() == 3
    assert (benjamini_hochberg(p) <= 0.05).sum() == 4
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.just(float("nan")), st.floats(0, 1)), max_size=12))
def test_adjusted_p_by_their_definitions(p):
    p = np.array(p, dtype=float)
    live = p[~np.isnan(p)]
    m = len(live)
    for got, want in (
        (holm(p), lambda v: max(min(1, (live >= u).sum() * u) for u in live if u <= v)),
        (benjamini_hochberg(p), lambda v: min(min(1, m * u / (live <= u).sum()) for u in live if u >= v)),
    ):
        assert np.array_equal(np.isnan(got), np.isnan(p))
        assert got[~np.isnan(p)] == pytest.approx([want(v) for v in live])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=8))
def test_a_fixed_sequence_finds_all_tests_before_the_first_that_is_not_significant(p):
    found = fixed_sequence(np.array(p)) < 0.05
    first = next((i for i, value in enumerate(p) if value >= 0.05), len(p))
    assert found.tolist() == [i < first for i in range(len(p))]


def test_a_missing_test_ends_a_sequence():
    found = fixed_sequence(np.array([0.01, math.nan, 0.001]))
    assert found[0] == 0.01 and math.isnan(found[1]) and found[2] == 1


def test_each_declared_family_is_adjusted_alone_and_the_rest_together():
    table = pd.DataFrame(
        {
            "p": [0.01, 0.04, 0.01, 0.02, 0.03, math.nan],
            "family": ["primary", "primary", "bias", None, EXPLORATORY, None],
        }
    )
    found = adjusted(table)
    assert found["p_adjusted"].tolist() == pytest.approx(
        [0.02, 0.04, 0.01, 0.03, 0.03, math.nan], nan_ok=True
    )
    assert found["family"].tolist() == ["primary", "primary", "bias", *[EXPLORATORY] * 3]
    assert "p_adjusted" not in table
