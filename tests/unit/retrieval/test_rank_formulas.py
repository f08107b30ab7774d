"""Metrics against pytrec_eval, against plain loops, and against answers known from closed formulas."""

import itertools
import math
import warnings

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_rankings import random_average_precision

from langscale.retrieval.language_bias import rank_distance
from langscale.retrieval.rank_formulas import (
    average_precision,
    average_precision_at,
    ndcg_at,
    random_rank_distance,
    recall_at,
    restrict,
)
from langscale.retrieval.search import ranks_from_scores


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_pytrec_eval(seed):
    """Runs without ties, some relevant documents not retrieved, up to 40 relevant: min(|R|, 20) matters."""
    rng = np.random.default_rng(seed)
    run, qrel, ranks, relevant = {}, {}, np.zeros((60, 40), int), np.zeros(60, int)
    for q in range(60):
        pool = rng.integers(45, 300)
        order = rng.permutation(pool)  # the document at each place
        cut = rng.integers(40, pool + 1)
        documents = rng.choice(pool, rng.integers(1, 41), replace=False)
        relevant[q] = len(documents)
        places = np.argsort(order)[documents] + 1
        ranks[q, : len(documents)] = np.where(places <= cut, places, 0)
        run[str(q)] = {f"d{document}": float(pool - place) for place, document in enumerate(order[:cut])}
        qrel[str(q)] = {f"d{document}": int(document in documents) for document in range(pool)}
    measures = {"map", "map_cut.20", "recall.1,10,100", "ndcg_cut.10,100"}
    scores = pytrec_eval.RelevanceEvaluator(qrel, measures).evaluate(run)
    ours = {
        "map": average_precision(ranks, relevant),
        # trec_eval divides by |R|, XTREME-R by min(|R|, k)
        "map_cut_20": average_precision_at(ranks, 20, relevant) * np.minimum(relevant, 20) / relevant,
        "recall_1": recall_at(ranks, 1, relevant),
        "recall_10": recall_at(ranks, 10, relevant),
        "recall_100": recall_at(ranks, 100, relevant),
        "ndcg_cut_10": ndcg_at(ranks, 10, relevant),
        "ndcg_cut_100": ndcg_at(ranks, 100, relevant),
    }
    assert (relevant > 20).any() and (relevant > (ranks > 0).sum(1)).any()
    for name, values in ours.items():
        theirs = [scores[str(q)][name] for q in range(60)]
        np.testing.assert_allclose(values, theirs, rtol=0, atol=1e-9, err_msg=name)


def slow_average_precision(places: list[int], count: int, k: float = math.inf) -> float:
    total = 0.0
    for place in places:
        if place <= k:
            total += sum(other <= place for other in places) / place
    return total / min(count, k)


@st.composite
def rank_tables(draw):
    """[Q, R] distinct ranks per question in any order, 0 for some, and the size of the pool."""
    n, width = draw(st.integers(8, 40)), draw(st.integers(1, 8))
    row = st.permutations(range(1, n + 1)).map(lambda places: places[:width])
    ranks = np.array(draw(st.lists(row, min_size=1, max_size=5)))
    missing = np.array(draw(st.lists(st.booleans(), min_size=ranks.size, max_size=ranks.size))).reshape(
        ranks.shape
    )
    return np.where(missing, 0, ranks), n


