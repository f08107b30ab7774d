"""Numbers of queries by language, against the planted queries."""

import numpy as np
import pandas as pd
import pytest
from support import synthetic_study as synthetic

from langscale.reporting.figures import style as drawing
from langscale.reporting.figures.query_counts import COUNTS, with_gap_counts, with_query_counts
from langscale.retrieval.measures import ENGLISH_PREFERENCE


@pytest.fixture(scope="module", params=[True, False], ids=["parallel", "ragged"])
def made(request, tmp_path_factory):
    found = synthetic.Made(tmp_path_factory.mktemp("counts"), request.param)
    scaling = with_query_counts(
        found.tables["scaling"], found.tables["languages"], found.study.languages.pool
    )
    return found, scaling, synthetic.questions(request.param)["language"].value_counts(), request.param


def query_codes(study, pair_set):
    sets = {"pool": study.languages.pool, "heldout": study.languages.heldout, "all": study.languages.all}
    return sets[pair_set.partition("-")[0]]


def test_every_row_has_its_languages_and_their_queries(made):
    made, scaling, questions, parallel = made
    rows = scaling[scaling["status"] == "all"]
    pd.testing.assert_frame_equal(scaling.drop(columns=COUNTS), made.tables["scaling"])
    assert len(rows) > 100
    for row in rows.to_dict("records"):
        codes = query_codes(made.study, row["pair_set"])
        if row["metric"] in [measure.name for measure in ENGLISH_PREFERENCE]:  # of a part of the languages
            assert row["n_queries"] < questions.sum() and np.isnan(row["n_queries_each"])
        elif parallel:
            assert (row["n_query_languages"], row["n_queries_each"]) == (len(codes), questions[codes].iloc[0])
            assert row["n_queries"] == row["n_query_languages"] * row["n_queries_each"]
        else:
            assert (
                questions[codes].nunique() > 1
                and np.isnan(row["n_query_languages"])
                and np.isnan(row["n_queries_each"])
            )


def test_languages_with_equal_counts_overall_may_differ_within_a_pair_set():
    """In cross, a query counts if it has a candidate; some queries have one in a held-out language only."""
    languages = pd.DataFrame(
        {"benchmark": "b", "setting": "cross", "query_language": ["de", "en"], "n_queries": 24}
    )
    table = {
        "benchmark": "b",
        "setting": "cross",
        "pair_set": ["pool-heldout", "pool"],
        "n_queries": [48, 40],
    }
    found = with_query_counts(pd.DataFrame(table), languages, ["de", "en"])
    np.testing.assert_array_equal(found[COUNTS], [[2, 24], [np.nan, np.nan]])


def test_a_group_of_held_out_languages_counts_its_own_queries(made):
    made, _, questions, parallel = made
    transfer = made.tables["transfer"]
    found = with_query_counts(transfer, made.tables["languages"], made.study.languages.pool)
    for row in found.to_dict("records"):
        codes = row["languages"].split() if row["pair_set"].startswith("heldout") else ["en", "de", "ar"]
        if parallel or (len(codes) == 1 and questions[codes[0]] == row["n_queries"]):
            assert (row["n_query_languages"], row["n_queries_each"]) == (len(codes), questions[codes].iloc[0])
        else:
            assert np.isnan(row["n_queries_each"])


def test_a_gap_counts_the_queries_of_both_sides_once(made):
    made, scaling, questions, parallel = made
    found = with_gap_counts(made.tables["gaps"], scaling)
    pd.testing.assert_frame_equal(found[made.tables["gaps"].columns], made.tables["gaps"])
    for row in found.to_dict("records"):
        codes = {*made.study.languages.pool, *query_codes(made.study, row["pair_set"])}
        if parallel:
            assert (row["n_query_languages"], row["n_queries_each"]) == (len(codes), synthetic.QUESTIONS)
        else:
            assert np.isnan(row["n_query_languages"]) and np.isnan(row["n_queries_each"])
        if parallel or row["setting"] == "mono":
            assert row["n_queries"] == questions[sorted(codes)].sum()


def test_titles_count_by_language_only_if_all_have_the_same_number(made):
    made, scaling, questions, parallel = made
    rows = drawing.headline(scaling, "mAP", "mono").query("pair_set == 'pool'")
    total = questions[made.study.languages.pool].sum()
    expected = "24 queries × 3 languages" if parallel else f"{total} queries"
    assert drawing.titled("pool", rows) == f"pool\n{expected}\n4 replicates"
    one = {
        "n_languages": [2, 4],
        "n_runs": [1, 1],
        "n_query_languages": [1, 1],
        "n_queries_each": [1190, 1190],
    }
    assert drawing.counts(pd.DataFrame(one)) == ["1,190 queries", "1 replicate"]
