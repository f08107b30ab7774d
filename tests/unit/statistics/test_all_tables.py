"""Tables of a planted study against direct computation, question by question."""

import itertools

import numpy as np
import pandas as pd
import pytest
from support import synthetic_study as synthetic
from support.slow_tables import BIAS, RELEVANCE, SETS, intervals, runs_of, slow
from support.synthetic_study import LANGUAGES

from langscale.reporting import layouts
from langscale.retrieval.measures import MEASURES
from langscale.statistics import all_tables
from langscale.statistics.multiple_testing import benjamini_hochberg, holm


@pytest.fixture(scope="module", params=[True, False], ids=["parallel", "partly parallel"])
def made(request, tmp_path_factory):
    return synthetic.Made(tmp_path_factory.mktemp("scores"), request.param)


def test_every_pair_set_value_equals_the_mean_of_its_questions(made):
    table = made.tables["scaling"]
    rows = table[(table["status"] == "all") & (table["checkpoint"] == "last")]
    for row in rows.sample(150, random_state=1).to_dict("records"):
        asked, offered = SETS[row["pair_set"]]
        other = row["candidate_language"] == "other"
        found = [
            slow(made.scores[run.path, "last"], row["setting"], row["metric"], asked, offered, other,
                      average=row["average"])
            for run in runs_of(made, row).values()
        ]  # fmt: skip
        assert row["value"] == pytest.approx(np.mean([value for value, _ in found]), abs=1e-12), row
        assert row["n_queries"] == found[0][1] and row["n_runs"] == len(found)


def test_there_is_a_row_for_every_setting_pair_set_metric_and_point(made):
    table = made.tables["scaling"]
    table = table[
        (table["status"] == "all") & (table["average"] == "macro") & (table["checkpoint"] == "last")
    ]
    keys = ["setting", "pair_set", "metric", "candidate_language"]
    wanted = {
        (setting, pair_set, metric, "all")
        for setting, pair_set, metric in itertools.product(("mono", "cross", "multi"), SETS, RELEVANCE)
        if (setting != "mono" or "-" not in pair_set) and (metric != "relevant" or setting == "multi")
    }
    wanted |= {("multi", "all", metric, other) for metric in RELEVANCE for other in ("all", "other")}
    wanted |= {("multi", "all", metric, "all") for metric in BIAS}
    counts = table.groupby(keys).size()
    assert set(counts.index) == wanted
    assert set(counts) == {6}  # two samplers at two n, untrained, BM25
    points = table[["sampler", "n_languages", "n_runs"]].drop_duplicates()
    assert sorted(points.itertuples(index=False, name=None)) == [
        ("hybrid", 1, 4), ("hybrid", 3, 4), ("none", 0, 1), ("untrained", 0, 4), ("x-y", 1, 4), ("x-y", 3, 4)
    ]  # fmt: skip


def test_micro_stands_beside_macro_exactly_where_they_differ(made):
    table = made.tables["scaling"]
    micro = table[table["average"] == "micro"]
    if len(synthetic.questions(True)) == len(made.scores[made.grid.runs[0].path, "last"].queries):
        assert micro.empty
    else:
        both = table[table["status"] == "all"].pivot_table(
            index=["sampler", "n_languages", "setting", "pair_set", "metric", "candidate_language"],
            columns="average", values="value",
        ).dropna()  # fmt: skip
        assert len(both) > 200 and ((both["macro"] - both["micro"]).abs() > 1e-4).mean() > 0.5


@pytest.mark.parametrize(
    "setting, metric, pair_set", [("cross", "mAP", "heldout-pool"), ("mono", "R@1", "pool")]
)
def test_intervals_equal_a_loop_over_resamples(made, setting, metric, pair_set):
    table = made.tables["scaling"]
    wanted = {
        "setting": setting,
        "metric": metric,
        "pair_set": pair_set,
        "status": "all",
        "checkpoint": "last",
    }
    rows = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    assert set(rows["sampler"]) == {"x-y", "hybrid", "untrained", "none"}
    for row in rows[rows["n_languages"] != 1].to_dict("records"):
        units = [{run.path: 1.0} for run in runs_of(made, row).values()]
        expected = intervals(made, units, setting, metric, pair_set, row["average"])[:5]
        got = [row[name] for name in ("value", "ci_low", "ci_high", "runs_ci_low", "runs_ci_high")]
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_no_interval_leaves_the_range_of_its_measure(made):
    for name in ("scaling", "languages", "pairs", "ranks", "bias", "shares", "transfer"):
        table = made.tables[name]
        low, high = (
            table["metric"].map({m.name: getattr(m, end) for m in MEASURES.values()})
            for end in ("low", "high")
        )
        for kind in ("ci", "runs_ci"):
            known = table[table[f"{kind}_low"].notna()]
            assert len(known) > 10 or name == "pairs"
            assert (known[f"{kind}_low"] >= low[known.index] - 1e-12).all(), name
            assert (known[f"{kind}_high"] <= high[known.index] + 1e-12).all(), name
            assert (known[f"{kind}_low"] <= known["value"] + 1e-12).all()
            assert (known["value"] <= known[f"{kind}_high"] + 1e-12).all()


