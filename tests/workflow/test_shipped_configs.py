"""The studies in config/: what they hold, and that what their comments say is so."""

from collections import Counter

import pytest
import yaml
from support.project_copy import ROOT

from langscale.claims.catalogue import CLAIMS
from langscale.claims.testability import planned
from langscale.config.study import Study, load
from langscale.data import catalogue
from langscale.design.grid import Grid
from langscale.languages.families import branch, family, script
from langscale.models.pretrained import entries

CONFIG = ROOT / "config"
STUDIES = ("paper", "ladder", "ladder-b", "ntrex", "ntrex-full")


def study(name: str) -> Study:
    return load(yaml.safe_load((CONFIG / f"{name}.yaml").read_text(encoding="utf-8")), name)


@pytest.fixture(scope="module")
def grids() -> dict[str, Grid]:
    return {name: Grid(study(name)) for name in STUDIES}


def of(languages, fact) -> int:
    return len({fact(code) for code in languages})


@pytest.mark.parametrize("name", STUDIES)
def test_no_run_is_trained_twice(grids, name):
    grid = grids[name]
    assert grid.study.study == name
    recipes = [repr(run.recipe() | {"path": ""}) for run in grid.trained]
    assert len(set(recipes)) == len(recipes) == len({run.path for run in grid.trained})


@pytest.mark.parametrize("name", STUDIES)
def test_sources_and_benchmarks_are_in_the_registry_in_the_study_s_languages(grids, name):
    its = grids[name].study
    for source in its.sources:
        assert catalogue.source(source).files(its.languages.pool)
    for key, benchmark in its.benchmarks.items():
        assert catalogue.benchmark(benchmark.set or key).files(benchmark.languages or its.languages.all)
    for model in its.models.values():
        assert entries(model)


@pytest.mark.parametrize("name", STUDIES)
def test_procedure_intervals_have_their_four_replicates(grids, name):
    """A point of fewer, distinct runs would have no headline interval."""
    for point in grids[name].points:
        assert not point.trained or len({path for _, path in point.runs}) >= 4


@pytest.mark.parametrize("file", sorted(CONFIG.glob("*.yaml")), ids=lambda file: file.stem)
def test_each_claim_that_a_config_names_can_be_tested(file):
    its = load(yaml.safe_load(file.read_text(encoding="utf-8")), file.stem)
    assert its.statistics.claims  # a shipped study declares them
    rows = {row.claim.id: row for row in planned(Grid(its)) if row.primary}
    assert {name: row.lack for name, row in rows.items() if row.lack} == {}
    for name in its.statistics.claims:
        assert name in rows or (CLAIMS[name].count and its.audit), name


@pytest.mark.parametrize("file", sorted(CONFIG.glob("*.yaml")), ids=lambda file: file.stem)
def test_each_study_that_varies_n_has_an_arm_at_equal_rows(file):
    grid = Grid(load(yaml.safe_load(file.read_text(encoding="utf-8")), file.stem))
    varied = {point.n_languages for point in grid.points if point.trained}
    kinds = {grid.study.budgets[point.budget].kind for point in grid.points if point.trained}
    assert len(varied) == 1 or "fixed-rows" in kinds or file.stem == "ntrex-full"  # an archived study


def test_the_paper_s_study_draws_from_as_many_pairs_as_it_can_use(grids):
    its = grids["paper"].study
    assert its.sources["mmarco"].pairs == its.budgets["paper"].steps * its.training.batch_size


