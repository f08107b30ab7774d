"""Controls of language bias against scipy, plain loops, and planted language directions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support import synthetic_study as synthetic
from support.made_benchmarks import make_benchmark, write

from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval import measures
from langscale.retrieval.bias_controls import centred, controls, spearman
from langscale.retrieval.scores import Scores

CONTROLS = [measure.name for measure in measures.CONTROLS]


@pytest.fixture
def benchmark(tmp_path):
    return Benchmark.load(write(tmp_path, make_benchmark(np.random.default_rng(2), 4, 12, parallel=True)))


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_spearman_equals_scipys_pair_by_pair(benchmark):
    rng = np.random.default_rng(0)
    q, c = (unit(rng.normal(size=(len(t), 8))) for t in (benchmark.queries, benchmark.candidates))
    ids = benchmark.queries["question_id"].to_numpy()
    got = spearman(q, c, ids)
    for i in range(len(q)):
        others = [j for j in np.flatnonzero(ids == ids[i]) if j != i]
        expected = np.mean([stats.spearmanr(q[i] @ c.T, q[j] @ c.T).statistic for j in others])
        assert got[i] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(spearman(q[:2], c, np.array(["a", "b"]))).all()
    assert spearman(np.repeat(q[:1], 2, axis=0), c, np.array(["a", "a"])) == pytest.approx([1, 1])


def test_centring_takes_a_planted_language_direction_out(benchmark):
    """Texts are the vector of their question plus that of their language: without the latter, retrieval is
    perfect.
    """
    rng = np.random.default_rng(1)
    ids = pd.factorize(benchmark.queries["question_id"])[0]
    meaning = rng.normal(size=(ids.max() + 1, 32))
    meaning -= meaning.mean(axis=0)
    language = 5 * rng.normal(size=(4, 32))
    q = unit(meaning[ids] + language[benchmark.query_language])
    key = np.empty(len(benchmark.candidates), int)
    key[benchmark.relevant] = ids[:, None]
    used = np.isin(np.arange(len(key)), benchmark.relevant)
    key[~used] = rng.integers(0, ids.max() + 1, (~used).sum())
    text = np.where(used[:, None], meaning[key % len(meaning)], rng.normal(size=(len(key), 32)))
    c = unit(text + language[benchmark.candidate_language])
    found = dict(zip(CONTROLS, controls(q, c, benchmark).T, strict=True))
    assert found["centred mAP"].mean() > 0.95
    plain = dict(zip(CONTROLS, controls(centred(q, benchmark.query_language), c, benchmark).T, strict=True))
    assert plain["Spearman"].mean() > found["Spearman"].mean()  # rankings agree once the language is out
    assert np.allclose(np.linalg.norm(centred(q, benchmark.query_language), axis=1), 1, atol=1e-6)
    assert centred(q[:1], np.array([0])).tolist() == [[0] * 32]


def test_controls_go_through_files_and_tables_and_bm25_has_none(tmp_path):
    study = synthetic.study(evaluation={"controls": True})
    original = synthetic.scores

    def with_controls(path, languages, parallel):
        scores = original(path, languages, parallel)
        if path.startswith("bm25"):
            return scores
        values = np.tile(np.float32([0.25, 0.5, 10, 1]), (len(scores.queries), 1))
        return Scores(**(vars(scores) | {"controls": values}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, "scores", with_controls)
        made = synthetic.Made(tmp_path, True, **{"evaluation": study.evaluation.model_dump()})
    table = made.tables["bias"].query("metric in @CONTROLS")
    assert set(table["metric"]) == set(CONTROLS) and set(table["sampler"]) == {"x-y", "hybrid", "untrained"}
    assert table.groupby("metric")["value"].agg(["min", "max"]).loc["Spearman"].tolist() == [0.25, 0.25]
    assert (table["n_queries"] == len(synthetic.questions(True))).all()
