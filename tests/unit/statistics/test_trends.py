"""The tables about n of a planted study against slow twins: slopes, variance components, entry, diversity."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support import synthetic_study as synthetic
from support.rendered_study import write_table
from support.slow_statistics import regression_with_dummies, slow_association

from langscale.design.grid import Grid
from langscale.retrieval.scores import Scores
from langscale.statistics.all_tables import OF_PANEL
from langscale.statistics.diversity import number, shared
from langscale.statistics.language_entry import status
from langscale.statistics.multiple_testing import adjusted, benjamini_hochberg
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import Quantity
from langscale.statistics.scaling_curves import scaling_curves
from langscale.statistics.score_tables import score_rows, score_table
from langscale.statistics.variance_components import components

CODES = ("ar", "de", "en", "hi", "nl", "ru", "th", "uk")
POOL, HELDOUT = ("en", "ar", "de", "hi", "ru", "th"), ("nl", "uk")
GRID = [
    {"samplers": ["x-x-mono", "x-y"], "n": [1, 2, 3, 6]},
    {"samplers": ["en-en"], "n": [1, 2]},
    {"samplers": ["x-y"], "n": [2, 3], "ladders": ["far"]},
]
STUDY = {
    "languages": {"pool": list(POOL), "heldout": list(HELDOUT)},
    "ladders": {"far": list(reversed(POOL))},
    "replicates": 10,
    "ladder_count": 5,
    "grid": GRID,
    "statistics": {"resamples": 120},  # all orders of five ladders
}


class Made:
    """A planted study of eight languages, ten replicates on five ladders, and its tables about scaling."""

    def __init__(self, folder, parallel, **changes):
        self.study = synthetic.study(**(STUDY | changes))
        self.grid = Grid(self.study)
        files = synthetic.write(folder, self.study, parallel)
        self.scores = {path: Scores.load(file) for (path, _, _), file in files.items()}
        self.panel = Panel(self.study, self.grid, self.scores)
        self.labels = {"benchmark": "cldr", "checkpoint": "last", "candidate_text": "card"}
        self.tables = {name: make(self.study, self.panel, self.labels) for name, make in OF_PANEL.items()}


@pytest.fixture(scope="module", params=[True, False], ids=["parallel", "partly parallel"])
def made(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, "LANGUAGES", CODES)
        yield Made(tmp_path_factory.mktemp("scores"), request.param)


def pair_means(made, path):
    """Mean AP by (question language, candidate language), question by question."""
    scores, found = made.scores[path], {}
    for q, code in enumerate(scores.queries["language"]):
        for column, other in enumerate(CODES):
            if scores.by_language[q, column]:
                found.setdefault((code, other), []).append(1 / scores.by_language[q, column])
    return {pair: np.mean(values) for pair, values in found.items()}


@pytest.fixture(scope="module")
def means(made):
    return {run.path: pair_means(made, run.path) for run in made.grid.runs}


def cells(made, sampler, ladder=None):
    return [
        c
        for c in made.grid.cells
        if c.sampler == sampler and c.n_languages and (ladder is None) == c.ladder.isdigit()
    ]


def pick(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


# --- ladders that several seeds share


def test_ladders_are_taken_in_turn(made):
    by_seed = {c.seed: c.ladder for c in cells(made, "x-y")}
    assert by_seed == {seed: str((seed - 1) % 5 + 1) for seed in range(1, 11)}
    without = Grid(synthetic.study(replicates=4))
    assert {c.seed: c.ladder for c in without.cells if c.n_languages} == {s: str(s) for s in range(1, 5)}
    # a run is its sorted languages and its seed: at n = 6 and 1 the ladder does not show
    runs = {(c.n_languages, c.seed): c.run for c in cells(made, "x-x-mono")}
    assert runs[6, 1].languages == runs[6, 2].languages == tuple(sorted(POOL)) and runs[6, 1] != runs[6, 6]
    assert runs[3, 1].languages == runs[3, 6].languages != runs[3, 2].languages


def test_replicates_of_a_ladder_are_one_in_every_interval(made):
    table = score_table(score_rows(made.panel, [Quantity("multi", "rank distance")], made.labels))
    table = table[table["average"] == "macro"]
    assert pick(table, sampler="untrained")["n_runs"] == 10  # no ladder
    row = pick(table, sampler="x-y", n_languages=3, ladder="all")
    assert row["n_runs"] == 5
    values = {}
    for c in cells(made, "x-y"):
        if c.n_languages == 3:
            scores = made.scores[c.run.path]
            per = pd.Series(scores.values("multi", "rank distance")[:, 0]).groupby(
                scores.queries["language"].to_numpy()
            )
            values.setdefault(c.ladder, []).append(per.mean().mean())
    assert row["value"] == pytest.approx(np.mean([np.mean(v) for v in values.values()]))


# --- slopes


def test_slopes_are_the_means_of_those_of_the_replicates(made, means):
    table = made.tables["trends"]
    assert set(table["sampler"]) == {"x-x-mono", "x-y"}  # en-en has nothing to follow
    for sampler, n, ladder in (
        ("x-x-mono", [1, 2, 3, 6], None),
        ("x-y", [2, 3, 6], None),
        ("x-y", [2, 3], "far"),
    ):
        run = {(c.n_languages, c.seed): c.run.path for c in cells(made, sampler, ladder)}
        where = [(x, y) for x in HELDOUT for y in POOL]
        y = np.array([[np.mean([means[run[k, s]][pair] for pair in where]) for k in n] for s in range(1, 11)])
        slopes = np.polyfit(np.log2(n), y.T, 1)[0].reshape(2, 5).mean(0)  # seeds s and s + 5 share a ladder
        row = pick(
            table, sampler=sampler, ladder=ladder or "all", setting="cross", pair_set="heldout-pool",
            metric="mAP", average="macro",
        )  # fmt: skip
        assert row["slope"] == pytest.approx(slopes.mean()) and row["n_runs"] == 5
        assert row["n_values"] == " ".join(map(str, n))
        assert row["reference"] == pytest.approx(y[:, 0].mean()) and row["margin"] == 0.01
        # the interval is at least as wide as that of the slopes alone
        alone = stats.t.interval(0.95, 4, slopes.mean(), stats.sem(slopes))
        assert row["ci_high"] - row["ci_low"] > 0.75 * (alone[1] - alone[0])
        assert row["p"] < 0.05 < row["p_equivalence"]
    distance = table[table["metric"] == "rank distance"]
    assert distance["margin"].to_numpy() == pytest.approx(0.05 * distance["reference"])
    assert set(table.loc[table["metric"] == "mAP@20", "setting"]) == {"multi"}
    assert adjusted(table)["p_adjusted"].to_numpy() == pytest.approx(benjamini_hochberg(table["p"]))
    assert list(adjusted(table)) == list(table)


def test_the_baseline_of_x_y_is_n_1(made):
    panel = made.panel
    known = {(line.names["sampler"], line.names["ladder"]): line for line in scaling_curves(panel)}
    assert known["x-x-mono", "all"].n == (1, 2, 3, 6) and known["x-x-mono", "all"].baseline is None
    line = known["x-y", "all"]
    assert line.n == (2, 3, 6) and line.baseline.tolist() == known["x-x-mono", "all"].columns[0].tolist()
    assert known["x-y", "far"].baseline is None
    for i, n in enumerate(line.n):
        assert [len(panel.trained_on[panel.paths[k]]) for k in line.columns[i]] == [n] * 10


# --- variance components


def test_components_of_the_study_are_those_of_its_values(made, means):
    row = pick(
        made.tables["components"], sampler="x-x-mono", setting="mono", pair_set="heldout", metric="mAP"
    )
    assert (row["n_values"], row["n_ladders"], row["n_runs"], row["note"]) == ("2 3", 5, 20, "")
    runs = {(c.n_languages, c.seed): c.run.path for c in cells(made, "x-x-mono")}
    values = np.array(
        [[np.mean([means[runs[n, s]][x, x] for x in HELDOUT]) for s in range(1, 11)] for n in (2, 3)]
    )
    got = components(values, np.arange(10) % 5)
    assert row[list(got)].astype(float).to_dict() == pytest.approx(got, rel=1e-6)
    assert row[["share_n", "share_ladder", "share_seed"]].sum() == pytest.approx(1)


def test_without_five_ladders_of_two_seeds_there_is_the_reason(tmp_path):
    grid = [{"samplers": ["x-x-mono"], "n": [1, 2, 3]}]
    small = synthetic.Made(tmp_path, True, grid=grid, statistics={"resamples": 100})
    (note,) = small.tables["components"]["note"]
    assert note.startswith("needs 5 ladders with 2 seeds each, there are 0")
    assert set(small.tables["diversity"]["note"]) == {
        "needs 4 distinct sets of languages at an n between 1 and the whole pool"
    }
    for name, table in small.tables.items():
        write_table(table, tmp_path / "tables", name)
    assert "no curve is fitted" in (tmp_path / "tables/curves.md").read_text()
    assert re.search(r"\| x-x-mono +\| 1 2 3 +\|", (tmp_path / "tables/trends.md").read_text())


# --- the entry of a language


def test_entry_of_the_study_equals_regressions_of_each_replicate(made, means):
    for sampler, n in (("x-x-mono", (1, 2, 3, 6)), ("x-y", (2, 3, 6))):
        run = {(c.n_languages, c.seed): c.run for c in cells(made, sampler)}
        for setting, effects in (("cross", ("question", "candidate", "both")), ("mono", ("language",))):
            pairs = [(a, b) for a in POOL for b in POOL if (a == b) == (setting == "mono")]
            asked, offered = np.array([(POOL.index(a), POOL.index(b)) for a, b in pairs]).T
            found = []
            for seed in range(1, 11):
                seen = np.array([[code in run[k, seed].languages for code in POOL] for k in n])
                y = np.array([[means[run[k, seed].path][pair] for pair in pairs] for k in n])
                found.append(regression_with_dummies(y, status(seen, asked, offered, setting)))
            for i, effect in enumerate(effects):
                row = pick(
                    made.tables["entry"], sampler=sampler, ladder="all", setting=setting, effect=effect
                )
                assert row["effect_size"] == pytest.approx(np.mean(found, axis=0)[i], abs=1e-12)
                assert (row["n_pairs"], row["n_runs"], row["note"]) == (len(pairs), 5, "")
                assert row["ci_low"] < row["effect_size"] < row["ci_high"] and 0 < row["p"] <= 1


# --- diversity and similarity


def test_diversity_of_the_study_compares_sets_of_equal_n(made, means):
    table = made.tables["diversity"]
    run = {(c.n_languages, c.seed): c.run for c in cells(made, "x-y")}
    x, y = np.zeros((2, 2, 5, 2))
    for i, j, k in np.ndindex(2, 5, 2):
        x[i, j, k] = shared(HELDOUT[k], run[i + 2, j + 1].languages)[0]
        pairs = [(a, HELDOUT[k]) for a in POOL]
        y[i, j, k] = np.mean([means[run[i + 2, s].path][pair] for pair in pairs for s in (j + 1, j + 6)])
    row = pick(table, sampler="x-y", setting="cross", pair_set="pool-heldout", predictor="shared script")
    assert (row["correlation"], row["p"]) == pytest.approx(slow_association(x, y))
    assert (row["n_values"], row["n_sets"], row["n_languages"], row["n_permutations"]) == ("2 3", 5, 2, 120)
    scripts = np.array(
        [[number(run[n, s].languages, "script") for s in range(1, 6)] for n in (2, 3)], dtype=float
    )
    row = pick(table, sampler="x-y", setting="cross", pair_set="pool-heldout", predictor="scripts")
    assert (row["correlation"], row["p"]) == pytest.approx(slow_association(scripts, y.mean(2)))
    assert not len(table[table["ladder"] == "far"])


def test_few_replicates_have_no_intervals(tmp_path):
    few = Made(tmp_path, True, languages={"pool": ["en", "de", "ar"], "heldout": ["nl", "el"]}, ladders={},
               replicates=3, ladder_count=None,
               grid=[{"samplers": ["x-x-mono"], "n": [1, 2, 3]}])  # fmt: skip
    for name in ("trends", "entry"):
        table = adjusted(few.tables[name])
        assert len(table) and table[["p", "p_adjusted", "ci_low"]].isna().all(axis=None)
        assert set(table["note"]) == {"fewer than 4 replicates"}
    assert few.tables["curves"]["a_low"].isna().all() and few.tables["curves"]["a"].notna().any()
