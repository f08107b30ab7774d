"""Languages of the first ten against a count in rankings that are really built, and known answers."""

import math

import numpy as np
import pandas as pd
import pytest
from support.made_benchmarks import CODES, make_benchmark, ranking, scores_of, write

from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval.measures import in_table
from langscale.retrieval.scores import Scores

TOP = [measure.name for measure in in_table("shares")]


def test_shares_of_the_first_ten_equal_a_count_in_the_ranking(tmp_path):
    """Any group of candidate languages; a group without candidates, or without languages, has no share."""
    rng = np.random.default_rng(6)
    tables = make_benchmark(rng, 4, 8)
    tables = tables[0], tables[1][tables[1]["language"] != "de"], tables[2][:0]  # German only asks
    benchmark = Benchmark.load(write(tmp_path, tables))
    similarity = rng.random((len(benchmark.queries), len(benchmark.candidates)), np.float32)
    scores = scores_of(benchmark, similarity)
    language = benchmark.candidates["language"].tolist()
    groups = {"own": lambda code: {code}, "other": lambda code: set(CODES) - {code},
              "one": lambda code: {"zh"}, "two": lambda code: {"de", "zh"} - {code},
              "all": lambda code: set(CODES)}  # fmt: skip
    for name, group in groups.items():
        keep = np.array([[c in group(code) for c in CODES] for code in benchmark.queries["language"]])
        found = {m: scores.values("multi", m, keep)[:, 0] for m in TOP}
        for q, code in enumerate(benchmark.queries["language"]):
            ten = [language[r] for r in ranking(range(len(language)), similarity[q])[:10]]
            blind = sum(c in group(code) for c in language) / len(language)
            share = sum(c in group(code) for c in ten) / 10
            expected = (share, share / blind) if blind else (math.nan, math.nan)
            np.testing.assert_allclose([found[m][q] for m in TOP], expected, err_msg=name)
        assert np.isnan(found["share@10"]).any() == (name in ("own", "two"))


def test_shares_of_a_known_ranking():
    """Three of ten in English, which has 20 of 40 candidates: 0.6 of a blind ranking; German, with 4, twice
    it; a full pool of four candidates is blind.
    """
    questions = pd.DataFrame({"question_id": ["a"], "cluster": ["a"], "language": ["en"]})
    nothing = np.zeros((1, 3), np.int32)

    def share(top, offered, keep):
        scores = Scores(questions, ("de", "en", "zh"), nothing, nothing, nothing, sum(offered),
                        top_10=np.array([top], np.uint8), candidates=np.array(offered))  # fmt: skip
        return [scores.values("multi", metric, np.array(keep))[0, 0] for metric in TOP]

    assert share([2, 3, 5], [4, 20, 16], [False, True, False]) == pytest.approx([0.3, 0.6])
    assert share([2, 3, 5], [4, 20, 16], [True, False, False]) == pytest.approx([0.2, 2])
    assert share([2, 3, 5], [4, 20, 16], [True, False, True]) == pytest.approx([0.7, 1.4])
    assert share([1, 2, 1], [1, 2, 1], [False, True, False]) == pytest.approx([0.5, 1])
