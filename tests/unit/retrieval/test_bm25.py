"""BM25 over character n-grams against the formula of Lucene, written out term by term."""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval.bm25 import BM25, first_k, ngrams, rank

TEXTS = [
    "Berlin: deutsch, Euro", "Berlin", "Paris: français, Euro", "東京都: 日本語",
    "القاهرة", "", "Εuro euro EURO", "ﬁne Straße",
    "a", "Wien: Deutsch, Euro, Schilling, Deutsch", "กรุงเทพ", "Berlin: deutsch, Euro",
]  # fmt: skip


def slow_ngrams(text, shortest, longest):
    import unicodedata

    found = []
    for word in unicodedata.normalize("NFKC", text).casefold().split():
        marked = f"_{word}_"
        for size in range(shortest, longest + 1):
            found += [marked[i : i + size] for i in range(len(marked)) if i + size <= len(marked)]
    return found


@given(st.text(max_size=30), st.integers(1, 3), st.integers(0, 3))
def test_ngrams_equal_a_loop(text, shortest, more):
    assert Counter(ngrams(text, shortest, shortest + more)) == Counter(
        slow_ngrams(text, shortest, shortest + more)
    )


def test_ngrams_by_hand():
    assert ngrams("Ab c", 2, 3) == ["_a", "ab", "b_", "_ab", "ab_", "_c", "c_", "_c_"]
    assert ngrams("ﬁ STRASSE", 2, 2) == ngrams("fi straße", 2, 2)  # NFKC, case folding
    assert ngrams(" \n", 2, 4) == []


def slow_bm25(question, texts, shortest, longest, k1=1.5, b=0.75):
    """Lucene's formula (Kamphuis et al. 2020, its BM25 without the constant k1 + 1); repeated terms count
    again.
    """
    documents = [Counter(slow_ngrams(text, shortest, longest)) for text in texts]
    lengths = [sum(document.values()) for document in documents]
    mean = sum(lengths) / len(lengths)
    scores = [0.0] * len(texts)
    for term in slow_ngrams(question, shortest, longest):
        frequency = sum(term in document for document in documents)
        idf = math.log(1 + (len(texts) - frequency + 0.5) / (frequency + 0.5))
        for i, document in enumerate(documents):
            scores[i] += idf * document[term] / (document[term] + k1 * (1 - b + b * lengths[i] / mean))
    return scores


@pytest.mark.parametrize("sizes", [(2, 4), (1, 1), (3, 3)])
def test_scores_equal_the_formula_of_lucene(sizes):
    questions = [
        "deutsch euro",
        "Euro Euro",
        "日本",
        "القاهرة",
        "berlin Schilling",
        "zzz",
        "",
        "กรุง",
        "東京都 a",
    ]
    found = BM25(TEXTS, *sizes).scores(questions)
    assert found.shape == (len(questions), len(TEXTS)) and found.dtype == np.float32
    expected = np.array([slow_bm25(question, TEXTS, *sizes) for question in questions])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    # a question without a known n-gram has nothing but zeros; single characters know the border of a word
    nothing = ("",) if sizes == (1, 1) else ("zzz", "")
    assert (found > 0).any(axis=1).tolist() == [q not in nothing for q in questions]
    assert (found[:, 0] == found[:, 11]).all()  # equal texts tie


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=4),
    st.integers(1, 9),
)
def test_first_k_sorts_by_score_then_column_and_fills_up(rows, k):
    scores = np.array(rows, dtype=np.float32)
    expected = [sorted(range(6), key=lambda i: (-row[i], i))[:k] + [-1] * (k - 6) for row in rows]
    found = first_k(scores, k)
    assert found.tolist() == expected and found.dtype == np.int32


def test_ranks_and_lists_are_those_of_one_ranking_by_score_then_pool_order(monkeypatch):
    """Blocks of questions, ties of texts without a common n-gram, a list that is longer than the pool."""
    monkeypatch.setattr("langscale.retrieval.bm25.BLOCK", 2)
    languages = ("ar", "de", "en")
    candidates = pd.DataFrame(
        {
            "text": TEXTS,
            "language": [languages[i % 3] for i in range(12)],
            "candidate_id": [str(i) for i in range(12)],
        }
    )
    questions = pd.DataFrame(
        {
            "text": ["deutsch euro", "zzz", "Euro", "berlin", "東京"],
            "language": ["de", "en", "ar", "de", "en"],
        }
    )
    relevant = np.array([[0, 1, 2], [3, 4, -1], [6, -1, 5], [9, 1, 11], [3, 7, 8]], dtype=np.int32)
    code = np.arange(12) % 3
    benchmark = Benchmark(questions, candidates, languages, np.array([1, 2, 0, 1, 2]), code, relevant)
    top, own, multi = rank(benchmark, 15, 2, 3)
    assert top.shape == (5, 15) and (top[:, 12:] == -1).all()
    for q, question in enumerate(questions["text"]):
        scores = np.array(slow_bm25(question, TEXTS, 2, 3)).round(5)
        ranked = sorted(range(12), key=lambda i: (-scores[i], i))
        assert top[q, :12].tolist() == ranked
        for i, row in enumerate(relevant[q].tolist()):
            assert multi[q, i] == (ranked.index(row) + 1 if row >= 0 else 0)
            pool = [r for r in ranked if code[r] == i]
            assert own[q, i] == (pool.index(row) + 1 if row >= 0 else 0)
    assert top[1, :12].tolist() == list(range(12))  # nothing in common: the pool order
