"""The grid: which cells and runs a study has, and which cells share a run."""

import copy
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from langscale.config.sampler import Spec
from langscale.config.study import load
from langscale.core.errors import UserError
from langscale.design.grid import Grid, points
from langscale.statistics.intervals import cell_units
from langscale.training.batches import Sampler, SourceIndex

CONFIG = Path(__file__).parents[3] / "config"
POOL = ["en", "de", "ar", "zh"]
RUN_WILDCARD = r"[^/]+/[^/]+/[^/]+/n\d+-[0-9a-f]{8}/seed\d+"  # of the Snakefile


def study(grid, **changes):
    values = {
        "study": "t",
        "languages": {"pool": POOL, "heldout": ["el"]},
        "sources": {"cldr": {}},
        "benchmarks": {"cldr": {}},
        "models": {"tiny": {"architecture": {"model_type": "bert"}}},
        "budgets": {"total": {"kind": "fixed-total", "steps": 12}},
        "replicates": 3,
        "grid": grid,
    }
    return load(values | changes)


BUDGETS = {
    "rows": {"kind": "fixed-rows", "steps": 12, "pairs": 60},
    "per": {"kind": "fixed-per-language", "steps": 12, "pairs": 60},
    "total": {"kind": "fixed-total", "steps": 12, "pairs": 60},
    "long": {"kind": "fixed-total", "steps": 36, "pairs": 60},
    "few": {"kind": "fixed-total", "steps": 12, "pairs": 40},
}
LADDERS = {"near": ["en", "de", "ar", "zh"], "far": ["zh", "ar", "de", "en"]}


def cells_by(grid, **wanted):
    return [c for c in grid.cells if all(getattr(c, name) == value for name, value in wanted.items())]


def test_the_default_study_has_136_trained_runs():
    grid = Grid(load(yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))))
    assert len(grid.trained) == 136 and len(grid.runs) == 138  # the frozen encoder, BM25
    sizes = [len(run.languages) for run in grid.trained]
    assert [sizes.count(n) for n in (1, 2, 4, 9)] == [8, 40, 24, 64]
    assert {run.share for run in grid.trained} == {1, 9}
    assert {(len(p.runs), p.trained) for p in grid.points} == {(8, True), (1, False)}


def test_the_study_from_scratch_has_its_trained_runs():
    grid = Grid(load(yaml.safe_load((CONFIG / "scratch.yaml").read_text(encoding="utf-8"))))
    assert len(grid.trained) == 44
    assert len(grid.runs) == 49 and len(grid.encoded) == 48  # 4 untrained, BM25
    assert len(grid.cells) == 3 * 4 * 4 + 2 * 4 + 5
    sizes = [len(run.languages) for run in grid.trained]
    assert [sizes.count(n) for n in (1, 2, 4, 9)] == [4, 12, 12, 16]
    assert {run.steps for run in grid.trained} == {120}
    assert {(len(p.runs), p.trained) for p in grid.points} == {(4, True), (4, False), (1, False)}
    assert grid.scored() == [(run, "last") for run in grid.runs]
    assert len(grid.subsets) == 1 + 4 + 4 + 1  # en; four ladders at 2 and at 4; the pool


# --- identity, by what a run trains on


SAMPLERS = [
    "en-en", "x-x", "x-x-mono", "x-y", "hybrid", "hybrid-0", "hybrid-1", "x-y-batch", "x-y-same", "x-y-ring",
    "hybrid-0-batch", "hybrid-1-ring", "hybrid-0.25",
]  # fmt: skip


def trained_on(cell, spec, order):
    """The data of a cell by definition: batches of its sampler as named, not reduced, and its seed."""
    languages = ("en",) if spec.kind == "en-en" else tuple(sorted(order[: cell.n_languages]))
    sampler = Sampler(spec, languages, [SourceIndex("s", np.ones((60, len(languages)), bool))], 5, cell.seed)
    drawn = []
    for batch in map(sampler.batch, range(12)):
        codes = zip(batch.query_language.tolist(), batch.passage_language.tolist(), strict=True)
        drawn.append((*batch.pairs.tolist(), *((languages[q], languages[d]) for q, d in codes)))
    return cell.seed, tuple(drawn)


