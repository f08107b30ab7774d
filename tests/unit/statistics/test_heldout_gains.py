"""The gain of held-out languages: loops over queries, planted worlds, and coverage of its intervals."""

import numpy as np
import pytest
from scipy import stats
from support import synthetic_study as synthetic
from support.planted_panel import Planted
from support.planted_panel import study as planted_study
from support.slow_tables import slow

from langscale.statistics import heldout_gains as H
from langscale.statistics.intervals import interval_over_runs_and_queries

POOL, HELDOUT = ("en", "de", "ar"), ("nl", "el")
LABELS = {"benchmark": "b", "checkpoint": "last", "candidate_text": "card"}


@pytest.fixture(scope="module", params=[True, False], ids=["parallel", "partly parallel"])
def made(request, tmp_path_factory):
    statistics = {"resamples": 100}
    return synthetic.Made(tmp_path_factory.mktemp("scores"), request.param, statistics=statistics)


def sides(pair_set, codes):
    """(query languages, candidate languages) of a pair set limited to some held-out languages."""
    return {"heldout-pool": (codes, POOL), "pool-heldout": (POOL, codes), "heldout": (codes, codes)}[pair_set]


def slow_gain(made, sampler, setting, pair_set, codes):
    """The mean over replicates of the value at three languages minus that at one."""
    runs = {(c.sampler, c.n_languages, c.seed): c.run.path for c in made.grid.cells}
    values = {
        n: [
            slow(made.scores[runs[sampler, n, seed], "last"], setting, "mAP", *sides(pair_set, codes))[0]
            for seed in (1, 2, 3, 4)
        ]
        for n in (1, 3)
    }
    return np.mean(np.subtract(values[3], values[1]))


def test_gain_and_similarity_of_a_language_equal_loops_over_queries(made):
    table = made.tables["similarity"]
    assert list(table) == list(H.SIMILARITY) and len(table) == 2 * 2 * 3  # samplers, languages, pair sets
    bm25 = next(scores for (path, _), scores in made.scores.items() if path.startswith("bm25"))

    def alike(a, b):
        return np.mean([slow(bm25, "cross", "mAP", (x,), (y,))[0] for x, y in ((a, b), (b, a))])

    for row in table.to_dict("records"):
        expected = slow_gain(made, row["sampler"], row["setting"], row["pair_set"], (row["language"],))
        assert row["gain"] == pytest.approx(expected, abs=1e-9)
        assert row["ci_low"] < row["gain"] < row["ci_high"] and row["n_runs"] == 4
        assert (row["n_languages"], row["reference_n_languages"]) == (3, 1)
        near = {code: alike(row["language"], code) for code in POOL}
        assert row["similarity"] == pytest.approx(max(near.values()))
        assert row["similarity"] == pytest.approx(near[row["nearest"]])


def test_the_mean_gain_and_that_of_each_branch_equal_loops_over_queries(made):
    table = made.tables["generality"]
    assert list(table) == list(H.GENERALITY)
    for row in table[(table["over"] == H.RUNS) & (table["what"] == "gain")].to_dict("records"):
        codes = {"all": HELDOUT, "Germanic": ("nl",), "Greek": ("el",)}[row["group"]]
        expected = slow_gain(made, row["sampler"], row["setting"], row["pair_set"], codes)
        assert row["estimate"] == pytest.approx(expected, abs=1e-9) and row["n_groups"] == len(codes)
    over = table[table["over"] != H.RUNS]
    assert set(over["note"]) == {"fewer than 4 languages", "fewer than 4 branches"}
    assert over["ci_low"].isna().all() and over["estimate"].notna().all()


def test_a_study_without_heldout_languages_bm25_or_a_second_n_lacks_them(tmp_path):
    languages = {"pool": list(synthetic.LANGUAGES), "heldout": []}
    made = synthetic.Made(tmp_path, True, languages=languages, statistics={"resamples": 100})
    assert made.tables["similarity"].empty and made.tables["generality"].empty
    grid = [{"samplers": ["x-y"], "n": [3]}]
    made = synthetic.Made(tmp_path / "b", True, grid=grid, statistics={"resamples": 100})
    assert made.tables["similarity"].empty and made.tables["generality"].empty
    without = {"bm25": False}
    made = synthetic.Made(tmp_path / "c", True, evaluation=without, statistics={"resamples": 100})
    assert len(made.tables["similarity"]) and made.tables["similarity"]["similarity"].isna().all()
    assert set(made.tables["generality"]["what"]) == {"gain"}


