"""Each benchmark from its files to the tables, against plain loops over the texts of the files."""

import hashlib
from functools import cache

import numpy as np
import pandas as pd
import pytest
from support import raw_benchmarks

from langscale.config.study import load
from langscale.data import catalogue
from langscale.data.benchmarks.built import Benchmark, Corpus, texts
from langscale.design.grid import Grid
from langscale.reporting import layouts
from langscale.retrieval.evaluation import scored
from langscale.retrieval.scores import ListScores
from langscale.retrieval.search import top_k
from langscale.statistics import all_tables
from langscale.statistics.score_tables import SCORES, xtreme_r_table

POOL, HELDOUT = ("en", "de"), ("ar", "es")
MEASURED = {  # the settings in which a benchmark has values, with its measures there
    "cldr": {"mono": "mAP", "cross": "mAP", "multi": "mAP"},
    "tatoeba": {"cross": "R@1", "multi": "mAP"},
    "mewsli-x": {"mono": "mAP", "cross": "mAP", "multi": "mAP@20"},
    "miracl": {"mono": "nDCG@10"},
    "miracl-hard": {"mono": "R@100"},
} | dict.fromkeys(("belebele", "mlqa-r", "xquad-r"), {"mono": "mAP", "cross": "R@1", "multi": "mAP@20"})


def study(name):
    benchmark = {"questions": len(raw_benchmarks.NUMBERS)}
    return load(
        {
            "study": "t",
            "accept_licence": ["mlqa-r"],
            "languages": {"pool": [*POOL], "heldout": [*HELDOUT]},
            "sources": {"ntrex": {}},
            "benchmarks": {name: {} if name == "mlqa-r" else benchmark},
            "models": {"tiny": {"architecture": {"model_type": "bert"}}},
            "budgets": {"total": {"kind": "fixed-total", "steps": 9}},
            "replicates": 4,
            "grid": [{"samplers": ["x-y"], "n": [1, 2]}],
            "evaluation": {"bm25": False},
            "statistics": {"resamples": 100},
        }
    )


def vectors(texts, path):
    """Unit vectors of texts, float32 [T, 8]: a direction per text, turned a little by each run."""
    digests = b"".join(hashlib.sha256(text.encode()).digest() for text in texts)
    base = np.frombuffer(digests, "<u4").reshape(-1, 8) / 2**32 - 0.5
    turn = np.random.default_rng(list(path.encode())).normal(size=(8, 8))
    found = base @ (np.eye(8) + 0.1 * turn)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def scores(folder, record, path):
    """The scores of a run on a built benchmark, as its jobs make them."""
    queries, candidates = (vectors(list(texts(folder, side)), path) for side in ("questions", "candidates"))
    if not record.larger_than_memory:
        return scored(Benchmark.load(folder), queries, candidates, 100, False)[1]
    corpus = Corpus.load(folder)
    lists = np.full((len(queries), 100), -1)
    for code, (begin, size) in corpus.spans.items():
        rows = np.flatnonzero(corpus.queries["language"] == code)
        lists[rows] = top_k(queries[rows], candidates[begin : begin + size], 100)[1] + begin
    return ListScores.of(corpus.queries, lists, corpus.relevant)


def formula(metric, ranks, relevant):
    """The value of a query with the sorted 1-based `ranks` of its relevant candidates."""
    if metric == "nDCG@10":
        gain = sum(1 / np.log2(rank + 1) for rank in ranks if rank <= 10)
        return gain / sum(1 / np.log2(i + 2) for i in range(min(relevant, 10))) if relevant else 0.0
    if metric.startswith("R@"):
        return sum(rank <= int(metric[2:]) for rank in ranks) / relevant if relevant else 0.0
    cut = 20 if metric == "mAP@20" else 10**9
    found = [(i + 1) / rank for i, rank in enumerate(ranks) if rank <= cut]
    return sum(found) / min(relevant, cut)