@given(rank_tables(), st.integers(1, 12), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_equal_plain_loops(table, k, unranked):
    ranks, _ = table
    counts = (ranks > 0).sum(1) + unranked
    relevant = counts if unranked else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [
            average_precision(ranks, relevant),
            average_precision_at(ranks, k, relevant),
            recall_at(ranks, k, relevant),
            ndcg_at(ranks, k, relevant),
        ]
    for q, count in enumerate(counts):
        places = [rank for rank in ranks[q].tolist() if rank]
        if not count:
            assert all(np.isnan(values[q]) for values in found)
            continue
        ideal = sum(1 / math.log2(i + 1) for i in range(1, min(count, k) + 1))
        expected = [
            slow_average_precision(places, count),
            slow_average_precision(places, count, k),
            sum(place <= k for place in places) / count,
            sum(1 / math.log2(place + 1) for place in places if place <= k) / ideal,
        ]
        np.testing.assert_allclose([values[q] for values in found], expected, rtol=1e-12)


@given(rank_tables(), st.data())
@settings(max_examples=200, deadline=None)
def test_restrict_equals_deleting_the_candidates(table, data):
    ranks, n = table
    shape = data.draw(st.sampled_from([ranks.shape, ranks.shape[1:]]))
    flags = st.lists(st.booleans(), min_size=math.prod(shape), max_size=math.prod(shape))
    keep = np.array(data.draw(flags)).reshape(shape)
    found = restrict(ranks, keep)
    for q, row in enumerate(ranks.tolist()):
        kept = np.broadcast_to(keep, ranks.shape)[q]
        ranked = [
            place
            for place in range(1, n + 1)
            if place not in [r for r, k in zip(row, kept, strict=True) if not k]
        ]
        expected = [ranked.index(r) + 1 if r and k else 0 for r, k in zip(row, kept, strict=True)]
        assert found[q].tolist() == expected


def test_a_single_pool_is_one_column():
    """mono and cross have one relevant candidate per pool: AP is the reciprocal rank."""
    own = np.array([[1, 4], [2, 0]])
    assert average_precision(own[:, [0]]).tolist() == [1, 0.5]
    assert average_precision(own[:, [1]])[0] == 0.25 and np.isnan(average_precision(own[:, [1]])[1])


def test_more_ranks_than_relevant_raises():
    with pytest.raises(ValueError, match="query 1 has 2 ranks, `relevant` is 1"):
        average_precision(np.array([[1, 0], [1, 2]]), np.array([1, 1]))


@pytest.mark.parametrize(("n", "r"), [(1, 1), (2, 1), (2, 2), (5, 3), (7, 2), (8, 4), (9, 9)])
def test_random_values_equal_the_mean_over_all_rankings(n, r):
    places = np.array(list(itertools.combinations(range(1, n + 1), r)))
    assert average_precision(places).mean() == pytest.approx(random_average_precision(n, r), abs=1e-12)
    assert (places.max(1) - places.min(1)).mean() == pytest.approx(random_rank_distance(n, r), abs=1e-12)


def test_known_answers_of_the_xquad_r_pool():
    """13,014 candidates, 11 relevant: random .00154 and 10,846, perfect 1 and 10."""
    assert round(random_average_precision(13014, 11), 5) == 0.00154
    assert round(random_rank_distance(13014, 11)) == 10846
    rng = np.random.default_rng(13014)
    language = np.arange(13014) % 11
    relevant = np.tile(np.arange(11), (250, 1))
    ranks = np.concatenate(
        [ranks_from_scores(rng.random((250, 13014), np.float32), language, relevant)[1] for _ in range(8)]
    )
    for values, expected in (
        (average_precision(ranks), random_average_precision(13014, 11)),
        (rank_distance(ranks), random_rank_distance(13014, 11)),
    ):
        error = values.std(ddof=1) / math.sqrt(len(values))
        assert error < 0.06 * expected
        assert abs(values.mean() - expected) < 2.5 * error
    perfect = ranks_from_scores(-np.arange(13014.0)[None].repeat(3, 0), language, relevant[:3])[1]
    assert average_precision(perfect).tolist() == [1] * 3 and rank_distance(perfect).tolist() == [10] * 3
    assert average_precision_at(perfect, 20).tolist() == [1] * 3 and ndcg_at(perfect, 10) == pytest.approx(
        [1] * 3
    )
    assert recall_at(perfect, 10) == pytest.approx([10 / 11] * 3)
