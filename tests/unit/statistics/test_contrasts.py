"""Contrasts: each comparison once, whatever its direction and however its runs are named."""

import numpy as np
from support import synthetic_study as synthetic


def unordered(row):
    """A comparison by the runs behind it, without direction."""
    names = [
        [row[f"{side}_{name}"] for name in ("model", "sampler", "n_languages")]
        for side in ("cell", "reference")
    ]
    return frozenset(tuple(side) for side in names)


def test_a_comparison_declared_both_ways_stands_once_for_every_quantity(tmp_path):
    """x-y minus hybrid in mono and hybrid minus x-y in cross, of the first benchmark only."""
    points = [{"sampler": "x-y", "n": 3}, {"sampler": "hybrid", "n": 3}]
    declared = [
        {"cell": points[0], "reference": points[1], "setting": "mono", "benchmark": "cldr"},
        {"cell": points[1], "reference": points[0], "setting": "cross"},
        {"cell": points[0], "reference": points[1], "setting": "multi", "benchmark": "other"},
    ]
    benchmarks = {"cldr": {}, "other": {"set": "cldr"}}
    made = synthetic.Made(
        tmp_path, True, benchmarks=benchmarks, statistics={"resamples": 100, "contrasts": declared}
    )
    table = made.tables["contrasts"]
    table = table[(table["average"] == "macro") & (table["candidate_language"] == "all")]
    confirmatory = table[table["family"] != "exploratory"]
    found = confirmatory[["benchmark", "cell_sampler", "setting", "metric"]].itertuples(
        index=False, name=None
    )
    assert sorted(found) == [
        ("cldr", "hybrid", "cross", "mAP"), ("cldr", "x-y", "mono", "mAP"),
        ("other", "hybrid", "cross", "mAP"), ("other", "x-y", "multi", "mAP"),
    ]  # fmt: skip
    what = ["benchmark", "setting", "metric", "pair_set"]
    keys = [(unordered(row), *(row[name] for name in what)) for row in table.to_dict("records")]
    assert len(keys) == len(set(keys))
    pair = unordered(confirmatory.iloc[0])
    of_pair = [row for row in table.to_dict("records") if unordered(row) == pair]
    assert len(of_pair) == len(table.drop_duplicates(what))  # and it is missing for none


def test_aliases_are_no_second_comparison(tmp_path):
    """Hybrid with alpha 1 is x-x-mono: it has rows of its own in scaling.csv, no comparisons of its own."""
    grid = [{"samplers": ["x-x-mono", "hybrid-1", "x-y"], "n": [1, 3]}]
    made = synthetic.Made(tmp_path, True, grid=grid, statistics={"resamples": 100})
    run_of = {(c.model, c.sampler, c.alpha, c.n_languages, c.seed): c.run.path for c in made.grid.cells}
    table = made.tables["contrasts"].fillna({"cell_alpha": -1, "reference_alpha": -1})
    pairs = table[
        [
            f"{side}_{name}"
            for side in ("cell", "reference")
            for name in ("model", "sampler", "alpha", "n_languages")
        ]
    ].drop_duplicates()
    seen = set()
    for row in pairs.itertuples(index=False, name=None):
        sides = [(m, s, None if a == -1 else a, n) for m, s, a, n in (row[:4], row[4:])]
        paths = [tuple(sorted(p for key, p in run_of.items() if key[:4] == side)) for side in sides]
        assert frozenset(paths) not in seen and len(set(paths)) == 2
        seen.add(frozenset(paths))
    assert (made.tables["scaling"]["alpha"] == 1).any() and len(seen) > 5


def test_models_stand_against_models_and_named_ladders_against_the_random_ones(tmp_path):
    """All else equal; runs that are the same by definition are compared with nothing."""
    architecture = {"architecture": {"model_type": "bert"}}
    far = ["ar", "de", "en"]
    declared = {"cell": {"model": "a", "sampler": "x-y", "n": 1, "ladder": "far"}, "setting": "cross"}
    declared["reference"] = {"model": "a", "sampler": "x-y", "n": 1}
    made = synthetic.Made(
        tmp_path,
        True,
        models={"a": architecture, "b": architecture, "c": {"hub": "x/c"}, "d": {"hub": "x/d"}},
        ladders={"far": far},
        grid=[
            {"samplers": ["x-y"], "n": [1, 3], "models": ["a", "b"]},
            {"samplers": ["x-y"], "n": [1, 3], "models": ["a"], "ladders": ["far"]},
        ],
        statistics={"resamples": 100, "contrasts": [declared]},
    )
    table = made.tables["contrasts"].query("metric == 'mAP' and setting == 'cross' and pair_set == 'all'")
    sides = [
        "cell_model",
        "reference_model",
        "cell_sampler",
        "cell_ladder",
        "reference_ladder",
        "cell_n_languages",
    ]
    found = {tuple(row) for row in table[[*sides, "reference_n_languages", "n_runs"]].values.tolist()}
    models = {row for row in found if row[0] != row[1] and "bm25" not in row[:2]}
    assert models == {
        ("b", "a", "untrained", "all", "all", 0, 0, 4),
        ("c", "a", "untrained", "all", "all", 0, 0, 4),
        ("c", "b", "untrained", "all", "all", 0, 0, 4),
        ("d", "a", "untrained", "all", "all", 0, 0, 4),
        ("d", "b", "untrained", "all", "all", 0, 0, 4),
        ("d", "c", "untrained", "all", "all", 0, 0, 1),  # two encoders as they are: questions alone vary
        ("b", "a", "x-y", "all", "all", 1, 1, 4),
        ("b", "a", "x-y", "all", "all", 3, 3, 4),
    }
    # at n = 3, all of the pool, the named ladder is the random ones
    assert {row for row in found if row[3] != row[4] and row[5] == row[6]} == {
        ("a", "a", "x-y", "far", "all", 1, 1, 4)
    }
    row = table[table["family"] == "primary"].to_dict("records")
    assert [(r["cell_ladder"], r["reference_ladder"], r["n_runs"]) for r in row] == [("far", "all", 4)]
    assert row[0]["p_equivalent"] > 0 and not np.isnan(row[0]["ci_low"])