def test_declared_contrasts_are_paired_by_replicate_and_adjusted_in_their_family(made):
    table = made.tables["contrasts"]
    declared = table[table["family"] != "exploratory"]
    names = ["cell_sampler", "reference_sampler", "setting", "metric", "pair_set", "family", "average"]
    assert sorted(declared[names].itertuples(index=False, name=None)) == [
        ("hybrid", "hybrid", "cross", "mAP", "pool", "primary", "macro"),
        ("x-y", "hybrid", "mono", "mAP", "all", "primary", "macro"),
        ("x-y", "none", "multi", "rank distance", "all", "bias", "macro"),
        ("x-y", "untrained", "multi", "R@10", "all", "primary", "macro"),
    ]
    for row in declared.to_dict("records"):
        cell, reference = (runs_of(made, row, f"{side}_") for side in ("cell", "reference"))
        pairs = [(cell[seed], reference[0] if 0 in reference else reference[seed]) for seed in cell]
        units = [{a.path: 1.0, b.path: -1.0} for a, b in pairs]
        expected = intervals(made, units, row["setting"], row["metric"], row["pair_set"], "macro")
        got = [row[n] for n in ("difference", "ci_low", "ci_high", "runs_ci_low", "runs_ci_high", "p")]
        np.testing.assert_allclose(got, expected, rtol=1e-7)
        assert row["n_runs"] == 4 and row["candidate_language"] == "all"
    for family, method in (("primary", holm), ("bias", holm), ("exploratory", benjamini_hochberg)):
        rows = table[table["family"] == family]
        np.testing.assert_allclose(rows["p_adjusted"], method(rows["p"]), rtol=1e-12)
    assert len(table[table["family"] == "primary"]) == 3


def test_no_difference_is_taken_twice_nor_a_run_from_itself(made):
    table = made.tables["contrasts"]
    what = ["setting", "metric", "pair_set", "candidate_language", "average"]
    sides = [
        [f"{side}_{name}" for name in ("model", "sampler", "n_languages")] for side in ("cell", "reference")
    ]
    seen = set()
    for row in table.to_dict("records"):
        pair = frozenset(tuple(row[name] for name in side) for side in sides)
        key = (pair, *(row[name] for name in what))
        assert len(pair) == 2 and key not in seen
        seen.add(key)
    assert (table["n_runs"] == 4).all()
    # the samplers at n = 1 are aliases: no row compares them
    at_one = table[(table["cell_n_languages"] == 1) & (table["reference_n_languages"] == 1)]
    assert at_one.empty


def test_margins_are_the_smaller_of_a_hundredth_and_a_twentieth_of_the_reference(made):
    scaling, table = (made.tables[name] for name in ("scaling", "contrasts"))
    point = ["model", "sampler", "n_languages"]
    what = ["setting", "metric", "pair_set", "candidate_language", "average"]
    values = scaling[scaling["status"] == "all"].set_index([*point, *what])["value"]
    for row in table[table["metric"].isin(["mAP", "own before other", "rank distance"])].to_dict("records"):
        reference = values[tuple([row[f"reference_{n}"] for n in point] + [row[n] for n in what])]
        share = 0.05 * reference
        assert row["margin"] == pytest.approx(share if row["metric"] == "rank distance" else min(0.01, share))
    assert table.loc[table["metric"] == "mAP", "margin"].between(0, 0.01).all()


def test_status_follows_what_each_run_was_trained_on(made):
    table = made.tables["scaling"]
    rows = table[(table["status"] != "all")]
    assert set(rows["metric"]) == {"mAP"}
    found = {(r["sampler"], r["n_languages"], r["setting"], r["status"]) for r in rows.to_dict("records")}
    assert ("untrained", 0, "mono", "unseen-unseen") in found
    assert not {f for f in found if f[1] == 0 and f[3] != "unseen-unseen"}
    assert ("x-y", 1, "cross", "seen-seen") not in found  # one language has no pair
    assert {
        ("x-y", n, "cross", s) for n in (1, 3) for s in ("seen-unseen", "unseen-seen", "unseen-unseen")
    } < found
    for row in rows.sample(40, random_state=2).to_dict("records"):
        found = []
        for run in runs_of(made, row).values():
            unseen = tuple(code for code in LANGUAGES if code not in run.languages)
            asked, offered = ({"seen": run.languages, "unseen": unseen}[s] for s in row["status"].split("-"))
            scores = made.scores[run.path, "last"]
            found.append(slow(scores, row["setting"], "mAP", asked, offered, average=row["average"]))
        assert row["value"] == pytest.approx(np.mean([v for v, _ in found])), row
        assert row["n_queries"] == round(np.mean([n for _, n in found]))