def test_cells_share_a_run_exactly_where_they_train_on_the_same_batches():
    """Every sampler, ladder and n: equal seeds and equal batches are one run, and nothing else is."""
    names = list(LADDERS)
    arms = [{"samplers": SAMPLERS, "n": [1, 2, 3, 4], "ladders": names}]
    grid = Grid(study(arms, ladders=LADDERS, replicates=2))
    cells = [c for c in grid.cells if c.n_languages]
    specs = {(s.sampler, s.alpha): s for s in map(Spec.parse, SAMPLERS)}
    assert len(cells) == len(SAMPLERS) * 4 * 2 * 2
    batches = {c: trained_on(c, specs[c.sampler, c.alpha], LADDERS[c.ladder]) for c in cells}
    shared = 0
    for a, b in combinations(cells, 2):
        assert (a.run == b.run) == (batches[a] == batches[b]), (a, b)
        shared += a.run == b.run
    assert shared > 100


def test_the_rules_of_identity_one_by_one():
    arms = [{"samplers": SAMPLERS, "n": [1, 2, 4]}, {"samplers": SAMPLERS, "n": [2, 4], "ladders": ["far"]}]
    grid = Grid(study(arms, ladders=LADDERS))
    run = {(c.sampler, c.alpha, c.ladder, c.n_languages, c.seed): c.run for c in grid.cells}
    for seed in (1, 2, 3):
        ladder = str(seed)
        for n in (1, 2, 4):
            assert run["hybrid", 1.0, ladder, n, seed] == run["x-x-mono", None, ladder, n, seed]
            assert run["hybrid", 0.0, ladder, n, seed] == run["x-y", None, ladder, n, seed]
            assert run["hybrid-batch", 0.0, ladder, n, seed] == run["x-y-batch", None, ladder, n, seed]
            assert run["en-en", None, ladder, n, seed] == run["x-x-mono", None, ladder, 1, seed]
        # n = 1: mono in the first language, whatever the sampler
        at_one = {r for (*_, n, s), r in run.items() if n == 1 and s == seed}
        assert {(r.sampler, r.languages) for r in at_one} == {("x-x-mono", ("en",))} and len(at_one) == 1
        # n = |pool|: all ladders are one set; at n = 2 they are not
        for sampler in ("x-y", "x-x", "x-x-mono", "x-y-ring"):
            assert run[sampler, None, ladder, 4, seed] == run[sampler, None, "far", 4, seed]
            assert run[sampler, None, ladder, 2, seed] != run[sampler, None, "far", 2, seed]
        # and the seeds stay apart everywhere
        assert all(r.seed == seed for (*_, s), r in run.items() if s == seed)