def test_what_the_ladder_says_of_a_second_size_makes_its_hypothesis_one_that_is_tested():
    text = (CONFIG / "ladder.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    at = lines.index("  # - models: [xlm-r-large]")
    lines[at : at + 5] = [line.replace("# ", "", 1) for line in lines[at : at + 5]]
    added = "\n".join(lines).replace("  # xlm-r-large: ", "  xlm-r-large: ")
    grid = Grid(load(yaml.safe_load(added), "ladder"))
    grid.study.statistics.claims.append("H7")
    (row,) = [row for row in planned(grid) if row.claim.id == "H7" and row.primary]
    assert len(row.parts) == 2 and row.model == "xlm-r, xlm-r-large" and not row.lack


# --- the paper


def test_the_paper_s_study(grids):
    grid = grids["paper"]
    its = grid.study
    assert its.languages.pool == [
        "en",
        "ar",
        "de",
        "es",
        "hi",
        "ru",
        "th",
        "tr",
        "zh",
    ] and its.languages.heldout[:2] == ["el", "vi"]
    assert {run.languages for run in grid.trained} == {tuple(sorted(its.languages.pool))}
    # two models, five seeds: x-x-mono, x-y and five alphas of hybrid; the matched arm
    assert len(grid.trained) == 2 * 5 * (7 + 3)
    assert {run.seed for run in grid.trained} == {1, 2, 3, 4, 5}
    alphas = {c.alpha for c in grid.cells if c.sampler == "hybrid" and c.budget == "paper"}
    assert alphas == {0, 0.25, 0.4, 0.5, 0.6, 0.75, 1}
    training = its.training
    assert (training.batch_size, training.learning_rate, training.weight_decay) == (100, 3e-5, 1e-2)
    assert (training.warmup, training.clip, training.scale, training.hard_negatives) == (0.1, 1.0, 20, 1)
    assert {run.steps for run in grid.trained} == {20_000}
    assert grid.checkpoints == ["last", "best"] and grid.validation_languages == ("en",)
    assert [s for s, options in its.sources.items() if options.validation] == ["squadshifts"]
    assert training.validation.every == 500
    assert all((m.query_prefix, m.passage_prefix) == ("Query: ", "Passage: ") for m in its.models.values())
    assert {name: m.pooling for name, m in its.models.items()} == {"xlm-r": None, "labse": "cls-dense"}


def test_the_paper_s_mix_of_sources_is_that_of_its_sizes(grids):
    """mMARCO has neither th nor tr, and MFAQ is English: whole_pool would leave both out."""
    its = grids["paper"].study
    assert its.sources["mmarco"].size == 39_780_811 and its.sources["mfaq"].size == 3_567_659
    assert not its.budgets["paper"].whole_pool and its.budgets["matched"].whole_pool
    assert not {"th", "tr"} & set(catalogue.source("mmarco").languages)
    filled = {name for name, source in its.sources.items() if source.translate}
    # fully parallel once it is translated, nothing else is in the matched arm
    assert set(its.budgets["matched"].sources) == filled
    assert {s for s, o in its.sources.items() if o.train} == filled | {"mmarco", "mfaq"}


def test_miracl_is_scored_for_one_declared_seed_of_every_cell(grids):
    grid = grids["paper"]
    miracl = grid.scored("miracl")
    assert {run.seed for run, _ in miracl if run.steps} == {1}
    cells = {(c.model, c.sampler, c.alpha, c.budget) for c in grid.cells if c.n_languages}
    seen = {run.path for run, _ in miracl}
    covered = {
        (c.model, c.sampler, c.alpha, c.budget) for c in grid.cells if c.n_languages and c.run.path in seen
    }
    assert covered == cells
    assert [run.model for run, _ in miracl if not run.steps] == ["xlm-r", "labse"]
    # Tables 12 and 13
    assert grid.study.benchmarks["miracl"].languages == [
        "ar",
        "bn",
        "es",
        "fa",
        "fi",
        "fr",
        "hi",
        "id",
        "ja",
        "ko",
        "ru",
        "sw",
        "te",
        "th",
        "zh",
    ]
    assert grid.study.benchmarks["miracl"].seeds == [1]


def test_every_claim_with_numbers_has_contrasts_for_both_models(grids):
    families = Counter((c.family, c.cell.model) for c in grids["paper"].study.statistics.contrasts)
    for claim in ("claim 1", "claim 2", "claim 3", "claim 5", "claim 6", "claim 7", "claim 9", "matched"):
        assert families[claim, "xlm-r"] == families[claim, "labse"] > 0


def test_the_paper_s_study_opts_into_no_licence_by_itself(grids):
    assert grids["paper"].study.accept_licence == []
    head = (CONFIG / "paper.yaml").read_text(encoding="utf-8").splitlines()[:7]
    [line] = [line for line in head if line.startswith("# accept_licence:")]
    assert yaml.safe_load(line[2:]) == {"accept_licence": ["mlqa-r", "mmarco"]}


# --- the ladder


@pytest.mark.parametrize("name", ["ladder", "ladder-b"])
def test_the_ladder(grids, name):
    grid = grids[name]
    its = grid.study
    assert sorted(its.languages.all) == sorted(catalogue.source("squad").languages)
    assert len(its.languages.heldout) == 3
    main = [c for c in grid.cells if c.budget == "fixed-total" and c.sampler == "x-y" and c.ladder.isdigit()]
    assert sorted({c.n_languages for c in main}) == [1, 2, 3, 4, 6, 8]
    # five ladders, two seeds each
    assert Counter(c.ladder for c in main if c.n_languages == 4) == dict.fromkeys("12345", 2)
    assert len({c.run.languages for c in main if c.n_languages == 4}) == 5
    controls = {c.sampler for c in grid.cells if c.sampler.startswith("x-y-")}
    assert "x-y-batch" in controls
    assert {c.cell.sampler for c in its.statistics.contrasts} >= {"x-x-mono", "x-y", "hybrid", "x-y-batch"}


def test_the_budgets_and_controls_are_in_the_first_rotation(grids):
    grid = grids["ladder"]
    kinds = {b.kind for b in grid.study.budgets.values()}
    assert kinds == {"fixed-total", "fixed-per-language", "fixed-rows"}
    cells = [c for c in grid.cells if c.n_languages]
    assert {c.sampler for c in cells} == {
        "x-x-mono", "x-x", "x-y", "hybrid", "x-y-batch", "x-y-same", "x-y-ring", "x-y-en-centric",
        "hybrid-batch",
    }  # fmt: skip
    assert {c.budget for c in cells if c.sampler == "x-y"} == set(grid.study.budgets)
    assert {c.alpha for c in cells if c.sampler == "hybrid"} == {0.25, 0.5, 0.75}


def test_the_rotations_differ_in_what_is_held_out_and_in_nothing_else(grids):
    a, b = grids["ladder"].study, grids["ladder-b"].study
    assert not set(a.languages.heldout) & set(b.languages.heldout)
    for section in (
        "sources",
        "benchmarks",
        "audit",
        "training",
        "replicates",
        "ladder_count",
        "evaluation",
    ):
        assert getattr(a, section) == getattr(b, section)
    assert b.budgets["fixed-total"] == a.budgets["fixed-total"]
    assert b.models["xlm-r"] == a.models["xlm-r"] and not set(b.models) - {"xlm-r"}
    assert set(a.models) - set(b.models) == {"labse"}

    def unnamed(contrasts):
        return [
            c.model_copy(
                update={
                    s: getattr(c, s).model_copy(update={"budget": None, "model": None})
                    for s in ("cell", "reference")
                }
            )
            for c in contrasts
        ]

    assert unnamed(a.statistics.contrasts) == unnamed(b.statistics.contrasts)


def test_named_ladders_are_as_their_comments_say(grids):
    a, b = grids["ladder"].study.ladders, grids["ladder-b"].study.ladders
    assert [
        (of(a[name][:4], family), of(a[name][:4], script)) for name in ("diverse-first", "one-family-first")
    ] == [
        (4, 4),
        (1, 2),
    ]
    assert [
        (of(b[name][:4], family), of(b[name][:4], script)) for name in ("families-first", "scripts-first")
    ] == [
        (4, 2),
        (1, 4),
    ]
    assert a["zh-first"][0] == "zh"


def test_held_out_languages_are_as_their_comments_say(grids):
    def kin(its, code):
        pool = its.languages.pool
        return script(code) in map(script, pool), family(code) in map(family, pool)

    a, b = grids["ladder"].study, grids["ladder-b"].study
    assert [kin(a, code) for code in ("el", "hi", "vi")] == [(False, True), (False, True), (True, False)]
    assert [kin(b, code) for code in ("ar", "es", "th")] == [(False, False), (True, True), (False, False)]


# --- NTREX


def test_the_ntrex_study(grids):
    grid = grids["ntrex"]
    its = grid.study
    assert len(its.languages.pool) == 96
    assert set(its.languages.all) <= set(catalogue.source("ntrex").languages)
    assert list(its.models) == ["xlm-r", "e5-small"]
    assert set(its.languages.heldout) <= set(catalogue.benchmark("belebele").languages)
    for model in its.models:
        ns = {c.n_languages for c in grid.cells if c.model == model and c.sampler == "x-y"}
        assert {1, 2, 4, 8, 16, 32, 64, 96} <= ns
    pool = its.languages.pool
    for code in ["bg", "mr", "sv", "ur", "xh"]:
        assert (script(code), family(code)) in {(script(p), family(p)) for p in pool}
    for code in ["he", "ka", "ko", "ta"]:
        assert script(code) not in {script(p) for p in pool}
    diverse, one = its.ladders["diverse-first"], its.ladders["one-family-first"]
    assert (of(diverse[:8], family), of(diverse[:8], script)) == (8, 8)
    assert (of(one[:8], branch), of(one[:8], script)) == (1, 1)
    assert of(one[:32], family) == 1


def test_the_small_ntrex_study_is_a_part_of_the_large_one(grids):
    small, large = grids["ntrex-full"].study, grids["ntrex"].study
    assert set(small.languages.pool) - set(large.languages.pool) <= set(large.languages.heldout)
    assert small.models["e5-small"].hub == large.models["e5-small"].hub
