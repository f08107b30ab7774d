"""The tables of a benchmark as arrays, against looking up every qrel."""

import numpy as np
import pytest
from support.made_benchmarks import make_benchmark, write

from langscale.core.errors import UserError
from langscale.core.random import stream
from langscale.data.benchmarks.built import Benchmark


def test_loading_equals_looking_up_every_qrel(tmp_path):
    rng = np.random.default_rng(stream("load").integers(10**6))
    questions, candidates, qrels = make_benchmark(rng, 4, 10)
    benchmark = Benchmark.load(write(tmp_path, (questions, candidates, qrels)))
    assert benchmark.languages == tuple(sorted(set(questions["language"]) | set(candidates["language"])))
    named = {(q, lang, c) for q, lang, c in qrels.itertuples(index=False)}
    for q, question in enumerate(questions.itertuples()):
        assert benchmark.languages[benchmark.query_language[q]] == question.language
        for i, code in enumerate(benchmark.languages):
            row = benchmark.relevant[q, i]
            mine = [c for a, b, c in named if (a, b) == (question.question_id, question.language)]
            mine = [c for c in mine if c.startswith(code)]
            assert mine == ([] if row < 0 else [candidates["candidate_id"][row]])
    codes = candidates["language"].tolist()
    assert [benchmark.languages[i] for i in benchmark.candidate_language] == codes


@pytest.mark.parametrize(
    "row, message",
    [
        (("q0", "en", "en0"), "a relevant candidate stands twice; once is right"),
        (("nobody", "en", "en0"), "no such query: nobody en en0"),
        (("q0", "xx", "en0"), "no such query: q0 xx en0"),
        (("q0", "en", "nothing"), "no such candidate: q0 en nothing"),
    ],
)
def test_qrels_that_do_not_fit_are_told(tmp_path, row, message):
    questions, candidates, qrels = make_benchmark(np.random.default_rng(0), 3, 4, parallel=True)
    Benchmark.load(write(tmp_path, (questions, candidates, qrels)))
    qrels.loc[len(qrels)] = row
    with pytest.raises(UserError, match=message) as error:
        Benchmark.load(write(tmp_path, (questions, candidates, qrels)))
    assert str(error.value).startswith(f"{tmp_path}/qrels.parquet: ") and "\n" not in str(error.value)
