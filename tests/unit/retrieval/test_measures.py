"""The registry of measures: records are complete, values keep to their ranges, and a new record reaches the
tables.
"""

import importlib.util
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import synthetic_study as synthetic
from support.made_benchmarks import CODES, make_benchmark, ranking, scores_of, write

from langscale.config.terms import SETTINGS
from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval.measures import MAP, MAP_AT_20, MEASURES, RANK_DISTANCE, in_list_table, in_table
from langscale.retrieval.scores import Scores

NEW = '''
"""Mean reciprocal rank, added from outside of the package."""

import numpy as np

from langscale.config.terms import SETTINGS
from langscale.retrieval.measures import MEASURES, Measure


def reciprocal_rank(ranks, relevant):
    first = np.where(ranks > 0, ranks, np.inf).min(axis=1)
    return np.where(np.isfinite(first), 1 / first, np.nan)


RECORD = Measure(
    "MRR", "1 / rank of the first relevant candidate", "Voorhees 1999", of_ranking=reciprocal_rank,
    tables={"scaling": SETTINGS, "main": SETTINGS, "languages": ("multi",), "contrasts": ("multi",)},
    margin="absolute",
)
'''


@pytest.mark.parametrize("name", MEASURES)
def test_a_record_says_everything_about_its_measure(name):
    measure = MEASURES[name]
    assert measure.name == name and measure.formula and measure.source
    assert measure.settings and set(measure.settings) <= set(SETTINGS)
    assert (measure.of_ranking is None) != (measure.of_query is None)  # exactly one way to compute it
    assert measure.tables or measure.list_tables
    for settings in measure.tables.values():
        assert settings and set(settings) <= set(measure.settings)
    # what lies between 0 and 1 has no unit, and ranks have one
    assert measure.low < measure.high and (measure.unit == "" or measure.high == np.inf)


def test_names_and_settings_of_well_known_measures():
    assert (MAP.better, RANK_DISTANCE.better, MEASURES["relevant"].better) == ("higher", "lower", "neither")
    assert MAP_AT_20.shown("trends", "multi") and not MAP_AT_20.shown("trends", "cross")
    assert [m.name for m in in_table("shares")] == ["share@10", "share@10 ratio"]
    assert [m.name for m in in_list_table("contrasts")] == ["nDCG@10"]
    assert not MEASURES["share@10"].comparable() and not MEASURES["relevant"].comparable()


@given(st.integers(0, 10**6), st.integers(2, 4))
def test_values_lie_in_the_range_of_their_record(tmp_path_factory, seed, languages):
    rng = np.random.default_rng(seed)
    benchmark = Benchmark.load(write(tmp_path_factory.mktemp("b"), make_benchmark(rng, languages, 5)))
    shape = len(benchmark.queries), len(benchmark.candidates)
    scores = scores_of(benchmark, rng.random(shape, np.float32))
    for measure in MEASURES.values():
        for setting in measure.settings if measure.tables else ():
            values = scores.values(setting, measure.name)
            known = values[~np.isnan(values)]
            assert ((measure.low <= known) & (known <= measure.high)).all(), measure.name
            assert values.shape == (shape[0], values.shape[1])
            assert values.shape[1] == (languages if setting == "cross" or measure.by_candidate else 1)


def test_a_new_record_reaches_the_tables(tmp_path, monkeypatch):
    """One file is enough: the tables of scores, contrasts and main show it, with intervals and a margin."""
    file = tmp_path / "reciprocal.py"
    file.write_text(NEW)
    spec = importlib.util.spec_from_file_location("reciprocal", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(MEASURES.by_name, "MRR", module.RECORD)
    made = synthetic.Made(tmp_path, True, statistics={"resamples": 100})
    tables = {
        name: table[table["metric"] == "MRR"] for name, table in made.tables.items() if "metric" in table
    }
    assert {name for name, table in tables.items() if len(table)} == {
        "scaling",
        "main",
        "languages",
        "contrasts",
    }
    assert set(tables["scaling"]["setting"]) == set(SETTINGS) and set(tables["languages"]["setting"]) == {
        "multi"
    }
    assert set(tables["scaling"]["pair_set"]) == {"all", "pool", "pool-heldout", "heldout-pool", "heldout"}
    assert tables["scaling"]["ci_low"].notna().any() and tables["contrasts"]["margin"].between(0, 0.01).all()
    row = tables["scaling"].query("model == 'bm25' and setting == 'mono' and pair_set == 'all'").iloc[0]
    (path,) = [run.path for run in made.grid.runs if run.model == "bm25"]
    scores: Scores = made.scores[path, "last"]
    reciprocal = 1 / scores.by_language[np.arange(len(scores.own)), scores.own]
    expected = np.mean([reciprocal[scores.own == i].mean() for i in range(len(scores.languages))])
    assert row["value"] == pytest.approx(expected)


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