def test_budgets_meet_at_one_language_and_part_above():
    grid = Grid(study([{"samplers": ["x-y"], "n": [1, 2, 4]}], budgets=BUDGETS, replicates=1))
    run = {(c.budget, c.n_languages): c.run for c in grid.cells if c.n_languages}
    assert run["rows", 1] == run["per", 1] == run["total", 1]
    assert run["total", 1].path.split("/")[2] == "total"  # fixed-total gives its name
    for n in (2, 4):
        assert len({run[name, n] for name in BUDGETS}) == len(BUDGETS)
        numbers = {name: (run[name, n].steps, run[name, n].pairs, run[name, n].share) for name in BUDGETS}
        assert numbers["total"] == (12, 60, 1)
        assert numbers["per"] == (12 * n, 60, 1)
        assert numbers["rows"] == (12, 60 // n, 1)
        assert numbers["long"] == (36, 60, 1) and numbers["few"] == (12, 40, 1)
    assert len({run["total", 1], run["long", 1], run["few", 1]}) == 3


def test_budgets_that_come_to_the_same_numbers_are_one():
    budgets = {name: BUDGETS[name] for name in ("rows", "per")} | {
        "half": {"kind": "fixed-total", "steps": 12, "pairs": 30},
        "twice": {"kind": "fixed-total", "steps": 24, "pairs": 60},
    }
    grid = Grid(study([{"samplers": ["x-y"], "n": [2, 4]}], budgets=budgets, replicates=1))
    run = {(c.budget, c.n_languages): c.run for c in grid.cells if c.n_languages}
    assert run["rows", 2] == run["half", 2] and run["per", 2] == run["twice", 2]
    assert len({run[name, 2] for name in budgets}) == 2 and len({run[name, 4] for name in budgets}) == 4


def test_rows_of_all_pairs_are_a_share_of_them():
    budgets = {"rows": {"kind": "fixed-rows", "steps": 12}}
    grid = Grid(study([{"samplers": ["x-y"], "n": [1, 4]}], budgets=budgets, replicates=1))
    assert [(r.pairs, r.share) for r in grid.trained] == [(None, 1), (None, 4)]


def test_en_en_has_the_budget_of_one_language():
    budgets = {"per": {"kind": "fixed-per-language", "steps": 12}}
    grid = Grid(study([{"samplers": ["en-en", "x-x"], "n": [4]}], budgets=budgets, replicates=1))
    assert {c.sampler: c.run.steps for c in grid.cells if c.n_languages} == {"en-en": 12, "x-x": 48}


# --- folders


def test_paths_are_unique_and_say_the_identity():
    arms = [{"samplers": SAMPLERS, "n": [1, 2, 3, 4]}, {"samplers": ["x-y"], "n": [2], "ladders": ["far"]}]
    models = {"tiny": {"architecture": {"model_type": "bert"}}, "e5": {"hub": "intfloat/e5"}}
    grid = Grid(study(arms, ladders=LADDERS, budgets=BUDGETS, models=models))
    paths = [run.path for run in grid.runs]
    assert len(set(paths)) == len(paths) == len(grid.by_path) > 300
    assert all(re.fullmatch(RUN_WILDCARD, path) for path in paths)
    assert all(grid.by_path[path].path == path for path in paths)
    # what the job is told, without the folder's name: no two runs are the same training
    recipes = [{k: v for k, v in run.recipe().items() if k != "path"} for run in grid.trained]
    assert all(recipes.count(recipe) == 1 for recipe in recipes)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_more_replicates_sizes_samplers_models_or_arms_leave_the_other_runs_alone(data):
    some = st.lists(st.sampled_from(SAMPLERS), min_size=1, max_size=3, unique=True)
    n = st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3, unique=True)
    arm = st.fixed_dictionaries({"samplers": some, "n": n})
    budgets = {name: BUDGETS[name] for name in ("total", "per")}
    before = {"grid": data.draw(st.lists(arm, min_size=1, max_size=2)), "budgets": budgets}
    before |= {"ladders": LADDERS, "replicates": data.draw(st.integers(1, 3))}
    after = copy.deepcopy(before)
    after["replicates"] += data.draw(st.integers(0, 2))
    after["grid"] += data.draw(st.lists(arm, max_size=2))
    after["grid"][0]["samplers"] += data.draw(some)
    after["grid"][0]["n"] += data.draw(n)
    if data.draw(st.booleans()):
        after["grid"].insert(0, {"samplers": ["x-y"], "n": [3], "ladders": ["far"]})
    if data.draw(st.booleans()):
        after["models"] = {"big": {"hub": "a/b"}, "tiny": {"architecture": {"model_type": "bert"}}}
    old, new = (Grid(study(values.pop("grid"), **values)) for values in (before, after))
    recipes = {run.path: run.recipe() for run in new.runs}
    for run in old.runs:
        assert recipes[run.path] == run.recipe()


@pytest.mark.parametrize(
    "change",
    [{"steps": 20}, {"pairs": 50}, {"sources": ["cldr"]}, {"whole_pool": False}, {"kind": "fixed-rows"}],
)
def test_a_changed_budget_changes_the_recipe_in_the_same_folder(change):
    arms, sources = [{"samplers": ["x-y"], "n": [2]}], {"cldr": {}, "squad": {}}
    budget = {"kind": "fixed-total", "steps": 10}
    old, new = (
        Grid(study(arms, sources=sources, budgets={"b": b})).trained for b in (budget, budget | change)
    )
    assert [r.path for r in old] == [r.path for r in new]
    assert all(a.recipe() != b.recipe() for a, b in zip(old, new, strict=True))


# --- points and baselines


def test_an_alias_is_never_a_replicate():
    arms = [
        {"samplers": SAMPLERS, "n": [1, 2, 4]},
        {"samplers": ["x-y", "hybrid"], "n": [2, 4], "ladders": ["far"]},
    ]
    grid = Grid(study(arms, ladders=LADDERS, budgets=BUDGETS))
    for point in grid.points:
        paths = [path for _, path in point.runs]
        columns = {seed: grid.runs.index(grid.by_path[path]) for seed, path in point.runs}
        assert (
            len(set(paths)) == len(paths) == len(cell_units(columns)) == (1 if point.model == "bm25" else 3)
        )
        assert [seed for seed, _ in point.runs] == ([0] if point.model == "bm25" else [1, 2, 3])


def test_named_ladders_are_points_of_their_own():
    arms = [
        {"samplers": ["x-y"], "n": [2, 4]},
        {"samplers": ["x-y"], "n": [2, 4], "ladders": ["far", "near"]},
    ]
    grid = Grid(study(arms, ladders=LADDERS))
    found = {(p.ladder, p.n_languages): p.runs for p in grid.points if p.trained}
    assert set(found) == {(ladder, n) for ladder in ("all", "far", "near") for n in (2, 4)}
    assert found["all", 4] == found["far", 4] == found["near", 4]
    languages = {path: grid.by_path[path].languages for _, path in found["far", 2]}
    assert set(languages.values()) == {("ar", "zh")}
    # random ladders open with the first language of the pool
    assert all("en" in grid.by_path[path].languages for _, path in found["all", 2])


