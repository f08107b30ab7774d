"""Every claim on planted worlds: its truth, its opposite, and too much noise."""

import re

import numpy as np
import pytest
from support.planted_panel import HELDOUT, SAMPLERS, rows, study, whole
from support.project_copy import ROOT

from langscale.claims.catalogue import CLAIMS, SEQUENCE, declared, manual
from langscale.claims.claim import Claim
from langscale.claims.model_cells import part
from langscale.claims.parts import ABOVE
from langscale.claims.verdicts import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDECIDED
from langscale.config.terms import UNTRAINED
from langscale.core.errors import UserError


def log2(n):
    return np.log2(max(n, 1))


def risen(n):  # by n of 3 or 4
    return {0: 0.1, 1: 0.3, 2: 0.4}.get(n, 0.5)


def bias(level):
    """Both measures of preference from a function of the cell; mAP the same everywhere."""
    return lambda q, c: {"own before other": level(c) / 200, "own first": level(c) / 250}.get(q.metric, 0.5)


def best(sampler, by=0.05, setting=None):
    return lambda q, c: 0.5 + by * (c.sampler == sampler and setting in (None, q.setting))


def rivals(q, c):  # mono and cross as the paper has them, multi to hybrid
    if c.sampler.startswith("hybrid"):
        return 0.6 if q.setting != "multi" else 0.7
    return {"mono": 0.6 if c.sampler == "x-x-mono" else 0.5, "cross": 0.6 if c.sampler == "x-y" else 0.5}.get(
        q.setting, 0.6
    )


def heldout_queries(q):
    return q.query_languages == tuple(HELDOUT)


def slopes(**of):
    return lambda q, c: 0.5 + of[c.model.replace("-", "")] * log2(c.n)


def translated(low):
    return lambda q, c: 0.5 - low * (q.query_languages == ("th", "hi"))


def tilted(by):
    """multi depends on alpha more, the larger n is."""
    alphas = {"x-x-mono": 1.0, "x-y": 0.0, "x-y-batch": 0.0}
    return lambda q, c: 0.5 + by * c.n * alphas.get(c.sampler, c.alpha or 0.0)


ROWS = {
    "budgets": {
        "rows": {"kind": "fixed-rows", "steps": 9},
        "total": {"kind": "fixed-total", "steps": 9},
    }
}
BOTH = {"models": ("xlm-r", "labse")}
SIZES = {"models": ("wide", "narrow")}
SWEEP = {"samplers": ["x-x-mono", "x-y", "x-y-batch", "hybrid", "hybrid-batch"]}


def gains(total, rows):
    """Gains at the largest n, with all rows and at equal rows."""
    return lambda q, c: 0.3 + {"total": total, "rows": rows}.get(c.budget, 0) * (c.n - 1) / 3


