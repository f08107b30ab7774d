"""Exact ranks and top-k lists against sorted Python lists; ties, duplicates, blocks, BLAS kernels, memory."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import langscale.retrieval.search
from langscale.retrieval.search import exact_ranks, first_copies, ranks_and_top_k, ranks_from_scores, top_k


def ranking(scores: np.ndarray) -> list[int]:
    """The candidates from best to worst, equal scores by index."""
    return sorted(range(len(scores)), key=lambda j: (-scores[j], j))


def slow_ranks(
    scores: np.ndarray, language: np.ndarray, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    own, multi = np.zeros(relevant.shape, int), np.zeros(relevant.shape, int)
    for q, row in enumerate(scores):
        ranked = ranking(row)
        for r, i in enumerate(relevant[q]):
            if i >= 0:
                multi[q, r] = ranked.index(i) + 1
                own[q, r] = [j for j in ranked if language[j] == language[i]].index(i) + 1
    return own, multi


def check_ranks(found: tuple[np.ndarray, np.ndarray], expected: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@st.composite
def problems(draw, values=(-1, 0, 1)):
    """Embeddings of small integers: products are exact in float32, and ties and duplicates abound."""
    d, n, q = draw(st.integers(1, 4)), draw(st.integers(1, 60)), draw(st.integers(1, 6))
    number = st.sampled_from(values)
    queries = draw(arrays(np.float32, (q, d), elements=number))
    candidates = draw(arrays(np.float32, (n, d), elements=number))
    language = draw(arrays(np.int64, n, elements=st.integers(0, draw(st.integers(0, 4)))))
    relevant = draw(arrays(np.int32, (q, draw(st.integers(1, 5))), elements=st.integers(-1, n - 1)))
    return queries, candidates, language, relevant


@given(problems())
@settings(max_examples=150, deadline=None)
def test_ranks_equal_those_in_a_sorted_list(problem):
    queries, candidates, language, relevant = problem
    scores = queries @ candidates.T
    expected = slow_ranks(scores, language, relevant)
    check_ranks(exact_ranks(queries, candidates, language, relevant), expected)
    check_ranks(ranks_from_scores(scores, language, relevant), expected)


@given(problems(), st.integers(1, 70))
@settings(max_examples=150, deadline=None)
def test_top_k_equals_the_head_of_a_sorted_list(problem, k):
    queries, candidates, *_ = problem
    scores, index = top_k(queries, candidates, k)
    assert scores.shape == index.shape == (len(queries), k)
    for q, row in enumerate(queries @ candidates.T):
        head = ranking(row)[:k]
        assert index[q].tolist() == head + [-1] * (k - len(head))
        assert scores[q].tolist() == [row[j] for j in head] + [-np.inf] * (k - len(head))


def random_problem(questions: int, n: int, d: int, languages: int, seed: int = 0):
    """Float embeddings; a relevant candidate per language, and half of the queries are near their first."""
    rng = np.random.default_rng(seed)
    candidates = rng.standard_normal((n, d)).astype(np.float32)
    language = rng.integers(0, languages, n)
    relevant = np.stack(
        [rng.choice(np.flatnonzero(language == code), questions) for code in range(languages)], 1
    )
    noise = rng.standard_normal((questions, d)).astype(np.float32)
    weight = (rng.random((questions, 1)) < 0.5) * np.float32(0.3)
    queries = candidates[relevant[:, 0]] * weight + noise
    candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return queries, candidates, language, relevant


def test_ranks_of_float_embeddings_equal_those_in_a_sorted_list():
    """Where scores are further apart than float32 rounds (about 1e-7), float64 products rank the same."""
    queries, candidates, language, relevant = random_problem(60, 500, 64, 7)
    scores = queries.astype(float) @ candidates.T.astype(float)
    gaps = np.abs(np.take_along_axis(scores, relevant, 1)[:, :, None] - scores[:, None, :])
    relevant[(gaps < 1e-6).sum(2) > 1] = -1
    assert 400 < (relevant >= 0).sum() < relevant.size
    expected = slow_ranks(scores, language, relevant)
    check_ranks(exact_ranks(queries, candidates, language, relevant), expected)


def test_a_pool_of_one_language_is_the_pool_of_all():
    queries, candidates, _, relevant = random_problem(50, 400, 32, 3)
    own, multi = exact_ranks(queries, candidates, np.full(400, 5), relevant)
    np.testing.assert_array_equal(own, multi)
    assert multi.min() >= 1 and len(np.unique(multi)) > 50


def test_sparse_scores_tie_almost_everywhere():
    """As BM25 across scripts: nearly all scores are 0, so the order of the pool decides."""
    rng = np.random.default_rng(2)
    scores = (rng.integers(1, 4, (20, 300)) * (rng.random((20, 300)) < 0.05)).astype(np.float32)
    language = rng.integers(0, 6, 300)
    relevant = rng.integers(-1, 300, (20, 6))
    check_ranks(ranks_from_scores(scores, language, relevant), slow_ranks(scores, language, relevant))


def test_results_for_a_query_do_not_depend_on_the_number_of_queries():
    queries, candidates, language, relevant = random_problem(1100, 1501, 100, 5)
    own, multi = exact_ranks(queries, candidates, language, relevant)
    scores, index = top_k(queries, candidates, 20)
    for q in (1, 3, 255, 257, 513, 1030):
        check_ranks(exact_ranks(queries[:q], candidates, language, relevant[:q]), (own[:q], multi[:q]))
        few_scores, few = top_k(queries[:q], candidates, 20)
        np.testing.assert_array_equal(few, index[:q])
        np.testing.assert_array_equal(few_scores, scores[:q])  # to the last bit


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_block_sizes_change_nothing_where_products_are_exact(monkeypatch, size):
    rng = np.random.default_rng(3)
    queries = rng.integers(-2, 3, (150, 6)).astype(np.float32)
    candidates = rng.integers(-2, 3, (200, 6)).astype(np.float32)
    language, relevant = rng.integers(0, 4, 200), rng.integers(0, 200, (150, 4))
    ranks, lists = exact_ranks(queries, candidates, language, relevant), top_k(queries, candidates, 30)
    monkeypatch.setattr(langscale.retrieval.search, "ROWS", size)
    monkeypatch.setattr(langscale.retrieval.search, "BLOCK", size)
    check_ranks(exact_ranks(queries, candidates, language, relevant), ranks)
    for found, expected in zip(top_k(queries, candidates, 30), lists, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_top_k_and_exact_ranks_agree_where_no_other_score_is_near():
    """FAISS and numpy multiply in different blocks, so scores within 1e-5 of each other may change places."""
    queries, candidates, language, relevant = random_problem(600, 2500, 384, 4)
    _, multi = exact_ranks(queries, candidates, language, relevant)
    scores, index = top_k(queries, candidates, 101)
    compared = 0
    for q, r in np.argwhere(multi <= 100):
        place = multi[q, r] - 1
        gaps = np.abs(np.delete(scores[q], place) - scores[q, place])
        if gaps.min() > 1e-5:
            assert index[q, place] == relevant[q, r]
            compared += 1
    assert compared > 350
    listed = (index[:, :100, None] == relevant[:, None, :]).any(1)  # the same, seen from the lists
    assert (listed != (multi <= 100)).sum() <= 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["normal", "few values", "one vector"]), st.integers(1, 260))
def test_one_product_gives_the_lists_and_the_ranks_of_two(seed, kind, k):
    """To the last bit, ties across place k and a k beyond the corpus included."""
    rng = np.random.default_rng(seed)
    shape = {"normal": rng.standard_normal, "few values": lambda s: rng.integers(-1, 2, s)}
    make = shape.get(kind, lambda s: np.ones(s))
    queries, candidates = make((40, 8)).astype(np.float32), make((230, 8)).astype(np.float32)
    language, relevant = rng.integers(0, 3, 230), rng.integers(-1, 230, (40, 3))
    index, *ranks = ranks_and_top_k(queries, candidates, language, relevant, k)
    np.testing.assert_array_equal(index, top_k(queries, candidates, k)[1])
    check_ranks(ranks, exact_ranks(queries, candidates, language, relevant))


@pytest.mark.parametrize("k", [1, 5, 99, 150])
def test_ties_across_place_k_between_different_vectors(k):
    """Many vectors of one score, on both of FAISS's paths (a heap below k = 100, a reservoir above)."""
    candidates = np.stack([np.ones(2000), np.random.default_rng(4).permutation(2000)], 1).astype(np.float32)
    candidates[1500:1503, 0] = 2
    scores, index = top_k(np.array([[1, 0], [0, 1]], np.float32), candidates, k)
    assert index[0].tolist() == [1500, 1501, 1502, *range(1500)][:k]
    assert index[1].tolist() == np.argsort(-candidates[:, 1])[:k].tolist()


