"""From vectors to rankings and scores, against a sort of all similarities."""

import numpy as np
import pytest
from support.made_benchmarks import make_benchmark, write

from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval.evaluation import scored


@pytest.fixture
def case(tmp_path):
    rng = np.random.default_rng(4)
    benchmark = Benchmark.load(write(tmp_path, make_benchmark(rng, 3, 6)))
    return benchmark, *(
        rng.normal(size=(len(table), 5)).astype(np.float32)
        for table in (benchmark.queries, benchmark.candidates)
    )


def test_lists_ranks_and_shares_are_those_of_a_sort(case):
    benchmark, queries, candidates = case
    top, scores = scored(benchmark, queries, candidates, 100, controls=False)
    order = np.argsort(-(queries.astype(float) @ candidates.T.astype(float)), axis=1, kind="stable")
    n = len(candidates)  # fewer than places of the list
    assert (top[:, :n] == order).all() and (top[:, n:] == -1).all() and scores.controls is None
    for q, ranked in enumerate(order):
        for language, row in enumerate(benchmark.relevant[q]):
            expected = 0 if row < 0 else 1 + ranked.tolist().index(row)
            assert scores.multi[q, language] == expected
        languages = benchmark.candidate_language[ranked[:10]]
        assert scores.own_share[q, 1] == pytest.approx(np.mean(languages == benchmark.query_language[q]))
        assert scores.top_10[q].tolist() == np.bincount(languages, minlength=3).tolist()
    assert scores.corpus_size == len(candidates)


def test_controls_are_computed_on_demand(case):
    benchmark, queries, candidates = case
    scores = scored(benchmark, queries, candidates, 100, controls=True)[1]
    assert scores.controls.shape == (len(queries), 4) and np.isfinite(scores.controls[:, 1]).any()