WORLDS = [  # claim, study, a world in which it is true, one in which it is false, the part that is
    ("H0", ROWS, gains(0.1, 0.05), gains(0.1, -0.05), "b"),
    ("H0", ROWS, gains(0.1, 0.05), gains(-0.1, 0.05), "a"),
    ("C1", {}, rivals, best("x-y"), "a"),
    ("C1", {}, rivals, best("x-x-mono"), "b"),
    ("C2", {}, lambda q, c: 0.5, best("hybrid", -0.05, "cross"), "cd"),
    ("C2", {}, best("hybrid"), best("x-x-mono", 0.05, "mono"), "a"),
    ("C3", {}, best("hybrid"), best("x-y"), "b"),
    ("C4", BOTH, rivals, lambda q, c: rivals(q, c) - 0.3 * (c.model == "labse" and c.sampler == "hybrid"),
     "mnopqrst"),
    ("C5", {}, bias(lambda c: 60 if c.sampler == "hybrid" else 100),
     bias(lambda c: 120 if c.sampler == "hybrid" else 100), "ab"),
    ("C6", {}, risen_in := lambda q, c: 0.5 if c.n else 0.1, lambda q, c: 0.5 - 0.1 * (c.n > 0), "abc"),
    ("C6", {}, risen_in, lambda q, c: risen_in(q, c) - 0.1 * (c.sampler == "hybrid" and heldout_queries(q)),
     "de"),
    ("C7", {}, lambda q, c: 0.5, lambda q, c: 0.5 - 0.1 * (c.alpha == 0.6), "bcefhi"),
    ("C9", {"benchmark": "miracl"}, lambda q, c: 0.5, best("hybrid", -0.05), ""),
    ("H1", {}, lambda q, c: risen(c.n) if heldout_queries(q) else 0.6 - 0.005 * log2(c.n),
     lambda q, c: risen(c.n) if heldout_queries(q) else 0.6 - 0.05 * log2(c.n), "a"),
    ("H1", {}, lambda q, c: risen(c.n) if heldout_queries(q) else 0.6 - 0.005 * log2(c.n),
     lambda q, c: 0.1 * c.n if heldout_queries(q) else 0.6 - 0.005 * log2(c.n), "c"),
    ("H2", {}, lambda q, c: risen(c.n), lambda q, c: 0.1 * c.n, "bd"),
    ("H3", {}, x_y_falls := bias(lambda c: 100 - 10 * c.n * c.sampler.startswith("x-y")),
     bias(lambda c: 100 - 10 * c.n), "ab"),
    ("H3", {}, x_y_falls, bias(lambda c: 100 + c.n), "cd"),
    ("H5", BOTH, slopes(xlmr=0.05, labse=0.005), slopes(xlmr=0.005, labse=0.05), "a"),
    ("H5", BOTH, slopes(xlmr=0.05, labse=-0.02), slopes(xlmr=-0.02, labse=-0.05), "b"),
    ("H6", SWEEP, tilted(0.02), tilted(-0.02), ""),
    ("H7", SIZES, slopes(narrow=-0.05, wide=-0.01), slopes(narrow=-0.01, wide=-0.05), "a"),
    ("H7", SIZES, slopes(narrow=-0.05, wide=0.01), slopes(narrow=0.02, wide=0.05), "b"),  # nothing falls
    ("H8", {}, translated(0.05), translated(-0.05), ""),
]  # fmt: skip


@pytest.mark.parametrize("claim, how, true, false, part", WORLDS, ids=[f"{w[0]}{w[4]}" for w in WORLDS])
def test_a_planted_truth_its_opposite_noise_and_too_few_replicates(claim, how, true, false, part):
    made = study(claim, **how)
    for row in whole(rows(made, true)):
        assert row["verdict"] == SUPPORTED, row
        assert row["p_adjusted"] < 0.05 and row["n_runs"] == 5 and row["smallest_detectable"] > 0
    table = rows(made, false)
    for row in whole(table):
        assert row["verdict"] == CONTRADICTED, row
    parts = table[table["part"] != "all"]
    assert parts["verdict"].isna().all()
    assert set(parts[parts["p"] > 0.95]["part"]) >= set(part)
    for row in whole(table) if part else ():
        assert re.match(
            rf"part [{part}] of {len(parts)} has the smallest p, against the claim", row["reason"]
        )
    noisy = [row for draw in range(4) for row in whole(rows(made, true, noise=3.0, draw=draw))]
    assert sum(row["verdict"] == UNDECIDED for row in noisy) >= 3  # the fourth may be chance
    assert all(row["ci_low"] < row["effect"] < row["ci_high"] for row in noisy)
    for row in whole(rows(study(claim, replicates=3, **how), true)):
        assert row["verdict"] == NOT_TESTED and row["reason"] == "3 replicates, a test needs 4"


def test_every_claim_has_a_planted_truth_and_a_place_in_the_documentation():
    tested = {world[0] for world in WORLDS} | {
        "C8",
        "H0",
        "H4",
    }  # H0: its own tests; the others are read from tables: test_claims_table.py
    assert tested == set(CLAIMS)
    assert (ROOT / "docs/claims.md").read_text(encoding="utf-8") == manual(), (
        "python -m langscale.claims.catalogue > docs/claims.md"
    )