def test_a_collapsed_encoder_gives_the_pool_order():
    same = np.tile(np.random.default_rng(5).standard_normal(48).astype(np.float32), (700, 1))
    language = np.arange(700) % 3
    _, index = top_k(same[:600], same, 50)
    assert (index == np.arange(50)).all()
    own, multi = exact_ranks(same[:2], same, language, np.array([[0, 100, 699], [1, 2, 3]]))
    assert multi.tolist() == [[1, 101, 700], [2, 3, 4]]
    assert own.tolist() == [[1, 34, 234], [1, 1, 2]]


DUPLICATES = """
import sys
import numpy as np
from langscale.retrieval.search import exact_ranks, top_k
assert not {"torch", "faiss"} & set(sys.modules)
rng = np.random.default_rng(6)
vectors = rng.standard_normal((20, 100)).astype(np.float32)
copy_of = rng.integers(0, 20, 1037)
candidates, language, relevant = vectors[copy_of], rng.integers(0, 5, 1037), rng.integers(0, 1037, (100, 6))
queries = rng.standard_normal((100, 100)).astype(np.float32)
score = (queries.astype(float) @ vectors.T.astype(float))[:, copy_of]
ranked = np.argsort(-score, axis=1, kind="stable")
own, multi = exact_ranks(queries, candidates, language, relevant)
np.testing.assert_array_equal(multi, np.argsort(ranked, axis=1)[np.arange(100)[:, None], relevant] + 1)
for q, i in np.ndindex(relevant.shape):
    same = ranked[q][language[ranked[q]] == language[relevant[q, i]]]
    assert own[q, i] == same.tolist().index(relevant[q, i]) + 1
np.testing.assert_array_equal(top_k(queries, candidates, 90)[1], ranked[:, :90])
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("kernel", ["", "Haswell", "Prescott"])
def test_duplicates_tie_under_every_blas_kernel(kernel):
    """OpenBLAS's Haswell kernel (Zen's too) rounds equal columns differently, Prescott's at the right edge.

    The same process shows that neither torch nor, before it is needed, FAISS is imported.
    """
    environment = os.environ | ({"OPENBLAS_CORETYPE": kernel} if kernel else {})
    run = subprocess.run([sys.executable, "-c", DUPLICATES], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_first_copies():
    vectors = np.array([[1, 2], [3, 4], [1, 2], [2, 1], [3, 4], [1, 2]], np.float32)
    assert first_copies(vectors).tolist() == [0, 1, 0, 3, 1, 0]


def test_memory_is_that_of_one_block():
    queries, candidates, language, relevant = random_problem(2000, 5000, 8, 2)
    tracemalloc.start()
    exact_ranks(queries, candidates, language, relevant)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one_block = langscale.retrieval.search.ROWS * 5000 * 4
    assert one_block < peak < 1.6 * one_block < 2000 * 5000 * 4 / 4


def test_what_has_no_rank_raises():
    queries, candidates = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)
    language, relevant = np.zeros(4, int), np.zeros((2, 1), int)
    broken = candidates.copy()
    broken[2, 1] = np.nan
    with pytest.raises(ValueError, match="candidates: the embedding in row 2 is NaN"):
        exact_ranks(queries, broken, language, relevant)
    with pytest.raises(ValueError, match="queries: the embedding in row 0"):
        top_k(queries * np.inf, candidates, 1)
    with pytest.raises(ValueError, match="no candidates"):
        top_k(queries, candidates[:0], 1)
    with pytest.raises(ValueError, match=r"candidates \(4, 2\)"):
        top_k(queries, candidates[:, :2], 1)
    with pytest.raises(ValueError, match=r"relevant holds 0 \.\. 4, expected -1 \.\. 3"):
        exact_ranks(queries, candidates, language, np.array([[0], [4]]))
    with pytest.raises(ValueError, match="relevant holds -2"):
        exact_ranks(queries, candidates, language, relevant - 2)
    with pytest.raises(ValueError, match="do not fit 2 queries and 4 candidates"):
        exact_ranks(queries, candidates, language, relevant[:1])
    with pytest.raises(ValueError, match="do not fit"):
        ranks_from_scores(queries @ candidates.T, language[:3], relevant)
    with pytest.raises(ValueError, match="query 1 hold NaN"):
        ranks_from_scores(np.array([[1, 2], [np.nan, 1]]), language[:2], relevant)
