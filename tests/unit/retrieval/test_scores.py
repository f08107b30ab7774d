"""Scores in every setting against pools and rankings that are really built, candidate by candidate."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.made_benchmarks import make_benchmark, ranking, scores_of, write
from support.random_rankings import random_average_precision
from support.slow_tables import BIAS, RELEVANCE

from langscale.config.terms import SETTINGS
from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval.scores import Scores
from langscale.statistics.clusters import Clusters

# --- the slow way


def slow_metric(metric, places, size):
    """A metric from the places of the relevant candidates in a ranking of some size."""
    if not places:
        return math.nan
    if metric == "relevant":
        return len(places)
    name, _, cut = metric.partition("@")
    k = int(cut or size)
    if name == "R":
        return sum(place <= k for place in places) / len(places)
    if name == "nDCG":
        ideal = sum(1 / math.log2(i + 1) for i in range(1, min(len(places), k) + 1))
        return sum(1 / math.log2(place + 1) for place in places if place <= k) / ideal
    hits = [len([p for p in places if p <= place]) / place for place in places if place <= k]
    return sum(hits) / min(len(places), k)


def slow_places(benchmark, qrels, similarity, setting, offered, other=False):
    """(question, pool's language, places of what counts, size of the pool): every pool is built and ranked.

    Relevant candidates that do not count are taken out of the pool.
    """
    language = benchmark.candidates["language"].tolist()
    row_of = {name: row for row, name in enumerate(benchmark.candidates["candidate_id"])}
    for q, question in enumerate(benchmark.queries.itertuples()):
        relevant = {
            row_of[c] for i, code, c in qrels if (i, code) == (question.question_id, question.language)
        }
        counted = {r for r in relevant if language[r] in offered}
        if other:
            counted = {r for r in counted if language[r] != question.language}
        others = [code for code in benchmark.languages if code != question.language]
        for code in {"mono": [question.language], "cross": others, "multi": [None]}[setting]:
            pool = [
                r for r in range(len(language)) if code in (None, language[r]) and r not in relevant - counted
            ]
            ranked = ranking(pool, similarity[q])
            yield q, code, [place for place, r in enumerate(ranked, 1) if r in counted], len(pool)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4), st.booleans(), st.booleans())
def test_every_setting_pair_set_and_metric_equals_building_the_pools(
    tmp_path_factory, seed, languages, ties, several
):
    rng = np.random.default_rng(seed)
    tables = make_benchmark(rng, languages, 5, several=several)
    benchmark = Benchmark.load(write(tmp_path_factory.mktemp("b"), tables))
    shape = len(benchmark.queries), len(benchmark.candidates)
    similarity = rng.integers(0, 5, shape).astype(np.float32) if ties else rng.random(shape, np.float32)
    scores, qrels = scores_of(benchmark, similarity), list(tables[2].itertuples(index=False))
    cases = [(setting, False) for setting in SETTINGS] + [("multi", True)]
    for setting, other in cases:
        for offered in (benchmark.languages, benchmark.languages[:1], benchmark.languages[1:]):
            keep = np.isin(benchmark.languages, offered)
            if other:
                keep = keep & (np.arange(len(keep)) != scores.own[:, None])
            slow = list(slow_places(benchmark, qrels, similarity, setting, offered, other))
            for metric in RELEVANCE:
                found = scores.values(setting, metric, keep)
                expected = np.full(found.shape, np.nan)
                for q, code, places, size in slow:
                    column = benchmark.languages.index(code) if setting == "cross" else 0
                    expected[q, column] = slow_metric(metric, places, size)
                np.testing.assert_allclose(
                    found, expected, rtol=1e-12, err_msg=f"{setting} {offered} {metric}"
                )


def slow_preference(place, code):
    """The measures of preference, complete@100 and max@R of one query, from its places."""

    def ahead(first, others):  # share of the others that are behind the first
        others = [place[other] for other in others if other in place and other != first]
        return np.mean([place[first] < other for other in others]) if first in place and others else math.nan

    every, english = list(place), code == "en"
    own = ahead(code, every)
    return [
        own,
        math.nan if math.isnan(own) else float(place[code] == min(place.values())),
        math.nan if english else ahead("en", [other for other in every if other != code]),
        math.nan if english else ahead("en", [code]),
        1 - own if english else math.nan,
        float(max(place.values()) <= 100) if place else math.nan,
        max(place.values()) if place else math.nan,
    ]


def test_language_bias_equals_plain_loops(tmp_path):
    rng = np.random.default_rng(5)
    tables = make_benchmark(rng, 4, 8)
    benchmark = Benchmark.load(write(tmp_path, tables))
    similarity = rng.random((len(benchmark.queries), len(benchmark.candidates)), np.float32)
    scores = scores_of(benchmark, similarity)
    row_of = {name: row for row, name in enumerate(benchmark.candidates["candidate_id"])}
    language = benchmark.candidates["language"].tolist()
    found = {metric: scores.values("multi", metric) for metric in BIAS}
    seen = 0
    for q, question in enumerate(benchmark.queries.itertuples()):
        mine = tables[2][(tables[2]["question_id"] == question.question_id)]
        ranked = ranking(range(len(language)), similarity[q])
        names = mine.loc[mine["language"] == question.language, "candidate_id"]
        place = {language[row_of[name]]: ranked.index(row_of[name]) + 1 for name in names}
        distance = max(place.values()) - min(place.values()) if len(place) > 1 else math.nan
        # (R - 1) / (R + 1) (N + 1) is the mean distance of R places drawn from N
        chance = (len(place) - 1) / (len(place) + 1) * (len(ranked) + 1)
        ratio = math.log(distance / chance) if len(place) > 1 else math.nan
        for column, code in enumerate(benchmark.languages):
            assert scores.values("multi", "rank")[q, column] == place.get(code) or code not in place
        preferred = slow_preference(place, question.language)
        own = place.pop(question.language, math.nan)
        advantage = np.median(list(place.values())) - own if place else math.nan
        share = sum(language[r] == question.language for r in ranked[:2]) / 2
        expected = [
            *preferred,
            distance,
            ratio,
            advantage,
            float(language[ranked[0]] == question.language),
            share,
            share,
        ]
        np.testing.assert_allclose([found[m][q, 0] for m in BIAS], expected)
        seen += not math.isnan(distance + advantage)
    assert seen > 5


def test_partially_parallel_data_asks_only_what_has_an_answer(tmp_path):
    """As in MLQA-R: a query exists in some languages, and a pair (X, Y) uses those with a candidate in Y."""
    asked = [("a", "en"), ("a", "de"), ("b", "en"), ("b", "zh"), ("c", "en")]
    exists = {"a": ("en", "de"), "b": ("en", "zh"), "c": ("en",)}
    questions = pd.DataFrame(asked, columns=["question_id", "language"]).assign(cluster="p", text="t")
    candidates = pd.DataFrame([(f"{c}-{q}", c) for q, codes in exists.items() for c in codes])
    candidates = candidates.set_axis(["candidate_id", "language"], axis=1).assign(key="k", text="t")
    qrels = pd.DataFrame([(q, c, f"{other}-{q}") for q, c in asked for other in exists[q]])
    qrels = qrels.set_axis(["question_id", "language", "candidate_id"], axis=1)
    benchmark = Benchmark.load(write(tmp_path, (questions, candidates, qrels)))
    assert benchmark.languages == ("de", "en", "zh")
    similarity = np.zeros((5, 5), np.float32)  # all tie: the pool order decides
    scores = scores_of(benchmark, similarity)
    cross = scores.values("cross", "mAP")
    assert (~np.isnan(cross)).tolist() == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
        [False, True, False],
        [False, False, False],
    ]
    assert scores.values("multi", "relevant")[:, 0].tolist() == [2, 2, 2, 2, 1]
    assert not np.isnan(scores.values("mono", "mAP")).any()
    sums = Clusters(benchmark.queries, benchmark.languages)
    every = np.arange(3)
    cells = sums.cells(cross)
    assert cells.counts.sum() == 4
    found = sums.add(cells, every, every)
    # units (de, en), (en, de), (en, zh), (zh, en), one question each: the English pool holds a, b, c in this
    # order
    assert found.queries == 4
    assert (found.sums.sum(0) / found.counts.sum(0)).mean() == pytest.approx((1 + 1 + 1 + 1 / 2) / 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # question c has no cross value
        scores.save(tmp_path / "scores.parquet")
    table = pd.read_parquet(tmp_path / "scores.parquet")
    assert table["cross mAP"].isna().tolist() == [False] * 4 + [True]


def test_a_random_ranking_is_worth_what_the_formula_says(tmp_path):
    """Multi, all languages: (pool of N, R relevant), macro over languages; and mean |R| is R."""
    rng = np.random.default_rng(0)
    benchmark = Benchmark.load(write(tmp_path, make_benchmark(rng, 4, 40, parallel=True)))
    n = len(benchmark.candidates)
    means = []
    for _ in range(30):
        scores = scores_of(benchmark, rng.random((160, n), np.float32))
        means.append(np.nanmean(scores.values("multi", "mAP")))
        assert np.nanmean(scores.values("multi", "relevant")) == 4
    error = np.std(means, ddof=1) / math.sqrt(30)
    assert abs(np.mean(means) - random_average_precision(n, 4)) < 3 * error < 0.1 * np.mean(means)


def test_save_and_load_give_the_same_scores(tmp_path):
    rng = np.random.default_rng(1)
    benchmark = Benchmark.load(write(tmp_path, make_benchmark(rng, 3)))
    scores = scores_of(benchmark, rng.random((len(benchmark.queries), len(benchmark.candidates)), np.float32))
    scores.save(tmp_path / "s.parquet")
    again = Scores.load(tmp_path / "s.parquet")
    assert (again.languages, again.corpus_size) == (scores.languages, scores.corpus_size)
    assert again.queries.equals(scores.queries[["question_id", "cluster", "language"]])
    for name in ("by_language", "multi", "own_share", "top_10", "candidates"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scores, name))
    for setting, metric in (
        ("mono", "mAP"),
        ("cross", "R@10"),
        ("multi", "mAP@20"),
        ("multi", "rank distance"),
    ):
        np.testing.assert_array_equal(again.values(setting, metric), scores.values(setting, metric))


# --- sums by cluster and language


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_cluster_sums_equal_a_loop_and_ignore_the_order_of_rows(columns, seed):
    rng = np.random.default_rng(seed)
    q = 200
    questions = pd.DataFrame(
        {"cluster": [f"c{i}" for i in rng.integers(0, 20, q)], "language": rng.choice(["ar", "de", "zh"], q)}
    )
    values = rng.random((q, columns))
    values[rng.random((q, columns)) < 0.3] = np.nan
    values[(questions["language"] == "de").to_numpy(), 0] = np.nan  # a unit without questions
    clusters = Clusters(questions, ("ar", "de", "zh"))
    assert clusters.names == sorted(set(questions["cluster"]))
    asked, wanted = np.array([0, 1]), np.arange(columns)
    found = clusters.add(clusters.cells(values), asked, wanted)
    sums, counts, known = [], [], set()
    for language in ("ar", "de"):
        for column in range(columns):
            rows = [
                i
                for i in range(q)
                if questions["language"][i] == language and not np.isnan(values[i, column])
            ]
            if rows:
                known |= set(rows)
                parts = [
                    [values[i, column] for i in rows if questions["cluster"][i] == c] for c in clusters.names
                ]
                sums.append([sum(part) for part in parts])
                counts.append([len(part) for part in parts])
    np.testing.assert_allclose(found.sums, np.array(sums).T, atol=1e-12)
    np.testing.assert_array_equal(found.counts, np.array(counts).T)
    assert found.queries == len(known)
    order = rng.permutation(q)
    moved = Clusters(questions.iloc[order].reset_index(drop=True), ("ar", "de", "zh"))
    again = moved.add(moved.cells(values[order]), asked, wanted)
    np.testing.assert_allclose(again.sums, found.sums, atol=1e-12)
    assert clusters.add(clusters.cells(values), np.array([1]), np.array([0])) is None


def test_equal_counts_become_one_unit_with_the_same_macro_mean_in_every_resample():
    rng = np.random.default_rng(2)
    cluster = np.repeat([f"c{i}" for i in range(10)], 6)
    questions = pd.DataFrame({"cluster": cluster, "language": np.tile(["ar", "de", "en"], 20)})
    values = rng.random((60, 2))
    clusters = Clusters(questions, ("ar", "de", "en"))
    cells = clusters.cells(values)
    found = clusters.add(cells, np.arange(3), np.arange(2))
    assert found.sums.shape == found.counts.shape == (10, 1) and found.queries == 60
    for _ in range(20):
        weights = rng.multinomial(10, np.full(10, 0.1))
        units = np.tensordot(weights, cells.sums, 1) / np.tensordot(weights, cells.counts, 1)
        assert weights @ found.sums[:, 0] / (weights @ found.counts[:, 0]) == pytest.approx(units.mean())


def test_several_relevant_candidates_are_saved_and_loaded(tmp_path):
    rng = np.random.default_rng(3)
    benchmark = Benchmark.load(write(tmp_path, make_benchmark(rng, 3, 6, several=True)))
    assert benchmark.relevant.shape[1] == 9
    shape = len(benchmark.queries), len(benchmark.candidates)
    scores = scores_of(benchmark, rng.random(shape, np.float32))
    scores.save(tmp_path / "x.parquet")
    loaded = Scores.load(tmp_path / "x.parquet")
    for found, right in zip(loaded.every, scores.every, strict=True):
        assert (found == right).all()
    for setting in SETTINGS:
        for metric in RELEVANCE:
            np.testing.assert_array_equal(loaded.values(setting, metric), scores.values(setting, metric))
