"""Benchmarks with random languages, candidates and relevance, and their scores."""

import numpy as np
import pandas as pd

from langscale.retrieval import language_bias as bias
from langscale.retrieval.bm25 import first_k
from langscale.retrieval.ranks import best
from langscale.retrieval.scores import Scores
from langscale.retrieval.search import ranks_from_scores

CODES = ("ar", "de", "en", "zh")


def make_benchmark(rng, languages=3, questions=6, parallel=False, several=False):
    """Questions in some of the languages, candidates of unequal numbers, some of them relevant to nothing.

    several: up to three relevant candidates of a question in a language.
    """
    codes = CODES[:languages]
    candidates = [
        (f"{code}{i}", code) for code in codes for i in range(rng.integers(questions, questions + 4))
    ]
    candidates = [candidates[i] for i in rng.permutation(len(candidates))]
    asked, qrels = [], []
    for q in range(questions):
        there = codes if parallel else [c for c in codes if rng.random() < 0.7]
        for code in there:
            asked.append((f"q{q}", f"c{q // 2}", code))
            # relevant candidates may lack in languages that ask, and exist in some that do not
            numbers = [(q + k) % questions for k in range(1 + several * (q % 3))]
            qrels += [
                (f"q{q}", code, f"{other}{number}")
                for other in codes
                for number in numbers
                if parallel or (number + len(other)) % 4
            ]
    if not parallel:
        qrels = [row for row in qrels if rng.random() < 0.8]
    asked = [asked[i] for i in rng.permutation(len(asked))]
    return (
        pd.DataFrame(asked, columns=["question_id", "cluster", "language"]).assign(text="t"),
        pd.DataFrame(candidates, columns=["candidate_id", "language"]).assign(key="k", text="t"),
        pd.DataFrame(qrels, columns=["question_id", "language", "candidate_id"]),
    )


def write(folder, tables):
    for name, table in zip(("questions", "candidates", "qrels"), tables, strict=True):
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def scores_of(benchmark, similarity):
    own, multi = ranks_from_scores(similarity, benchmark.candidate_language, benchmark.relevant)
    top, languages = first_k(similarity, 10), len(benchmark.languages)
    top = np.where(top >= 0, benchmark.candidate_language[top], -1)
    counts = bias.language_counts(top, languages, (1, 2, 10))
    own_share = [bias.own_share(counts[k], benchmark.query_language) for k in (1, 2, 2)]
    return Scores(
        benchmark.queries,
        benchmark.languages,
        best(own, languages),
        best(multi, languages),
        np.stack(own_share, 1).astype(np.float32),
        len(benchmark.candidates),
        top_10=counts[10].astype(np.uint8),
        candidates=np.bincount(benchmark.candidate_language, minlength=languages),
        every=(own, multi) if own.shape[1] > languages else None,
    )


def ranking(pool, similarity):
    """Candidate rows, best first; equal scores in pool order."""
    return sorted(pool, key=lambda row: (-similarity[row], row))
