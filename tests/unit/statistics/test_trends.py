"""Slopes, variance components, entry and diversity: slow twins on a planted study, and planted truths."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support import synthetic_study as synthetic
from support.rendered_study import write_table

from langscale.core.random import stream
from langscale.design.grid import Grid
from langscale.retrieval.scores import Scores
from langscale.statistics.all_tables import OF_PANEL
from langscale.statistics.diversity import association, number, shared
from langscale.statistics.language_entry import entry_weights, status
from langscale.statistics.multiple_testing import adjusted, benjamini_hochberg
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import Quantity
from langscale.statistics.scaling_curves import scaling_curves, slope_weights
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


def test_weights_are_those_of_least_squares():
    for n in ((1, 2, 4, 9), (2, 4, 9), (3, 5)):
        y = stream("y", *n).random(len(n))
        assert slope_weights(np.log2(n)) @ y == pytest.approx(np.polyfit(np.log2(n), y, 1)[0])


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


def balanced(rng, ladder, seed, number=(0.0, 0.0), ladders=5, seeds=2):
    sets = ladder * rng.standard_normal((len(number), ladders, 1))
    values = (
        np.array(number)[:, None, None] + sets + seed * rng.standard_normal((len(number), ladders, seeds))
    )
    return values.reshape(len(number), -1), np.repeat(np.arange(ladders), seeds)


def test_reml_of_balanced_designs_is_the_analysis_of_variance():
    for i in range(8):
        y, ladders = balanced(stream("balanced", i), 0.03, 0.01, (0.2, 0.3, 0.5))
        cube = y.reshape(3, 5, 2)
        within = cube.var(axis=2, ddof=1).mean()
        between = 2 * cube.mean(2).var(axis=1, ddof=1).mean()
        got = components(y, ladders)
        assert got["variance_seed"] == pytest.approx(within, rel=1e-3)
        assert got["variance_ladder"] == pytest.approx((between - within) / 2, rel=1e-3)


def test_planted_components_come_back():
    many = []
    for i in range(10):
        y, ladders = balanced(stream("many", i), 0.03, 0.02, (0.40, 0.44, 0.48), ladders=100, seeds=3)
        many.append(components(y, ladders))
    got = {name: np.mean([one[name] for one in many]) for name in many[0]}
    assert got["variance_ladder"] == pytest.approx(0.0009, rel=0.1)
    assert got["variance_seed"] == pytest.approx(0.0004, rel=0.1)
    assert got["variance_n"] == pytest.approx(0.0016, rel=0.1)
    assert got["share_ladder"] == pytest.approx(9 / 29, abs=0.03)
    single = components(y[:1], ladders)
    assert np.isnan(single["variance_n"]) and single["share_ladder"] == pytest.approx(9 / 13, abs=0.1)


def test_the_interval_of_the_ladders_share_covers():
    for ladder in (0.0, 0.02):
        rng, inside = stream("share", ladder), []
        for _ in range(40):
            y, ladders = balanced(rng, ladder, 0.02)
            got = components(y, ladders)
            inside.append(
                got["ladder_of_runs_low"] <= ladder**2 / (ladder**2 + 0.0004) <= got["ladder_of_runs_high"]
            )
        assert np.mean(inside) >= 0.9


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


def dummies(values, indicators):
    """Least squares with a dummy for every pair and run, the slow way."""
    e, n, p = indicators.shape
    design = [
        indicators[:, i, j].tolist() + np.eye(n)[i].tolist() + np.eye(p)[j].tolist()
        for i in range(n)
        for j in range(p)
    ]
    return np.linalg.lstsq(np.array(design), values.ravel(), rcond=None)[0][:e]


def seen_of(sizes, order):
    return np.array([[order.index(i) < k for i in range(len(order))] for k in sizes])


@pytest.mark.parametrize("setting", ["cross", "mono"])
def test_entry_is_a_regression_with_pair_and_run_effects(setting):
    rng = stream("entry", setting)
    asked, offered = np.array(
        [(x, y) for x in range(6) for y in range(6) if (x == y) == (setting == "mono")]
    ).T
    x = status(seen_of((1, 2, 4, 6), [0, 3, 1, 5, 2, 4]), asked, offered, setting)
    weights = entry_weights(x)
    noisy = rng.random(x.shape[1:])
    assert np.einsum("enp,np->e", weights, noisy) == pytest.approx(dummies(noisy, x))
    true = np.array([0.02, -0.01, 0.08])[: len(x)]
    planted = rng.random(x.shape[1])[:, None] + rng.random(x.shape[2]) + np.einsum("e,enp->np", true, x)
    assert np.einsum("enp,np->e", weights, planted) == pytest.approx(true)
    # no level of a pair or a run comes through
    assert np.abs(weights.sum(1)).max() < 1e-12 and np.abs(weights.sum(2)).max() < 1e-12


def test_entry_is_refused_where_all_pairs_enter_together():
    asked, offered = np.array(list(itertools.permutations(range(4), 2))).T
    order = [0, 1, 2, 3]
    assert entry_weights(status(seen_of((1, 4), order), asked, offered, "cross")) is None
    assert entry_weights(status(seen_of((4,), order), asked, offered, "cross")) is None
    assert entry_weights(status(seen_of((1, 2, 4), order), asked, offered, "cross")) is not None


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
                found.append(dummies(y, status(seen, asked, offered, setting)))
            for i, effect in enumerate(effects):
                row = pick(
                    made.tables["entry"], sampler=sampler, ladder="all", setting=setting, effect=effect
                )
                assert row["effect_size"] == pytest.approx(np.mean(found, axis=0)[i], abs=1e-12)
                assert (row["n_pairs"], row["n_runs"], row["note"]) == (len(pairs), 5, "")
                assert row["ci_low"] < row["effect_size"] < row["ci_high"] and 0 < row["p"] <= 1


# --- diversity and similarity


def slow_association(x, y):
    """Correlation after taking out the mean over ladders, and the share of orders that reach it."""
    y = y - y.mean(1, keepdims=True)

    def correlation(order):
        moved = x[:, list(order)]
        return stats.pearsonr((moved - moved.mean(1, keepdims=True)).ravel(), y.ravel())[0]

    every = [abs(correlation(order)) for order in itertools.permutations(range(x.shape[1]))]
    return correlation(range(x.shape[1])), np.mean([value >= every[0] - 1e-12 for value in every])


def test_association_equals_the_slow_way():
    for i, shape in enumerate([(2, 4), (1, 5), (2, 5, 3)]):
        rng = stream("association", i)
        x, y = rng.integers(0, 3, shape).astype(float), rng.random(shape)
        correlation, slope, p, count = association(x, y, 1000, 0)
        assert (correlation, p) == pytest.approx(slow_association(x, y))
        assert count == [24, 120, 120][i] and np.sign(slope) == np.sign(correlation)
    assert association(np.ones((2, 4)), np.arange(8.0).reshape(2, 4), 100, 0) is None
    drawn = association(x, y, 100, 0)  # fewer than all 120 orders
    assert drawn[3] == 101 and drawn[2] == pytest.approx(p, abs=0.15) and drawn == association(x, y, 100, 0)


def test_no_effect_has_a_large_p_and_a_planted_one_the_smallest():
    found = []
    for i in range(300):
        rng = stream("null", i)
        ladder = rng.standard_normal((1, 6, 1))  # a ladder is good or bad at every n and language
        x = rng.integers(1, 4, (3, 6, 1)) + np.zeros((3, 6, 4))
        found.append(association(x, ladder + 0.3 * rng.standard_normal((3, 6, 4)), 1000, 0)[2])
    assert np.mean(np.array(found) <= 0.05) <= 0.085 and 0.4 < np.mean(found) < 0.6
    x = np.array([[1.0, 2, 3, 2, 4, 1]] * 3)
    correlation, slope, p, _ = association(x, np.array([[0.2], [0.5], [0.6]]) + 0.03 * x, 1000, 0)
    assert correlation == pytest.approx(1) and slope == pytest.approx(0.03)
    assert p == pytest.approx(4 / 720)  # two pairs of ladders are alike


def test_scripts_families_and_the_nearest_language():
    assert number(["en", "de", "ar", "hi"], "script") == 3 and number(["en", "de", "ar", "hi"], "family") == 2
    assert number(["qaa-Latn", "qab-Latn"], "family") == 2  # unknown is not a family
    assert shared("nl", ["ru", "th"]).tolist() == [0, 0, 1, 1 / 3]
    assert shared("uk", ["ru", "en"]).tolist() == [1, 1, 1, 1]
    # script from tr, family from ru: the nearest shares one of the three only
    assert shared("es", ["tr", "ru"]).tolist() == pytest.approx([1, 0, 1, 1 / 3])


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
