"""Equivalence, the coarser clusters, and tables of single runs against direct computation, question by
question.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from support import synthetic_study as synthetic
from support.slow_tables import BIAS, SETS, slow
from support.synthetic_study import LANGUAGES

from langscale.statistics import intervals as S
from langscale.statistics.all_tables import panels


@pytest.fixture(scope="module", params=[True, False], ids=["parallel", "partly parallel"])
def made(request, tmp_path_factory):
    return synthetic.Made(tmp_path_factory.mktemp("scores"), request.param)


def test_equivalence_is_two_one_sided_tests_at_the_margin(made):
    table = made.tables["contrasts"]
    # a difference of 0 has p = 1 at any degrees of freedom
    for row in table[table["p"] < 0.999].sample(60, random_state=3).to_dict("records"):
        if row["metric"] == "own-language advantage":
            assert np.isnan(row["margin"]) and np.isnan(row["p_equivalent"])
            continue
        cells = made.tables["scaling"].query("status == 'all'")
        same = ("sampler", "n_languages", "setting", "metric", "pair_set", "candidate_language", "average")
        for name in (*same, "checkpoint"):
            cells = cells[cells[name] == row[f"reference_{name}" if f"reference_{name}" in row else name]]
        (cell,) = cells.to_dict("records")
        share = 0.05 * cell["value"]
        relative = row["metric"] == "rank distance" or share < 0.01
        assert row["margin"] == pytest.approx(share if relative else 0.01)
        # the interval is mean +- t(df) se, and p is of the same t: both give se, and df by search
        half = (row["ci_high"] - row["ci_low"]) / 2
        df = optimize.brentq(
            lambda df, row=row, half=half: (
                S.t_p(row["difference"], half / stats.t.ppf(0.975, df), df) - row["p"]
            ),
            1,
            1e6,
        )
        se = half / stats.t.ppf(0.975, df)
        sides = row["margin"] + row["difference"], row["margin"] - row["difference"]
        if relative:
            # the margin's own error counts: it is 5% of a mean whose error is at most its interval's half,
            # over 1.96
            most = np.nan_to_num(0.05 * (cell["ci_high"] - cell["ci_low"]) / 2 / 1.96)
            low, high = (
                max(stats.t.sf(side / np.hypot(se, e), df) for side in sides) for e in (most / 2, most)
            )
            assert min(low, high) - 1e-6 <= row["p_equivalent"] <= max(low, high) + 1e-6
        else:
            assert row["p_equivalent"] == pytest.approx(max(stats.t.sf(s / se, df) for s in sides), abs=1e-5)
    assert {"mAP", "rank distance", "own-language advantage"} <= set(table["metric"])


def test_a_benchmark_of_articles_has_articles_as_clusters(tmp_path):
    """XQuAD-R's record says so; scores without articles keep their paragraphs."""
    made = synthetic.Made(tmp_path, True, benchmarks={"xquad-r": {}}, statistics={"resamples": 100})
    (panel,) = [panel for *_, panel in panels(made.study, made.grid, made.files)]
    assert len(panel.clusters.names) == 4
    rows = made.tables["sensitivity"].query("cluster == 'group' and metric == 'mAP' and setting == 'multi'")
    scaling = made.tables["scaling"].query("metric == 'mAP' and setting == 'multi' and status == 'all'")
    same = scaling[(scaling["pair_set"] == "all") & (scaling["candidate_language"] == "all")]
    wide = rows[rows["reference_model"].isna() & (rows["pair_set"] == "all")]
    assert sorted(same["ci_low"].dropna()) == pytest.approx(sorted(wide["ci_low"].dropna()))
    for file in made.files.values():
        pd.read_parquet(file).drop(columns="group").to_parquet(file, index=False)
    (panel,) = [panel for *_, panel in panels(made.study, made.grid, made.files)]
    assert len(panel.clusters.names) == 12