def test_two_arms_that_name_a_cell_make_it_once():
    arms = [{"samplers": ["x-y"], "n": [1, 2, 2]}, {"samplers": [{"kind": "x-y"}], "n": [2]}]
    grid = Grid(study(arms))
    assert len([c for c in grid.cells if c.n_languages]) == 6
    assert len(cells_by(grid, n_languages=2)) == 3 and len(points(grid.cells)) == 4


def test_baselines():
    models = {"tiny": {"architecture": {"model_type": "bert"}}, "e5": {"hub": "intfloat/e5"}}
    arms = [{"samplers": ["x-y"], "n": [1]}]
    grid = Grid(study(arms, models=models))
    untrained = cells_by(grid, sampler="untrained")
    # an encoder that is built here has a state before training for every seed, the one its runs start from
    assert [c.seed for c in untrained if c.model == "tiny"] == [1, 2, 3]
    assert [c.seed for c in untrained if c.model == "e5"] == [0]
    assert [(c.sampler, c.seed) for c in cells_by(grid, model="bm25")] == [("none", 0)]
    assert all(c.n_languages == 0 and c.run.steps == 0 and c.run.languages == () for c in grid.cells[:5])
    assert not [r for r in grid.trained if r.model == "bm25" or r.sampler == "untrained"]
    without = Grid(study(arms, evaluation={"bm25": False}))
    assert not cells_by(without, model="bm25") and len(without.runs) == 6


@pytest.mark.parametrize("languages, sets", [("en", {("en",)}), ("pool", {("ar", "de", "en", "zh")})])
def test_validation_adds_a_checkpoint_and_a_set(languages, sets):
    training = {"validation": {"languages": languages}}
    sources = {"cldr": {"validation": True}}
    grid = Grid(study([{"samplers": ["x-y"], "n": [2]}], training=training, sources=sources, replicates=1))
    scored = [(run.sampler, checkpoint) for run, checkpoint in grid.scored()]
    assert scored == [("none", "last"), ("untrained", "last"), ("x-y", "last"), ("x-y", "best")]
    assert set(grid.subsets.values()) == sets | {grid.trained[0].languages}


# --- contrasts


def contrast(cell, reference):
    return {"contrasts": [{"cell": cell, "reference": reference, "setting": "cross"}]}


ONE = {"sampler": "x-y", "n": 1}


@pytest.mark.parametrize(
    "cell, message",
    [
        ({"sampler": "x-y", "n": 3}, "x-y n=3 names 0 points"),
        ({"sampler": "x-x", "n": 2}, "x-x n=2 names 0 points"),
        ({"sampler": "hybrid-0.25", "n": 2}, "hybrid-0.25 n=2 names 0 points"),
        ({"sampler": "x-z", "n": 2}, "sampler 'x-z' is unknown"),
        ({"sampler": "untrained", "n": 2}, "sampler 'untrained' is unknown"),
        ({"sampler": "x-y", "n": 2, "budget": "short"}, "x-y short n=2 names 0 points"),
        ({"sampler": "x-y", "n": 2, "model": "big"}, "big x-y n=2 names 0 points"),
        ({"sampler": "x-y"}, "x-y n=0 names 0 points"),
    ],
)
def test_a_contrast_of_no_point_stops_before_anything_runs(cell, message):
    arms = [{"samplers": ["x-y", "hybrid"], "n": [1, 2]}]
    Grid(study(arms, statistics=contrast({"sampler": "hybrid", "n": 2}, ONE)))
    for values, side in ((contrast(cell, ONE), "cell"), (contrast(ONE, cell), "reference")):
        with pytest.raises(UserError) as error:
            Grid(study(arms, statistics=values))
        text = str(error.value)
        assert text.startswith(f"statistics.contrasts.0.{side}: {message}") and "\n" not in text