def test_tables_by_language_pair_and_group(made):
    last = made.scores[made.grid.runs[0].path, "last"]  # BM25
    assert made.grid.runs[0].model == "bm25"

    def rows(name, **wanted):
        table = made.tables[name]
        wanted |= {"model": "bm25"}
        return table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]

    for x, y in itertools.product(LANGUAGES, LANGUAGES):
        setting = "mono" if x == y else "cross"
        expected, n = slow(last, setting, "mAP", (x,), (y,))
        found = rows("pairs", query_language=x, candidate_language=y, setting=setting)
        assert found["value"].tolist() == [pytest.approx(expected)] and found["n_queries"].tolist() == [n]
    for code, (setting, metric) in itertools.product(
        LANGUAGES, [("mono", "mAP"), ("cross", "mAP"), ("multi", "mAP"), ("multi", "mAP@20")]
    ):
        found = rows("languages", query_language=code, setting=setting, metric=metric, average="macro")
        assert found["value"].tolist() == [pytest.approx(slow(last, setting, metric, (code,), LANGUAGES)[0])]
    transfer = made.tables["transfer"]
    groups = transfer[["grouping", "group", "languages", "group_in_pool"]].drop_duplicates()
    assert list(groups.itertuples(index=False, name=None)) == [
        ("script", "Latn", "nl", True),
        ("script", "Grek", "el", False),
        ("branch", "Germanic", "nl", True),
        ("branch", "Greek", "el", False),
    ]
    pool = ("en", "de", "ar")
    for pair_set, asked, offered in (("pool-heldout", pool, ("el",)), ("heldout-pool", ("el",), pool)):
        found = rows("transfer", group="Greek", pair_set=pair_set, setting="cross", average="macro")
        expected = slow(last, "cross", "mAP", asked, offered)[0]
        assert found["value"].tolist() == [pytest.approx(expected)]


def slow_share(scores, group, ratio):
    """Mean over question languages of what a group of candidate languages has of the first 10 of their
    questions.
    """
    by_language = {}
    for q, code in enumerate(scores.queries["language"]):
        counted = [i for i, c in enumerate(LANGUAGES) if c in group(code)]
        share = sum(int(scores.top_10[q, i]) for i in counted) / 10
        blind = sum(6 + 3 * i for i in counted) / 60
        by_language.setdefault(code, []).append(share / blind if ratio else share)
    return np.mean([np.mean(values) for values in by_language.values()])


def test_shares_of_the_first_ten_are_counted_and_have_both_intervals(made):
    """Own, other pool, other held-out and every candidate language, question by question, and their
    intervals.
    """
    table = made.tables["shares"]
    pool, heldout = {"en", "de", "ar"}, {"nl", "el"}
    groups = {
        ("all", "own"): lambda code: {code},
        ("all", "other-pool"): lambda code: pool - {code},
        ("all", "other-heldout"): lambda code: heldout - {code},
    } | {("all", c): lambda code, c=c: {c} for c in LANGUAGES}
    rows = table[(table["checkpoint"] == "last") & (table["average"] == "macro")]
    found = rows.groupby(["pair_set", "candidate_language"]).size()
    assert set(found.index) == set(groups) and set(found) == {2 * 6}  # two metrics, six points
    questions = len(next(iter(made.scores.values())).queries)
    for row in rows.to_dict("records"):
        group = groups[row["pair_set"], row["candidate_language"]]
        values = [
            slow_share(made.scores[run.path, "last"], group, row["metric"] == "share@10 ratio")
            for run in runs_of(made, row).values()
        ]
        assert row["value"] == pytest.approx(np.mean(values)) and row["n_runs"] == len(values)
        assert row["n_queries"] == questions
    trained = rows[rows["n_languages"] > 0]
    for low, high in (("ci_low", "ci_high"), ("runs_ci_low", "runs_ci_high")):
        assert (trained[low] < trained["value"]).all() and (trained["value"] < trained[high]).all()