WORLD = {"el": 0.00, "vi": 0.02, "nl": 0.08, "pt": 0.06, "it": 0.06, "fa": 0.02}
"""Planted gain of each language."""


def planted(monkeypatch, near):
    """The table of a study with the planted gains, with these similarities."""
    languages = {"pool": ["en", "de", "hi", "th"], "heldout": list(WORLD)}
    study = planted_study("H1", samplers=["x-x-mono"], n=(1, 4), languages=languages)

    def truth(quantity, cell):
        held = [c for c in quantity.query_languages or () if c in WORLD]
        held = held or [c for c in quantity.candidate_languages or () if c in WORLD]
        return 0.3 + (np.mean([WORLD[c] for c in held]) if held and cell.n == 4 else 0.0)

    panel = Planted(study, truth)
    panel.languages = tuple(study.languages.all)
    monkeypatch.setattr(H, "_near", lambda *_: near)
    table = H.generality_table(study, panel, LABELS)
    return table[(table["setting"] == "cross") & (table["pair_set"] == "heldout-pool")]


def test_the_planted_gain_has_a_wider_interval_for_new_languages_and_branches(monkeypatch):
    table = planted(monkeypatch, {})
    rows = table[table["group"] == "all"].set_index("over")
    mean = np.mean(list(WORLD.values()))
    assert rows.loc[[H.RUNS, H.LANGUAGES], "estimate"].tolist() == pytest.approx([mean] * 2, abs=0.002)
    # Italian and Portuguese are one branch
    by_branch = [np.mean([WORLD["pt"], WORLD["it"]]), *(WORLD[c] for c in ("el", "vi", "nl", "fa"))]
    assert rows.loc[H.BRANCHES, "estimate"] == pytest.approx(np.mean(by_branch), abs=0.002)
    assert rows.loc[:, "n_groups"].tolist() == [6, 6, 5]
    width = rows["ci_high"] - rows["ci_low"]
    assert width[H.RUNS] < 0.01 < 0.05 < width[H.LANGUAGES] < width[H.BRANCHES]
    # with hardly any error of runs and queries it is the t interval of the languages
    known = stats.t.interval(0.95, 5, mean, np.std(list(WORLD.values()), ddof=1) / np.sqrt(6))
    assert rows.loc[H.LANGUAGES, ["ci_low", "ci_high"]].tolist() == pytest.approx(known, abs=0.004)
    one = table[table["group"] == "Romance"].iloc[0]
    assert one["estimate"] == pytest.approx(0.06, abs=0.002) and one["n_groups"] == 2


def test_the_slope_on_similarity_is_that_of_least_squares(monkeypatch):
    near = {code: ("en", 0.1 + 5 * gain) for code, gain in WORLD.items()}
    table = planted(monkeypatch, near)
    row = table[table["what"] == "slope"].iloc[0]
    assert row["ci_low"] - 0.005 < 0.2 < row["ci_high"] + 0.005
    assert row["estimate"] == pytest.approx(0.2, abs=0.01)
    flat = planted(monkeypatch, {code: ("en", 0.1) for code in WORLD})
    assert set(flat["what"]) == {"gain"}  # equal similarities have no slope


@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_the_interval_over_groups_covers_the_mean_of_all_languages(spread):
    """Twelve languages of a population, eight replicates with an effect common to all and one of each."""
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(500):
        truth = rng.normal(0.05, spread, 12)
        values = truth + rng.normal(0, 0.02, (8, 1)) + rng.normal(0, 0.03, (8, 12))
        one, all_ = (interval_over_runs_and_queries(v, 0.0, 1000.0) for v in (values.T, values.mean(1)))
        low, high = H.interval_over_groups(one.mean, one.se, all_.se.item(), all_.df.item())
        covered.append(low <= 0.05 <= high)
    assert 0.92 < np.mean(covered) < 0.99
