"""Bias measures against plain loops and known answers."""

import math
import statistics
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from langscale.retrieval.language_bias import (
    complete_at,
    language_counts,
    last_rank,
    own_language_advantage,
    own_share,
    rank_distance,
    rank_distance_log_ratio,
    ranked_first,
    share_behind,
)
from langscale.retrieval.rank_formulas import random_rank_distance

tables = st.tuples(st.integers(1, 6), st.integers(1, 9)).flatmap(
    lambda shape: arrays(np.int32, shape, elements=st.one_of(st.just(0), st.integers(1, 20000)))
)


@given(tables, st.data())
@settings(max_examples=200, deadline=None)
def test_distance_and_advantage_equal_plain_loops(ranks, data):
    own = data.draw(arrays(np.int64, len(ranks), elements=st.integers(-1, ranks.shape[1] - 1)))
    relevant = np.maximum((ranks > 0).sum(1), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        distance, advantage = rank_distance(ranks), own_language_advantage(ranks, own)
        shifted = rank_distance_log_ratio(distance + 1, 20000, relevant)
    for q, row in enumerate(ranks.tolist()):
        present = [rank for rank in row if rank]
        if len(present) < 2:
            assert np.isnan(distance[q]) and np.isnan(shifted[q])
        else:
            assert distance[q] == max(present) - min(present)
            r = len(present)
            assert shifted[q] == pytest.approx(
                math.log((distance[q] + 1) * (r + 1) / (r - 1) / 20001), abs=1e-12
            )
        others = [rank for column, rank in enumerate(row) if rank and column != own[q]]
        if own[q] < 0 or not row[own[q]] or not others:
            assert np.isnan(advantage[q])
        else:
            assert advantage[q] == statistics.median(others) - row[own[q]]


distinct = st.tuples(st.integers(1, 6), st.integers(2, 9)).flatmap(
    lambda shape: st.lists(
        st.permutations(range(1, 30)).map(lambda ranks: ranks[: shape[1]]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


@given(distinct, st.data())
@settings(max_examples=200, deadline=None)
def test_preference_equals_plain_loops(ranks, data):
    ranks = np.array(ranks) * data.draw(
        arrays(np.int32, np.shape(ranks), elements=st.sampled_from([0, 1, 1, 1]))
    )
    languages = ranks.shape[1]
    first = data.draw(arrays(np.int64, len(ranks), elements=st.integers(-1, languages - 1)))
    counted = data.draw(arrays(bool, ranks.shape))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        share, part = share_behind(ranks, first), share_behind(ranks, first, counted)
        best, last, complete = ranked_first(ranks, first), last_rank(ranks), complete_at(ranks, 9)
    for q, row in enumerate(ranks.tolist()):
        present = [rank for rank in row if rank]
        own = row[first[q]] if first[q] >= 0 else 0
        for found, columns in ((share, range(languages)), (part, np.flatnonzero(counted[q]).tolist())):
            others = [row[c] for c in columns if row[c] and c != first[q]]
            if not own or not others:
                assert np.isnan(found[q])
            else:
                assert found[q] == pytest.approx(sum(own < other for other in others) / len(others))
        assert np.isnan(best[q]) == np.isnan(share[q])
        assert np.isnan(best[q]) or best[q] == (own == min(present))
        if present:
            assert last[q] == max(present) and complete[q] == all(rank <= 9 for rank in present)
        else:
            assert np.isnan(last[q]) and np.isnan(complete[q])


def test_a_random_ranking_has_log_ratio_zero():
    random = random_rank_distance(13014, 11)
    ratio = rank_distance_log_ratio(np.array([random, random / math.e, 10.0, np.nan]), 13014, 11)
    assert ratio[:3] == pytest.approx([0, -1, math.log(10 / 10845.8)], abs=1e-5) and np.isnan(ratio[3])


def test_own_language_first_is_an_advantage():
    """The own rank is 1, the others' median of 5, 9 and 30 is 9; and the reverse: own 30, median 2."""
    ranks = np.array([[9, 1, 5, 30], [1, 2, 30, 3]])
    assert own_language_advantage(ranks, np.array([1, 2])).tolist() == [8, -28]


@given(st.data(), st.integers(1, 5), st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_counts_equal_plain_loops(data, languages, places):
    filled = data.draw(st.integers(1, places))  # a pool smaller than K leaves -1 at the end
    top = data.draw(
        arrays(np.int16, (data.draw(st.integers(1, 4)), places), elements=st.integers(0, languages - 1))
    )
    top[:, filled:] = -1
    ks = tuple(data.draw(st.lists(st.integers(1, places), min_size=1, max_size=3, unique=True)))
    counts = language_counts(top, languages, ks)
    assert tuple(counts) == ks
    for k in ks:
        expected = [[row[:k].count(language) for language in range(languages)] for row in top.tolist()]
        assert counts[k].tolist() == expected


def test_own_share_of_known_counts():
    """A language outside the pool has no share; of a pool of three, two are two thirds."""
    counts = language_counts(np.array([[0, 0, 1, -1], [2, 2, 1, 1]]), 3, (1, 4))
    assert own_share(counts[4], np.array([0, 0])).tolist() == [2 / 3, 0]
    assert own_share(counts[1], np.array([0, 2])).tolist() == [1, 1]
    assert np.isnan(own_share(counts[4], np.array([-1, 1]))[0])


def test_a_list_that_is_too_short_raises():
    with pytest.raises(ValueError, match="counts in the top 100 need as many places, found 10"):
        language_counts(np.zeros((2, 10), int), 1)