def slow(content, path, setting, metric):
    """(value, queries with a value): macro over query languages, in cross over their pairs with corpora."""
    corpora = {code: [(code, text) for text in its] for code, its in content.candidates.items()}
    if setting == "multi":
        corpora = {None: [key for pool in corpora.values() for key in pool]}
    units, asked = {}, set()
    for corpus, pool in corpora.items():
        there, matrix = set(pool), vectors([text for _, text in pool], path)
        for (code, text), relevant in content.queries.items():
            if setting == "multi" or (corpus == code) == (setting == "mono"):
                wanted = relevant & there
                if wanted or metric in ("nDCG@10", "R@100"):  # as trec_eval -c: no relevant candidate is 0
                    similarity = dict(zip(pool, matrix @ vectors([text], path)[0], strict=True))
                    ranks = [1 + sum(s > similarity[key] for s in similarity.values()) for key in wanted]
                    value = formula(metric, sorted(ranks), len(wanted))
                    units.setdefault((code, corpus), []).append(value)
                    asked.add((code, text))
    return np.mean([np.mean(values) for values in units.values()]), len(asked)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Function name -> (content of the files, cells of the study, tables), made once."""
    return cache(lambda name: make(name, tmp_path_factory.mktemp(name)))


def make(name, folder):
    content = raw_benchmarks.files(name, folder / "raw")
    built = folder / "built"
    built.mkdir()
    its, record = study(name), catalogue.benchmark(name)
    options = its.benchmarks[name]
    record.write(built, its.languages.all, options.questions, folder / "raw")
    grid, files = Grid(its), {}
    for run, checkpoint in grid.scored():
        file = folder / run.path / checkpoint / f"{name}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        scores(built, record, run.path).save(file)
        files[run.path, checkpoint, name] = str(file)
    return content, grid.cells, all_tables.all_tables(its, grid, files)


def test_no_benchmark_is_left_out():
    assert set(MEASURED) == set(catalogue.benchmarks())


def rows(table, **wanted):
    """The macro rows of a table with the wanted values."""
    for key, value in (wanted | {"average": "macro"}).items():
        table = table[table[key] == value]
    return table


@pytest.mark.parametrize("name", MEASURED)
def test_values_over_all_languages_are_those_of_the_files(made, name):
    content, cells, tables = made(name)
    whole = rows(tables["scaling"], pair_set="all", status="all", candidate_language="all")
    assert set(whole["setting"]) == set(MEASURED[name])
    for setting, metric in MEASURED[name].items():
        paths = [cell.run.path for cell in cells if cell.n_languages == 2]
        right = [slow(content, path, setting, metric) for path in paths]
        (row,) = rows(whole, setting=setting, metric=metric, n_languages=2).to_dict("records")
        assert row["value"] == pytest.approx(np.mean([value for value, _ in right]), abs=1e-6), setting
        assert row["n_queries"] == right[0][1] and row["n_runs"] == 4
        assert row["ci_low"] <= row["value"] <= row["ci_high"]


def test_english_sides_of_pairs_count_as_english(made):
    _, _, tables = made("tatoeba")
    trained = rows(tables["scaling"], metric="R@1", setting="cross", status="all", n_languages=2)
    assert dict(zip(trained["pair_set"], trained["n_queries"], strict=True)) == {
        "all": 15, "pool": 5, "heldout-pool": 10
    }  # fmt: skip
    status = tables["scaling"][tables["scaling"]["status"] != "all"]
    status = rows(status, setting="cross", n_languages=2)
    assert set(status["status"]) == {"seen-seen", "unseen-seen"}
    assert set(
        zip(tables["pairs"]["query_language"], tables["pairs"]["candidate_language"], strict=True)
    ) == {(code, f"en-x-{code}") for code in ("ar", "de", "es")}
    shares = rows(tables["shares"], metric="share@10", n_languages=2)
    assert set(shares["candidate_language"]) >= {"other-pool", "en-x-de"}
    assert shares.set_index("candidate_language")["value"]["other-pool"] == pytest.approx(1)
    assert not tables["bias"]["metric"].str.startswith("own").any()


def test_no_query_is_dropped_whose_candidate_is_in_a_language_outside_the_study(made):
    content, _, tables = made("mewsli-x")
    trained = rows(tables["scaling"], metric="mAP@20", setting="multi", status="all", n_languages=2)
    asked = trained[trained["candidate_language"] == "all"].set_index("pair_set")["n_queries"]
    assert asked["all"] == len(content.queries) == 20
    sides = {"pool": 0, "pool-heldout": 0, "heldout-pool": 0, "heldout": 0}
    for (code, _), ((other, _),) in content.queries.items():
        parts = ("pool" if c in POOL else "heldout" for c in (code, other))
        sides["-".join(dict.fromkeys(parts))] += 1
    assert {pair_set: asked[pair_set] for pair_set in sides} == sides
    assert {"fi", "id"} <= set(tables["pairs"]["candidate_language"]) & set(
        tables["ranks"]["candidate_language"]
    )


@pytest.mark.parametrize(
    "name, task",
    [("tatoeba", "Tatoeba, to English"), ("mewsli-x", "Mewsli-X"), ("xquad-r", None), ("cldr", None)],
)
def test_the_tasks_of_xtreme_r_are_rows_of_the_scaling_table(made, name, task):
    """The candidates of xquad-r are sentences here, and those of LAReQA have their paragraph with them."""
    _, _, tables = made(name)
    table = tables["xtreme-r"]
    assert set(table["task"]) == ({task} if task else set())
    if task:
        setting, metric = ("cross", "R@1") if name == "tatoeba" else ("multi", "mAP@20")
        whole = rows(tables["scaling"], pair_set="all", status="all", candidate_language="all")
        whole = rows(whole, setting=setting, metric=metric)
        assert (
            table["value"].tolist() == whole["value"].tolist() and len(table) == 3
        )  # untrained, n = 1, n = 2
        assert set(layouts.xtreme_r(table).columns) >= {f"{task}, {metric}"}


def test_lareqa_of_xtreme_r_has_the_paragraph_in_its_candidates():
    its = load(study("xquad-r").model_dump() | {"benchmarks": {"long": {"set": "xquad-r"}}})
    same = dict.fromkeys(("pair_set", "candidate_language", "query_language", "status"), "all")
    same |= {"benchmark": "long", "setting": "multi", "metric": "mAP@20", "average": "macro", "value": 0.5}
    texts = ["sentence", "sentence+paragraph", "paragraph"]
    scaling = pd.DataFrame([same | {"candidate_text": text} for text in texts], columns=list(SCORES))
    table = xtreme_r_table(its, scaling)
    assert table[["task", "candidate_text"]].values.tolist() == [["LAReQA", "sentence+paragraph"]]