def test_scores_without_counts_have_no_shares(made, tmp_path):
    """Files of before they were kept."""
    files = {}
    for i, (key, file) in enumerate(made.files.items()):
        table = pd.read_parquet(file)
        old = table.loc[:, ~table.columns.str.match("top 10: |candidates: ")]
        assert len(table.columns) == len(old.columns) + 2 * len(LANGUAGES)
        files[key] = str(tmp_path / f"{i}.parquet")
        old.to_parquet(files[key], index=False)
    found = all_tables.all_tables(made.study, made.grid, files)
    assert found["shares"].empty and list(found["shares"]) == list(made.tables["shares"])
    pd.testing.assert_frame_equal(found["scaling"], made.tables["scaling"])


def test_runs_name_the_aliases(made):
    runs = made.tables["runs"]
    assert runs.loc[runs["alias"], ["sampler", "n_languages"]].drop_duplicates().values.tolist() == [
        ["hybrid", 1]
    ]
    assert runs["alias"].sum() == 4 and runs["run"].nunique() == len(runs) - 4


def test_main_has_the_largest_n_and_the_baselines_by_setting(made):
    main = made.tables["main"]
    assert set(main["n_languages"]) == {0, 3} and set(main["status"]) == {"all"} == set(main["pair_set"])
    macro = main[main["average"] == "macro"]
    assert not macro.duplicated(["sampler", "setting", "metric"]).any()
    assert {tuple(pair) for pair in macro[["setting", "metric"]].values} >= set(layouts.MAIN)


def test_each_checkpoint_has_its_scores_and_the_last_is_confirmatory(tmp_path):
    made = synthetic.Made(tmp_path, True, training={"validation": {"every": 3}})
    contrasts = made.tables["contrasts"]
    assert set(contrasts["checkpoint"]) == {"last", "best"}
    assert set(contrasts.loc[contrasts["family"] != "exploratory", "checkpoint"]) == {"last"}
    exploratory = contrasts[contrasts["family"] == "exploratory"]  # of both checkpoints, adjusted together
    np.testing.assert_allclose(exploratory["p_adjusted"], benjamini_hochberg(exploratory["p"]), rtol=1e-12)
    wanted = {
        "setting": "mono",
        "pair_set": "all",
        "metric": "mAP",
        "sampler": "hybrid",
        "n_languages": 3,
        "status": "all",
    }
    rows = made.tables["scaling"]
    rows = rows[(rows[list(wanted)] == pd.Series(wanted)).all(axis=1)].set_index("checkpoint")["value"]
    paths = [c.run.path for c in made.grid.cells if (c.sampler, c.n_languages) == ("hybrid", 3)]
    for checkpoint in ("last", "best"):
        values = [slow(made.scores[path, checkpoint], "mono", "mAP", *SETS["all"])[0] for path in paths]
        assert rows[checkpoint] == pytest.approx(np.mean(values))


def test_processes_side_by_side_make_the_same_tables(made):
    found = all_tables.all_tables(made.study, made.grid, made.files, 3)
    alone = all_tables.all_tables(made.study, made.grid, made.files)
    assert list(found) == list(alone)
    for name, table in alone.items():
        pd.testing.assert_frame_equal(found[name], table)


def test_cut_vectors_stand_in_tables_as_a_model_and_leave_the_rows_of_the_whole_ones(tmp_path):
    bert, short = {"architecture": {"model_type": "bert"}}, {"resamples": 100}
    few = {"grid": [{"samplers": ["x-y"], "n": [1, 3]}], "statistics": short}
    plain, cut = (
        synthetic.Made(tmp_path / name, True, models={"tiny": bert | more}, **few)
        for name, more in (("plain", {}), ("cut", {"dimensions": [8]}))
    )
    for name, table in plain.tables.items():
        both, column = cut.tables[name], "cell_model" if "cell_model" in table else "model"
        assert list(both.columns) == list(table.columns)
        if len(table):
            assert "tiny@8" in set(both[column]), name
        kept = both[both[column] != "tiny@8"].reset_index(drop=True)
        # which grows with the number of tests, but for claims: those are of the whole vectors
        loose = [c for c in table if c.startswith("p_adjusted") and name != "claims"]
        pd.testing.assert_frame_equal(kept.drop(columns=loose), table.drop(columns=loose))
    contrasts = cut.tables["contrasts"]
    between = contrasts[(contrasts["cell_model"] == "tiny@8") & (contrasts["reference_model"] == "tiny")]
    assert set(between["cell_n_languages"]) == {0, 1, 3} and set(between["family"]) == {"exploratory"}
    claims = cut.tables["claims"]
    assert set(claims.loc[claims["model"] == "tiny@8", "role"].dropna()) <= {"replication", ""}
