"""Scores from lists against trec_eval's own code, tables of a benchmark that has only lists, and all jobs in
a row.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytrec_eval
from support import synthetic_study as synthetic
from support.job_scripts import script
from support.miracl_files import fetched, put
from support.rendered_study import write_table
from support.toy_training import LENGTH, MODEL, tables, world

from langscale.claims.claims_table import claims_table
from langscale.config.terms import BM25
from langscale.core.errors import UserError
from langscale.core.random import stream
from langscale.data.benchmarks import miracl
from langscale.data.benchmarks.built import Corpus
from langscale.data.tokens import Tokens
from langscale.design.grid import Grid
from langscale.jobs import partial
from langscale.models.encoder import Encoder
from langscale.reporting import comparison, layouts
from langscale.reporting.figures.all_figures import all_figures
from langscale.reporting.figures.style import save
from langscale.retrieval import embedding, scores
from langscale.retrieval import sharded_search as shards
from langscale.retrieval.measures import in_list_table
from langscale.retrieval.scores import ListScores
from langscale.statistics.all_tables import all_tables

TREC = {"nDCG@10": "ndcg_cut_10", "R@100": "recall_100"}


@pytest.mark.parametrize("k", [100, 130])
def test_values_are_those_of_trec_eval(k):
    """Lists of 0 to k candidates; 0 to 15 relevant, in the list or not; -c: judged queries count as 0."""
    rng = np.random.default_rng(k)
    q, n = 300, 400
    lists = np.array([rng.permutation(n)[:k] for _ in range(q)])
    lists[np.arange(k) >= rng.integers(0, k + 1, q)[:, None]] = -1  # behind the end of a small pool
    counts = rng.integers(0, 16, q)
    counts[:50] = 0
    relevant = np.array([rng.permutation(n)[:15] for _ in range(q)])
    relevant[np.arange(15) >= counts[:, None]] = -1
    questions = pd.DataFrame({"question_id": [f"q{i}" for i in range(q)], "cluster": "c", "language": "sw"})
    found = ListScores.of(questions, lists, relevant)
    qrels = {
        f"q{i}": {"never found": 0} | {f"d{d}": 1 for d in row if d >= 0} for i, row in enumerate(relevant)
    }
    run = {
        f"q{i}": {f"d{d}": float(k - place) for place, d in enumerate(row[:100]) if d >= 0}
        for i, row in enumerate(lists)
    }
    judged = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.100"}).evaluate(run)
    for metric, name in TREC.items():
        # as -c: a question without a list, which pytrec_eval leaves out, is 0
        expected = [judged.get(f"q{i}", {name: 0.0})[name] for i in range(q)]
        np.testing.assert_allclose(found.table[metric], expected, atol=1e-12)
        assert 0 < np.mean(expected) < 1 and (found.table[metric][:50] == 0).all()


def test_values_of_question_languages_that_are_asked_for(tmp_path):
    questions = pd.DataFrame({"question_id": ["a", "b", "c"], "cluster": "c", "language": ["yo", "sw", "yo"]})
    made = ListScores.of(
        questions, np.arange(100)[None].repeat(3, 0), np.array([[0, -1], [200, 1], [-1, -1]])
    )
    assert made.table["R@100"].tolist() == [1, 0.5, 0] and made.languages == ("sw", "yo")
    assert made.values("mono", "R@100").tolist() == [[1], [0.5], [0]]
    only = made.values("mono", "R@100", np.array([True, False]))
    np.testing.assert_array_equal(only, [[np.nan], [0.5], [np.nan]])
    assert [made.gives(s, m) for s, m in (("mono", "nDCG@10"), ("mono", "mAP"), ("multi", "nDCG@10"))] == [
        1,
        0,
        0,
    ]
    made.save(tmp_path / "s.parquet")
    again = scores.load(tmp_path / "s.parquet")
    assert isinstance(again, ListScores) and again.queries.equals(made.queries)
    for metric in LISTED:
        np.testing.assert_array_equal(again.values("mono", metric), made.values("mono", metric))


# --- tables

LISTED = [measure.name for measure in in_list_table("scaling")]
ASKED = {"ar": 30, "en": 20, "nl": 10}


def list_scores(path):
    """Random values of one run; nl is held out."""
    draw = stream("lists", path)
    rows = [(f"{code}:{i}", f"{code}:{i // 2}", code) for code, n in ASKED.items() for i in range(n)]
    questions = pd.DataFrame(rows, columns=["question_id", "cluster", "language"])
    return ListScores(questions, tuple(ASKED), {name: draw.random(len(rows)) for name in LISTED})


CONTRAST = {"cell": {"sampler": "x-y", "n": 3}, "reference": {"sampler": "x-y", "n": 1}, "setting": "mono"}


def made(folder, seeds):
    contrasts = [*synthetic.CONTRASTS, CONTRAST | {"metric": "nDCG@10", "pair_set": "pool"}]
    study = synthetic.study(
        benchmarks={"cldr": {}, "miracl": {"seeds": seeds}},
        statistics={"resamples": 200, "contrasts": contrasts},
    )
    files, grid = synthetic.write(folder, study), Grid(study)
    for run, checkpoint in grid.scored("miracl"):
        files[run.path, checkpoint, "miracl"] = str(folder / run.path / checkpoint / "miracl.parquet")
        list_scores(run.path).save(files[run.path, checkpoint, "miracl"])
    return study, grid, files


@pytest.fixture(scope="module", params=[[2], None], ids=["one seed", "all seeds"])
def study(request, tmp_path_factory):
    found = made(tmp_path_factory.mktemp("lists"), request.param)
    tables = all_tables(*found)
    tables["claims"] = claims_table(*found, diversity=tables["diversity"])
    return *found, tables, request.param or [1, 2, 3, 4]


def values_of(grid, row, seeds):
    """{seed: scores} of the runs behind a row."""
    names = ("model", "sampler", "budget", "n_languages")
    cells = [c for c in grid.cells if all(getattr(c, name) == row[name] for name in names)]
    return {c.seed: list_scores(c.run.path) for c in cells if c.seed in seeds}


def test_rows_are_means_of_the_runs_that_were_scored(study):
    _, grid, _, made, seeds = study
    sets = {"all": set(ASKED), "pool": {"ar", "en"}, "heldout": {"nl"}}
    table = made["scaling"][made["scaling"]["benchmark"] == "miracl"]
    assert BM25 not in set(table["model"]) and set(table["setting"]) == {"mono"}
    assert {*zip(table["metric"], table["pair_set"], strict=True)} == {(m, p) for m in LISTED for p in sets}
    languages = made["languages"][made["languages"]["benchmark"] == "miracl"]
    assert set(languages["query_language"]) == set(ASKED)
    for row in [*table.to_dict("records"), *languages.to_dict("records")]:
        asked = sets[row["pair_set"]] if row["query_language"] == "all" else {row["query_language"]}
        means = []
        for of in values_of(grid, row, seeds).values():
            values = pd.Series(of.table[row["metric"]]).groupby(of.queries["language"])
            each = values.mean()[sorted(asked)]
            sums = (each * values.size()[sorted(asked)]).sum() / sum(ASKED[code] for code in asked)
            means.append(each.mean() if row["average"] == "macro" else sums)
        assert len(means) == row["n_runs"] == len(seeds)
        assert row["value"] == pytest.approx(np.mean(means)), row
        assert row["n_queries"] == sum(ASKED[code] for code in asked)
        assert np.isnan(row["ci_low"]) == (len(seeds) < 4) and not np.isnan(row["runs_ci_low"])
    assert set(table["n_languages"]) == {0, 1, 3} and (table["candidate_text"] == "title + passage").all()


def test_contrasts_are_of_ndcg_in_mono(study):
    _, grid, _, made, seeds = study
    table = made["contrasts"][made["contrasts"]["benchmark"] == "miracl"]
    assert set(table["metric"]) == {"nDCG@10"} and set(table["setting"]) == {"mono"}
    assert (table["n_runs"] == len(seeds)).all() and BM25 not in set(table["reference_model"])
    declared = table[table["family"] == "primary"]
    assert len(declared) == 1 and declared["pair_set"].tolist() == ["pool"]
    row = declared.iloc[0]
    sides = []
    for side in ("cell_", "reference_"):
        names = {name: row[side + name] for name in ("model", "sampler", "budget", "n_languages")}
        of = values_of(grid, names, seeds)
        sides.append(
            [s.table["nDCG@10"][:30].mean() / 2 + s.table["nDCG@10"][30:50].mean() / 2 for s in of.values()]
        )
    assert row["difference"] == pytest.approx(np.mean(sides[0]) - np.mean(sides[1]))
    assert np.isnan(row["p"]) == (len(seeds) < 4)


def test_the_other_benchmark_is_untouched(study, tmp_path):
    study, _, files, made, _ = study
    alone = study.model_copy(update={"benchmarks": {"cldr": study.benchmarks["cldr"]}})
    expected = all_tables(alone, Grid(alone), files)
    for name in set(made) - {"runs", "contrasts", "claims"}:  # families of p values span benchmarks
        rows = made[name][made[name]["benchmark"] == "cldr"].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, expected[name], check_dtype=False)
    assert set(made["shares"]["benchmark"]) == {"cldr"} == set(made["transfer"]["benchmark"])


def test_a_study_of_lists_alone_has_all_tables(study, tmp_path):
    study, _, files, _, _ = study
    alone = study.model_copy(update={"benchmarks": {"miracl": study.benchmarks["miracl"]}})
    found = all_tables(alone, Grid(alone), files)
    found["claims"] = claims_table(alone, Grid(alone), files, diversity=found["diversity"])
    for name, table in found.items():
        write_table(table, tmp_path, name)
    assert all(
        "nDCG@10" in (tmp_path / f"{name}.md").read_text() for name in ("main", "scaling", "contrasts")
    )
    found["published"] = comparison.compare(alone, found["scaling"], found["languages"])[0]
    drawn = [
        "gain",
        "scaling-mono",
        "scaling-cross",
        "scaling-multi",
        "tradeoff",
        "bias",
        "gaps",
        "transfer",
        "matrix",
    ]
    for name, figure in all_figures(found, pd.DataFrame(), alone.languages.pool, drawn):
        save(figure, tmp_path, name)
    assert layouts.ends(found["languages"]).shape == (1, 1)
    assert found["shares"].empty and found["transfer"].empty and len(found["main"]) > 8


def test_runs_of_other_seeds_and_bm25_are_left_out():
    study = synthetic.study(
        benchmarks={"cldr": {"seeds": [3]}, "hard": {"set": "miracl-hard", "seeds": [1, 4]}}
    )
    grid = Grid(study)
    assert {run.seed for run, _ in grid.scored("hard")} == {1, 4}
    assert {run.seed for run, _ in grid.scored("cldr")} == {0, 3}  # BM25 has no seed
    assert [run.model for run, _ in grid.scored("cldr")].count(BM25) == 1
    assert {run.seed for run, _ in grid.scored()} == {0, 1, 2, 3, 4}
    for key, value, message in (
        ("seeds", [5], "benchmarks.miracl.seeds: found 5; there are 1 to 4"),
        (
            "languages",
            ["sw"],
            "benchmarks.miracl.languages: found sw; it is not in languages.pool or languages.heldout",
        ),
    ):
        with pytest.raises(UserError, match=message):
            synthetic.study(benchmarks={"miracl": {key: value}})


# --- all jobs in a row, as the workflow runs them


def brute_force(folder, encoder, k):
    """Every vector in memory, every score in float64: lists of the rows of candidates.parquet."""
    questions = pd.read_parquet(folder / "benchmark/questions.parquet")
    candidates = pd.read_parquet(folder / "benchmark/candidates.parquet")
    asked, given = (embedding.embed(encoder, Tokens.load(folder / "tokens" / s)) for s in embedding.SIDES)
    lists = np.full((len(questions), k), -1)
    for q, code in enumerate(questions["language"]):
        pool = np.flatnonzero(candidates["language"] == code)
        order = np.argsort(-(given[pool].astype(float) @ asked[q].astype(float)), kind="stable")[:k]
        lists[q, : len(order)] = pool[order]
    return lists


def test_from_raw_files_to_scores(tmp_path, monkeypatch):
    toy = world(tmp_path / "toy")
    pairs, passages = tables(pairs=130, languages=("sw", "yo"))
    for code in ("sw", "yo"):
        mine = passages[passages["language"] == code].head(130 if code == "sw" else 90)
        its = pairs[pairs["language"] == code].head(40)
        rows = list(zip(mine["passage_id"], ["t"] * len(mine), mine["text"], strict=True))
        put(tmp_path / "mirror", f"{code}-corpus", rows, ("_id", "title", "text"), shards=2)
        put(tmp_path / "mirror", f"{code}-queries", list(its[["pair_id", "query"]].values), ("_id", "text"))
        judged = [(q, p, 1) for q, p in its[["pair_id", "passage_id"]].values]
        put(tmp_path / "mirror", f"{code}-qrels", judged, ("query-id", "corpus-id", "score"))
    fetched(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shards, "GROUP", 8)
    monkeypatch.setattr(miracl, "RUN", 32)
    options = {"name": "miracl", "languages": ["sw", "yo"], "questions": None, "options": {}}
    options |= {"section": {}, "where": {}}
    Path("listing.json").write_text("{}")
    script("benchmark.py", options, {"raw": "listing.json"}, {"data": "benchmark", "census": "census"})
    told = {"kind": "corpus", "model": MODEL.model_dump()}
    script("tokens.py", told, {"base": toy.base, "texts": "benchmark"}, {"data": "tokens"})
    assert len(Tokens.load("tokens/candidates")) == 220
    asked = {"base": toy.base, "tokens": "tokens", "benchmark": "benchmark"}
    initial = {"name": "tiny", "seed": 1}
    params = {"initial": initial, "model": MODEL.model_dump(), "threads": 1, "top_k": 100}
    output = {"rankings": "rankings/miracl", "similarity": "rankings/miracl-similarity"}

    encoder, lists = Encoder.initial(toy.base, "tiny", MODEL, 1), []
    for shard in (8, 64, 1000):  # 17 + 12 shards, 3 + 2, 1 + 1
        monkeypatch.setattr(shards.search_corpus, "__defaults__", (shard,))
        shutil.rmtree("rankings", ignore_errors=True)
        script("search.py", params, asked, output)
        lists.append([np.load(f"{path}.npy") for path in output.values()])
        assert not Path("rankings/.unfinished").exists()
    for found in lists[1:]:
        np.testing.assert_array_equal(found[0], lists[0][0])
        np.testing.assert_array_equal(found[1], lists[0][1])
    with monkeypatch.context() as patch:
        patch.setattr(partial, "remove_states", lambda output: None)
        for threads in (1, 2, 2):  # bits of vectors depend on it
            shutil.rmtree("rankings/.made", ignore_errors=True)
            script("search.py", params | {"threads": threads}, asked, output)
        assert len(list(Path("rankings/.unfinished/miracl.json").iterdir())) == 2
    partial.remove_states("rankings/miracl.json")
    # texts that are embedded in other groups differ in the last bits, so near scores may change places
    expected = brute_force(tmp_path, encoder, 100)
    assert (lists[0][0] == expected).mean() > 0.98 and (lists[0][0][40:, 90:] == -1).all()
    given = {"benchmark": "benchmark", "rankings": "rankings/miracl.json"}
    script("score_lists.py", {}, given, {"scores": "scores"})
    found, corpus = scores.load("scores.parquet"), Corpus.load("benchmark")
    assert found.languages == ("sw", "yo") and len(found.queries) == 80 and LENGTH == 16
    for q, (row,) in enumerate(corpus.relevant):
        place = list(lists[0][0][q]).index(row) + 1 if row in lists[0][0][q] else 0
        assert found.table["R@100"][q] == (place > 0)
        assert found.table["nDCG@10"][q] == pytest.approx(1 / np.log2(place + 1) if 0 < place <= 10 else 0)


def test_a_shard_may_not_cut_a_group():
    with pytest.raises(ValueError, match="a shard begins at row 8; right: a multiple of 16384"):
        shards.embedded(None, "nowhere")(8, 9)
