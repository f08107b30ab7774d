"""The section `statistics`."""

import pytest
from pydantic import ValidationError

from langscale.config.statistics import Contrast, Statistics

POINTS = {"cell": {"sampler": "x-y", "n": 4}, "reference": {"sampler": "untrained"}}


def test_defaults():
    found = Statistics()
    assert (found.resamples, found.multiplicity, found.claims, found.contrasts) == (
        10000,
        "sequence",
        None,
        [],
    )
    one = Contrast(**POINTS, setting="cross")
    assert (one.metric, one.pair_set, one.family, one.benchmark) == ("mAP", "all", "primary", None)
    assert (one.reference.n, one.reference.ladder, one.reference.budget) == (0, None, None)


@pytest.mark.parametrize("setting, pair_set", [("mono", "pool-heldout"), ("mono", "heldout-pool")])
def test_mono_has_no_pairs_of_two_groups(setting, pair_set):
    with pytest.raises(ValidationError, match=f"found {pair_set}; mono has all, pool and heldout"):
        Contrast(**POINTS, setting=setting, pair_set=pair_set)
    assert Contrast(**POINTS, setting="multi", pair_set=pair_set).pair_set == pair_set


def test_a_declared_contrast_is_not_exploratory():
    with pytest.raises(ValidationError, match="the family of all undeclared comparisons"):
        Contrast(**POINTS, setting="cross", family="exploratory")


@pytest.mark.parametrize(
    "wrong",
    [{"resamples": 99}, {"claims": ["C1", "C1"]}, {"sequence": ["H1", "H1"]}, {"multiplicity": "none"}],
)
def test_other_values_are_refused(wrong):
    with pytest.raises(ValidationError):
        Statistics(**wrong)
