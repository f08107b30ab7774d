"""What is measured: pair sets, statuses, margins of equivalence."""

import numpy as np
import pytest
from support.synthetic_study import study

from langscale.config.terms import PAIR_SETS
from langscale.retrieval.measures import MEASURES
from langscale.statistics.intervals import NO_VARIANCE
from langscale.statistics.quantities import (
    OUTSIDE,
    followed_quantities,
    margin,
    pair_set_languages,
    pair_set_quantities,
    status_quantities,
)

POOL, HELDOUT = ("en", "de", "ar"), ("nl", "el", OUTSIDE)


@pytest.mark.parametrize(
    "pair_set, queries, candidates",
    [
        ("all", None, None),
        ("pool", POOL, POOL),
        ("heldout", HELDOUT, HELDOUT),
        ("pool-heldout", POOL, HELDOUT),
        ("heldout-pool", HELDOUT, POOL),
    ],
)
def test_languages_of_a_pair_set(pair_set, queries, candidates):
    assert pair_set_languages(study(), pair_set) == (queries, candidates)


def test_no_language_is_held_out_in_a_study_that_holds_out_none():
    whole = study(languages={"pool": [*POOL]})
    assert pair_set_languages(whole, "pool-heldout") == (POOL, ())
    assert {q.pair_set for q in pair_set_quantities(whole)} == {"all", "pool"}


def test_a_measure_stands_in_its_own_settings_and_mono_has_no_pair_of_two_groups():
    found = pair_set_quantities(study())
    assert len(found) == len(set(found))
    assert {q.pair_set for q in found} == set(PAIR_SETS)
    for q in found:
        assert q.setting in MEASURES[q.metric].settings and q.status == "all"
        assert q.setting != "mono" or q.query_languages == q.candidate_languages
    followed = followed_quantities(study())
    assert set(followed) < set(found) and {q.candidate_language for q in followed} == {"all"}


def test_mono_has_the_two_statuses_of_one_language():
    found = {}
    for q in status_quantities():
        found.setdefault(q.setting, []).append(q.status)
    assert found["mono"] == ["seen-seen", "unseen-unseen"]
    assert found["cross"] == found["multi"] == ["seen-seen", "seen-unseen", "unseen-seen", "unseen-unseen"]


def test_a_margin_has_the_error_of_its_reference_only_where_it_is_a_share_of_it():
    reference = {"mean": np.array([0.1, 0.8, -0.1]), "se": np.array([0.02, 0.02, 0.02])}
    width, se = margin("mAP", reference)
    assert width == pytest.approx([0.005, 0.01, 0.005]) and se == pytest.approx([0.001, 0, 0.001])
    width, se = margin("rank distance", {"mean": np.array([300.0]), "se": np.array([10.0])})
    assert width == pytest.approx([15]) and se == pytest.approx([0.5])
    exact = {"mean": np.array([0.1]), "se": np.array([np.nan]), "reason": np.array([NO_VARIANCE])}
    assert margin("mAP", exact)[1] == [0]
    assert np.isnan(margin("own-language advantage", reference)[0]) and np.isnan(margin("mAP", None)[0])
