"""Which rows are marked as not zero-shot."""

import pytest
from support import synthetic_study as synthetic

from langscale.config.model import Model
from langscale.config.study import load
from langscale.data import catalogue
from langscale.design.grid import Grid
from langscale.models.known import ENCODERS, LABSE
from langscale.statistics.zero_shot import of_point, seen, zero_shot

E5, XLM_R = "intfloat/multilingual-e5-small", "FacebookAI/xlm-roberta-base"
BENCHMARKS = ("xquad-r", "mlqa-r", "miracl", "miracl-hard", "tatoeba", "belebele", "mewsli-x", "cldr")


def test_what_models_saw():
    assert seen(Model(hub=XLM_R)) == ()
    assert {"squad", "miracl", "mr-tydi"} <= set(seen(Model(hub=E5, path="/a/copy")))
    assert seen(Model(hub="a/b")) is None and seen(Model(path="/a/copy")) is None
    assert seen(Model(hub=E5, seen=[])) == () and seen(Model(path="/a", seen=["nq"])) == ("nq",)
    assert seen(Model(architecture={"model_type": "bert"})) == ()
    assert seen(Model(bundled="multilingual-e5-small")) == seen(Model(hub=E5))


@pytest.mark.parametrize(
    "data, unknown",
    [
        ((), BENCHMARKS),
        (("ntrex", "mmarco", "nq"), BENCHMARKS),
        (("squad",), ("miracl", "miracl-hard", "tatoeba", "belebele", "mewsli-x", "cldr")),
        (("cldr",), BENCHMARKS[:-1]),
        (("mr-tydi",), ("xquad-r", "mlqa-r", "tatoeba", "belebele", "mewsli-x", "cldr")),
        (ENCODERS[E5].trained_on, ("belebele", "mewsli-x", "cldr")),
        (LABSE.trained_on, tuple(b for b in BENCHMARKS if b != "tatoeba")),
    ],
)
def test_what_leaves_a_benchmark_unknown(data, unknown):
    assert tuple(benchmark for benchmark in BENCHMARKS if zero_shot(benchmark, data)) == unknown
    assert set(catalogue.benchmarks()) == set(BENCHMARKS)


def test_a_row_is_zero_shot_by_its_model_and_what_it_was_trained_on_here():
    values = {
        "study": "t",
        "languages": {"pool": ["en", "de"]},
        "sources": {"squad": {}, "ntrex": {}},
        "benchmarks": {"xquad-r": {}, "tenth": {"set": "xquad-r", "every_article": 10}, "belebele": {}},
        "models": {
            "xlm-r": {"hub": XLM_R}, "e5": {"hub": E5}, "mine": {"path": "/a"},
            "told": {"path": "/b", "seen": ["tenth"]},
        },
        "budgets": {
            "both": {"kind": "fixed-total", "steps": 9},
            "ntrex": {"kind": "fixed-total", "steps": 8, "sources": ["ntrex"]},
        },
        "grid": [{"samplers": ["x-y"], "n": [2]}],
    }  # fmt: skip
    study = load(values)
    grid = Grid(study)
    found = {
        (p.model, p.budget if p.trained else "-"): tuple(
            of_point(study, grid, p, b) for b in study.benchmarks
        )
        for p in grid.points
    }
    #               xquad-r, a tenth of it, belebele
    assert found == {
        ("bm25", "-"): (True, True, True),
        ("xlm-r", "-"): (True, True, True),
        ("xlm-r", "ntrex"): (True, True, True),
        ("xlm-r", "both"): (False, False, True),
        ("e5", "-"): (False, False, True),
        ("e5", "ntrex"): (False, False, True),
        ("e5", "both"): (False, False, True),
        ("mine", "-"): (None, None, None),
        ("mine", "ntrex"): (None, None, None),
        ("mine", "both"): (False, False, None),
        ("told", "-"): (True, False, True),
        ("told", "ntrex"): (True, False, True),
        ("told", "both"): (False, False, True),
    }


def test_the_mark_is_the_last_column_of_every_table_of_scores(tmp_path):
    made = synthetic.Made(tmp_path, True, statistics={"resamples": 100})
    for name in ("scaling", "main", "languages", "pairs", "transfer"):
        table = made.tables[name]
        assert table.columns[-1] == "zero_shot"
        # entity cards are trained on and asked about
        assert (table["zero_shot"] == (table["n_languages"] == 0)).all() and table["zero_shot"].nunique() == 2