def test_a_claim_has_parts_or_a_count_and_an_unknown_id_is_told():
    for name, claim in CLAIMS.items():
        assert claim.id == name and (claim.parts is None) == (claim.count is not None)
        assert claim.source and claim.statement and claim.holds and claim.needs
    assert [claim.id for claim in declared(study("C3", statistics={"claims": ["C1", "H2"]}))] == ["H2", "C1"]
    options = {"claims": ["H2", "C1", "C7"], "sequence": ["C7", "C1"]}
    assert [claim.id for claim in declared(study("C3", statistics=options))] == ["C7", "C1", "H2"]
    assert [claim.id for claim in declared(study("C3", statistics={}))][:9] == [*SEQUENCE, "C4"]
    with pytest.raises(UserError) as error:
        declared(study("C3", statistics={"claims": ["C1", "C33"]}))
    assert str(error.value) == (
        "statistics.claims.1: C33 is unknown (did you mean C3?); docs/claims.md lists all"
    )
    for sequence, message in (
        (["C2"], "statistics.sequence.0: C2 is not in statistics.claims; add it there"),
        (["C1", "H9"], "statistics.sequence.1: H9 is unknown; docs/claims.md lists all"),
    ):
        with pytest.raises(UserError) as error:
            declared(study("C3", statistics={"claims": ["C1"], "sequence": sequence}))
        assert str(error.value) == message


def test_a_claim_is_added_by_one_record(monkeypatch):
    def better(d):
        yield part(
            ABOVE,
            d.quantity("cross"),
            "cross mAP: x-y minus untrained",
            [d.cell(1.0, "x-y", 4), d.cell(-1.0, UNTRAINED)],
        )

    record = Claim("X1", "a colleague", "x-y helps", "cross: x-y above untrained", "x-y at n = 4", better)
    monkeypatch.setitem(CLAIMS.by_name, "X1", record)
    table = rows(study("X1"), lambda q, c: 0.3 + 0.1 * (c.n > 0))
    assert table[["claim", "source", "statement", "verdict"]].values.tolist() == [
        ["X1", "a colleague", "x-y helps", SUPPORTED]
    ]
    assert table["effect"].item() == pytest.approx(0.1, abs=0.01) and "| X1 | a colleague |" in manual()


def test_a_finding_about_x_y_and_n_must_hold_with_one_pair_per_batch():
    falls = {"x-y": 10, "x-y-batch": 0}
    hint = bias(lambda c: 100 - c.n * falls.get(c.sampler, 0))
    (row,) = whole(rows(study("H3"), hint))
    assert row["verdict"] == UNDECIDED
    without = study("H3", samplers=["x-x-mono", "x-y"])
    table = rows(without, hint)
    (row,) = whole(table)
    assert row["verdict"] == NOT_TESTED
    assert row["reason"] == "the control is missing: x-y-batch is not in the grid"
    # described without p
    assert table["effect"].notna().tolist() == [False, True, True, True, True] and table["p"].isna().all()


def test_hypotheses_that_name_no_sampler_use_the_one_that_the_grid_fixes():
    for samplers, chosen in (
        (SAMPLERS, "x-x-mono"),
        (["x-y", "x-y-batch", "hybrid"], "x-y"),
        (["x-x-mono", "x-y", "hybrid"], "x-x-mono"),
        (["x-y", "hybrid"], "x-y"),
    ):
        table = rows(study("H2", samplers=samplers), lambda q, c: risen(c.n))
        assert table[table["part"] != "all"]["compared"].str.contains(f": {chosen}, n = ").all()
        (row,) = whole(table)
        assert row["verdict"] == (SUPPORTED if samplers != ["x-y", "hybrid"] else NOT_TESTED)


def test_at_one_language_a_sampler_is_its_own_control():
    grid = [{"samplers": ["x-y"], "n": [1, 2, 3, 4]}, {"samplers": ["x-y-batch"], "n": [2, 3, 4]}]
    (row,) = whole(rows(study("H2", grid=grid), lambda q, c: risen(c.n)))
    assert row["verdict"] == SUPPORTED
    rising = {"x-y-batch": 0.0}
    (row,) = whole(rows(study("H2", grid=grid), lambda q, c: risen(c.n) * rising.get(c.sampler, 1.0)))
    assert row["verdict"] != SUPPORTED


def test_a_verdict_on_bias_does_not_rest_on_measures_that_follow_accuracy():
    def truth(q, c):
        better = c.sampler == "hybrid"
        return {"rank distance": 300 - 100 * better, "own-language advantage": 200 - 50 * better}.get(
            q.metric, 0.5
        )

    found = [whole(rows(study("C5"), truth, draw=draw))[0] for draw in range(4)]
    assert all(abs(row["effect"]) < 0.01 for row in found)
    assert sum(row["verdict"] == UNDECIDED for row in found) >= 3  # the fourth may be chance


