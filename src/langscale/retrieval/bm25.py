"""The lexical baseline: BM25 over character n-grams, which needs no tokenizer of any language."""

import unicodedata
from collections.abc import Sequence

import bm25s
import numpy as np

from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval.search import ranks_from_scores

BLOCK = 256


def ngrams(text: str, shortest: int, longest: int) -> list[str]:
    """Character n-grams of every word with its borders marked, after NFKC and case folding."""
    words = ("_" + word + "_" for word in unicodedata.normalize("NFKC", text).casefold().split())
    return [
        word[i : i + n]
        for word in words
        for n in range(shortest, longest + 1)
        for i in range(len(word) - n + 1)
    ]


class BM25:
    """BM25 as of Lucene (k1 = 1.5, b = 0.75; the defaults of bm25s) over one index of all candidates.

    Document frequencies are those of the corpus of all languages, in mono and cross too.
    """

    def __init__(self, candidates: Sequence[str], shortest: int, longest: int) -> None:
        self.range = shortest, longest
        self.index = bm25s.BM25()
        self.index.index([ngrams(text, *self.range) for text in candidates], show_progress=False)

    def scores(self, queries: Sequence[str]) -> np.ndarray:
        """float32 [len(queries), N] in the order of the candidates."""
        scores = np.zeros((len(queries), self.index.scores["num_docs"]), dtype=np.float32)
        for row, text in zip(scores, queries, strict=True):
            known = [gram for gram in ngrams(text, *self.range) if gram in self.index.vocab_dict]
            if known:  # bm25s takes no empty query
                row[:] = self.index.get_scores(known)
        return scores


def rank(
    benchmark: Benchmark, k: int, shortest: int, longest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(top k rows [Q, k], ranks in the relevant candidate's language and in all languages) of a Benchmark.

    Both ranks have the shape of `relevant`. Ties are ordered as in search.py.
    """
    index = BM25(benchmark.candidates["text"].tolist(), shortest, longest)
    parts = []
    for start in range(0, len(benchmark.queries), BLOCK):
        scores = index.scores(benchmark.queries["text"].tolist()[start : start + BLOCK])
        ranks = ranks_from_scores(
            scores, benchmark.candidate_language, benchmark.relevant[start : start + BLOCK]
        )
        parts.append((first_k(scores, k), *ranks))
    top, own, multi = (np.concatenate(part) for part in zip(*parts, strict=True))
    return top, own, multi


def first_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Columns of the k highest scores of every row [B, N], best first, equal scores by column: int32 [B, k].

    Where N < k, the places behind N hold -1, as in `search.top_k`.
    """
    top = np.full((len(scores), k), -1, dtype=np.int32)
    places = min(k, scores.shape[1])
    for row, values in enumerate(scores):
        least = np.partition(values, -places)[-places]
        above, equal = np.flatnonzero(values > least), np.flatnonzero(values == least)
        above = above[np.lexsort((above, -values[above]))]
        top[row, :places] = np.concatenate([above, equal])[:places]
    return top