def test_a_contrast_of_several_points_must_say_which():
    arms, two = [{"samplers": ["x-y"], "n": [1, 2]}], {name: BUDGETS[name] for name in ("total", "per")}
    with pytest.raises(
        UserError, match=r"cell: x-y n=2 names 2 points of the grid, one is right; .*tiny x-y per n=2"
    ):
        Grid(study(arms, budgets=two, statistics=contrast({"sampler": "x-y", "n": 2}, ONE)))
    named = contrast({"sampler": "x-y", "n": 2, "budget": "per"}, {"sampler": "none", "model": "bm25"})
    cell, reference = Grid(study(arms, budgets=two, statistics=named)).contrasts[0]
    assert (cell.budget, cell.n_languages, reference.model) == ("per", 2, "bm25")
    # a named ladder is meant only by its name
    arms.append({"samplers": ["x-y"], "n": [2], "ladders": ["far"]})
    grid = Grid(study(arms, ladders=LADDERS, statistics=contrast({"sampler": "x-y", "n": 2}, ONE)))
    assert grid.contrasts[0][0].ladder == "all"
    far, there = {"sampler": "x-y", "n": 2, "ladder": "far"}, {"ladders": LADDERS}
    grid = Grid(study(arms, **there, statistics=contrast(far, {"sampler": "x-y", "n": 2})))
    assert [p.ladder for p in grid.contrasts[0]] == ["far", "all"]
    with pytest.raises(UserError, match=r"0\.cell\.ladder: near is in no arm of the grid; there are far$"):
        Grid(study(arms, **there, statistics=contrast(far | {"ladder": "near"}, ONE)))


def test_declared_sizes_are_told_to_the_runs_that_mix_those_sources_alone():
    sources = {"cldr": {}, "squad": {"size": 500}, "nq": {}}
    budgets = {
        "all": {"kind": "fixed-total", "steps": 12},
        "plain": {"kind": "fixed-total", "steps": 13, "sources": ["cldr", "nq"]},
    }
    arms = [{"samplers": ["x-y"], "n": [2]}]
    old = Grid(study(arms, sources=sources | {"squad": {}}, budgets=budgets))
    new = Grid(study(arms, sources=sources, budgets=budgets))
    assert [run.path for run in old.runs] == [run.path for run in new.runs]
    for a, b in zip(old.runs, new.runs, strict=True):
        more = {"sizes": {"squad": 500}} if b.budget == "all" else {}
        assert b.recipe() == a.recipe() | more and "sizes" not in a.recipe()


# --- dimensions


def cut_and_whole(**changes):
    """A grid whose first of two models has dimensions, and the same grid without them."""
    bert = {"architecture": {"model_type": "bert"}}
    arms = [{"samplers": ["x-y", "hybrid"], "n": [1, 2]}]
    training, sources = {"validation": {"languages": "en"}}, {"cldr": {"validation": True}}
    models = {"tiny": bert | {"dimensions": [64, 16]}, "e5": {"hub": "intfloat/e5"}}
    return (
        Grid(study(arms, models=chosen, training=training, sources=sources, **changes))
        for chosen in (models, models | {"tiny": bert})
    )


def test_dimensions_are_cells_of_their_own_and_train_nothing():
    grid, plain = cut_and_whole()
    assert grid.trained == plain.trained and grid.encoded == plain.encoded
    assert [run.recipe() for run in grid.trained] == [run.recipe() for run in plain.trained]
    assert [run for run in grid.runs if run.dimensions is None] == plain.runs and not plain.cut
    whole = [run for run in plain.runs if run.model == "tiny"]
    assert sorted(run.path for run in grid.cut) == sorted(
        run.path.replace("tiny/", f"tiny@{k}/", 1) for run in whole for k in (64, 16)
    )
    assert all(
        grid.by_path[run.whole.path] == run.whole and re.fullmatch(RUN_WILDCARD, run.path) for run in grid.cut
    )
    # with the checkpoints of the whole vectors
    scored = {(run.whole.path, checkpoint) for run, checkpoint in grid.scored("cldr") if run.dimensions == 16}
    assert scored == {(run.path, c) for run, c in plain.scored("cldr") if run.model == "tiny"}
    assert list(dict.fromkeys(p.model for p in grid.points)) == ["bm25", *grid.study.encoders]
    assert grid.study.encoders == ["tiny", "tiny@64", "tiny@16", "e5"]
    assert all(grid.random(run) == grid.random(run.whole) for run in grid.cut)


def test_a_contrast_names_dimensions_and_means_whole_vectors_without_them():
    arms = [{"samplers": ["x-y"], "n": [1, 2]}]
    models = {"tiny": {"architecture": {"model_type": "bert"}, "dimensions": [16]}}
    named = contrast({"sampler": "x-y", "n": 2, "model": "tiny@16"}, {"sampler": "x-y", "n": 2})
    cell, reference = Grid(study(arms, models=models, statistics=named)).contrasts[0]
    assert (cell.model, reference.model) == ("tiny@16", "tiny")
    wrong = contrast({"sampler": "x-y", "n": 2, "model": "tiny@8"}, ONE)
    with pytest.raises(UserError, match="tiny@8 x-y n=2 names 0 points"):
        Grid(study(arms, models=models, statistics=wrong))