def test_sensitivity_has_the_headline_under_both_clusterings(made):
    table = made.tables["sensitivity"]
    assert set(table["cluster"]) == {"cluster", "group"} and set(table["checkpoint"]) == {"last"}
    assert dict(table.groupby("cluster")["n_clusters"].first()) == {"cluster": 12, "group": 4}
    cells = table[table["reference_model"].isna()]
    assert len(table) > len(cells)
    fine, coarse = (table[table["cluster"] == name].reset_index(drop=True) for name in ("cluster", "group"))
    same = [
        name for name in table if name.split("_")[0] in ("cell", "reference", "value", "setting", "metric")
    ]
    pd.testing.assert_frame_equal(fine[same], coarse[same])
    assert (fine["ci_low"] - coarse["ci_low"]).abs().median() > 1e-4
    # with the cluster of the study, it is the same as everywhere else
    scaling = made.tables["scaling"].query(
        "checkpoint == 'last' and candidate_language == 'all' and status == 'all'"
    )
    points = ["model", "sampler", "n_languages", "setting", "pair_set", "metric", "average"]
    own = cells[cells["cluster"] == "cluster"].rename(columns={f"cell_{name}": name for name in points[:3]})
    both = own.merge(scaling, on=points, suffixes=("", "_scaling"))
    assert len(both) == len(own) > 40
    for name in ("value", "ci_low", "ci_high", "runs_ci_low"):
        np.testing.assert_allclose(both[name], both[f"{name}_scaling"], rtol=1e-9)
    declared = made.tables["contrasts"].query("family != 'exploratory'")
    found = fine[fine["reference_model"].notna() & (fine["average"] == "macro")]
    assert sorted(found["p"]) == pytest.approx(sorted(declared["p"])) and len(found) == 4


def test_seeds_average_to_the_cells(made):
    seeds = made.tables["seeds"]
    row = seeds[(seeds["metric"] == "mAP@20") & (seeds["sampler"] == "x-y") & (seeds["n_languages"] == 3)]
    row = row[(row["pair_set"] == "pool") & (row["checkpoint"] == "last")]
    assert sorted(row["seed"]) == [1, 2, 3, 4] and list(row["ladder"]) == [str(seed) for seed in row["seed"]]
    for found in row.to_dict("records"):
        run = next(
            c.run for c in made.grid.cells if (c.sampler, c.n_languages, c.seed) == ("x-y", 3, found["seed"])
        )
        expected = slow(made.scores[run.path, "last"], "multi", "mAP@20", *SETS["pool"])
        assert (found["value"], found["n_queries"]) == (pytest.approx(expected[0]), expected[1])
    keys = ["model", "sampler", "n_languages", "setting", "pair_set", "metric", "checkpoint"]
    mean = seeds.groupby(keys)["value"].mean()
    scaling = made.tables["scaling"].query(
        "average == 'macro' and candidate_language == 'all' and status == 'all'"
    )
    cells = scaling.set_index(keys)["value"].reindex(mean.index)
    np.testing.assert_allclose(mean, cells, rtol=1e-12)


def test_ranks_and_medians_equal_plain_loops(made):
    bm25 = made.grid.runs[0].path
    scores = made.scores[bm25, "last"]
    asked = scores.queries["language"].to_numpy()
    ranks = (
        made.tables["ranks"]
        .query("model == 'bm25' and average == 'macro'")
        .set_index("candidate_language")["value"]
    )
    assert list(ranks.index) == made.study.languages.all
    for column, code in enumerate(LANGUAGES):
        values = [scores.multi[asked == c, column] for c in LANGUAGES]
        assert ranks[code] == pytest.approx(np.mean([v[v > 0].mean() for v in values]))
    distances = [
        [max(r) - min(r) for r in ([x for x in row if x] for row in scores.multi[asked == c]) if len(r) > 1]
        for c in LANGUAGES
    ]
    bias = made.tables["bias"].query("model == 'bm25' and metric == 'median rank distance'")
    assert bias["value"].tolist() == [pytest.approx(np.mean([np.median(d) for d in distances]))]
    assert bias[["ci_low", "runs_ci_low"]].isna().all(axis=None)
    assert set(made.tables["bias"]["metric"]) == {*BIAS, "median rank distance"}


def test_without_coarser_clusters_there_is_no_sensitivity(tmp_path, monkeypatch):
    plain = synthetic.questions(True).drop(columns="group")
    monkeypatch.setattr(synthetic, "questions", lambda parallel: plain)
    assert synthetic.Made(tmp_path, True).tables["sensitivity"].empty