def test_a_margin_is_a_share_of_a_small_reference():
    # .002 lower is much of .02 and nothing of .5
    for level, verdict in ((0.02, CONTRADICTED), (0.5, SUPPORTED)):
        made = study("C2")
        (row,) = whole(rows(made, lambda q, c, at=level: at - 0.002 * (c.sampler == "hybrid"), noise=1e-4))
        assert row["verdict"] == verdict


@pytest.mark.parametrize("order", [1, -1])
def test_cells_are_those_of_the_budget_with_a_fixed_total(order):
    names = {"longer": "fixed-per-language", "total": "fixed-total"}
    budgets = {name: {"kind": names[name], "steps": 9} for name in sorted(names)[::order]}

    def truth(q, c):
        return 0.5 + 0.1 * (c.sampler == "hybrid") * (1 if c.budget == "total" else -1)

    (row,) = whole(rows(study("C3", budgets=budgets), truth))
    assert row["budget"] == "total" and row["verdict"] == SUPPORTED


def test_a_claim_shows_the_numbers_of_the_part_that_decides():
    table = rows(
        study("C1"), lambda q, c: rivals(q, c) - 0.07 * (q.setting == "mono" and c.sampler == "x-x-mono")
    )
    table = table.set_index("part")[["compared", "effect", "p"]]
    assert table.loc["all", "compared"] == table.loc["a", "compared"] == "mono mAP: x-x-mono minus x-y, n = 4"
    assert table.loc["all", "effect"] == table.loc["a", "effect"]
    table = rows(study("H2"), lambda q, c: 0.1 * c.n + 0.02 * (q.setting == "cross") * c.n).set_index("part")
    assert table.loc["all", "effect"] == table["effect"][["b", "d"]].max()
    assert (table["effect"] > 0).all()  # later minus earlier
    table = rows(study("C3"), lambda q, c: {"hybrid": 0.6, "x-y": 0.59}.get(c.sampler, 0.5)).set_index("part")
    assert table.loc["all", "p"] == table.loc[["a", "b"], "p"].max()
    assert table.loc["all", "effect"] == table.loc["b", "effect"] < table.loc["a", "effect"]


def test_a_benchmark_without_a_setting_and_claims_on_other_benchmarks():
    (row,) = whole(rows(study("C1"), rivals, lacks=("cross",)))
    assert row["verdict"] == NOT_TESTED and row["reason"] == "the benchmark has no such queries or candidates"
    (row,) = whole(rows(study("C3", benchmark="cldr"), best("hybrid")))
    assert row["verdict"] == SUPPORTED and "on cldr; the paper's are XQuAD-R and MLQA-R" in row["reason"]
    own = study("C3", benchmark="mine", benchmarks={"mine": {"set": "xquad-r"}})
    assert "on mine" not in whole(rows(own, best("hybrid")))[0]["reason"]


@pytest.mark.parametrize("claim, how", [("C3", {}), ("C7", {}), ("C9", {"benchmark": "miracl"})])
def test_a_claim_of_the_paper_names_an_encoder_and_a_benchmark_that_the_paper_has_not(claim, how):
    note = "with narrow; the paper's encoders are XLM-R and LaBSE"
    for model, noted in (("narrow", True), ("xlm-r", False), ("labse", False)):
        (row,) = whole(rows(study(claim, models=(model,), **how), best("hybrid", 0)))
        assert (note in row["reason"]) == noted
    (row,) = whole(rows(study("H2"), lambda q, c: risen(c.n)))
    assert "the paper" not in row["reason"]  # a hypothesis of this study
    other = {"C9": "miracl-hard; the paper's is MIRACL"}.get(
        claim, "cldr; the paper's are XQuAD-R and MLQA-R"
    )
    (row,) = whole(rows(study(claim, benchmark=other.split(";")[0]), best("hybrid", 0)))
    assert f"on {other}" in row["reason"]


def test_an_undecided_effect_is_nearer_to_its_bound_than_what_would_be_found():
    undecided = 0
    for draw in range(15):
        (row,) = whole(rows(study("C3"), best("hybrid", 0.05), noise=0.03, draw=draw))
        if row["verdict"] == UNDECIDED:
            undecided += 1
            assert row["effect"] < row["smallest_detectable"]
    assert undecided
    assert row["runs_ci_low"] < row["effect"] < row["runs_ci_high"]
