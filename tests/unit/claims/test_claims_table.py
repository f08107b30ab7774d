"""The ledger as a table: one family, the audit, and the same numbers as the contrasts of real score files."""

import numpy as np
import pandas as pd
import pytest
from support import synthetic_study as synthetic
from support.planted_panel import Planted, study
from support.rendered_study import write_table

from langscale.claims import claims_table
from langscale.claims.catalogue import CLAIMS
from langscale.claims.testability import planned
from langscale.claims.verdicts import (
    CONTRADICTED,
    NOT_TESTED,
    OPPOSITE,
    REPLICATED,
    SUPPORTED,
    UNDECIDED,
)
from langscale.design.grid import Grid
from langscale.retrieval.scores import Scores
from langscale.statistics.intervals import cluster_parts
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import Mix, Quantity


def test_one_primary_pair_is_tested_in_order_and_the_others_replicate_it():
    made = study(
        "C3",
        models=("narrow", "wide"),
        benchmarks={"xquad-r": {}, "mlqa-r": {}},
        statistics={"resamples": 200, "claims": ["C3", "C2", "C1", "H2"], "sequence": ["C3", "C1"]},
    )

    def truth(q, c):  # C1 is in between, so that the sequence ends there
        return 0.5 + 0.03 * (c.sampler == "hybrid") * (1 if c.model == "narrow" else -1)

    panel = Planted(made, truth, noise=0.004)
    found = claims_table.entries(panel, "xquad-r") + claims_table.entries(panel, "mlqa-r")
    table = claims_table.table(made, found, None)
    claims = table[table["part"] == "all"]
    assert list(claims["claim"].drop_duplicates()) == ["C3", "C1", "H2", "C2"]
    assert claims.groupby("claim").size().unique().tolist() == [4]
    first = claims.groupby("claim", sort=False).nth(0)
    assert set(zip(first["model"], first["benchmark"], strict=True)) == {("narrow", "xquad-r")}
    assert first["position"].tolist() == [1, 2, 3, 4] and claims["position"].count() == 4
    assert first["role"].tolist() == ["confirmatory", "confirmatory", "exploratory", "exploratory"]
    assert first["verdict"].tolist() == [SUPPORTED, UNDECIDED, UNDECIDED, UNDECIDED]
    assert first.iloc[3]["p"] < 0.05 <= first.iloc[3]["p_adjusted"] == first["p"].iloc[1:3].max()
    assert first.iloc[3]["reason"].startswith("exploratory, as C1 before it is not decided")
    others = claims[claims["role"] == "replication"].set_index(["claim", "benchmark", "model"])
    assert others.loc["C3", "verdict"].to_dict() == {
        ("xquad-r", "wide"): OPPOSITE, ("mlqa-r", "narrow"): REPLICATED, ("mlqa-r", "wide"): OPPOSITE
    }  # fmt: skip
    assert set(others.loc["C2", "verdict"]) == {UNDECIDED} and others["p_adjusted"].isna().all()
    assert others.loc["C2", "reason"].str.contains("no verdict to replicate").all()
    assert table[table["part"] != "all"]["verdict"].isna().all()


def test_the_primary_pair_and_holm_are_options():
    options = {"resamples": 200, "claims": ["C1", "C2", "C3"], "multiplicity": "holm"}
    options |= {"primary": {"model": "wide", "benchmark": "mlqa-r"}}
    made = study(
        "C3", models=("narrow", "wide"), benchmarks={"xquad-r": {}, "mlqa-r": {}}, statistics=options
    )
    panel = Planted(made, lambda q, c: 0.5 + 0.005 * (c.sampler == "hybrid"), noise=0.004)
    found = claims_table.entries(panel, "xquad-r") + claims_table.entries(panel, "mlqa-r")
    table = claims_table.table(made, found, None)
    claims = table[table["part"] == "all"]
    tested = claims[claims["role"] == "confirmatory"]
    assert set(zip(tested["model"], tested["benchmark"], strict=True)) == {("wide", "mlqa-r")}
    assert len(tested) == 3 and claims["position"].isna().all()
    p = tested["p"].sort_values()
    by_hand = np.minimum(np.maximum.accumulate(p * [3, 2, 1]), 1)
    np.testing.assert_allclose(tested.loc[p.index, "p_adjusted"], by_hand)


def test_what_cannot_be_tested_is_known_from_the_config_and_skipped():
    made = study("C3", samplers=["x-x-mono", "x-y"], statistics={"resamples": 200})
    before = {row.claim.id: row.lack for row in planned(Grid(made)) if row.primary}
    assert before["C1"] == "" and before["C2"] == "hybrid is not in the grid" and "x-y-batch" in before["H3"]
    for worlds in (lambda q, c: 0.5, lambda q, c: 0.5 + 0.1 * c.n):
        table = claims_table.table(made, claims_table.entries(Planted(made, worlds), "xquad-r"), None)
        claims = table[(table["part"] == "all") & (table["claim"] != "C8") & (table["claim"] != "C9")]
        lacking = claims["verdict"] == NOT_TESTED
        assert claims[lacking].set_index("claim")["reason"].to_dict() == {
            k: v for k, v in before.items() if v
        }
        assert claims[~lacking]["position"].tolist() == [*range(1, 1 + (~lacking).sum())]
        assert claims.loc[lacking, ["p", "p_adjusted", "position"]].isna().all(axis=None)


@pytest.mark.parametrize("replicates, words", [(1, "one replicate"), (3, "3 replicates")])
def test_without_replicates_a_claim_is_not_tested_and_says_so(replicates, words):
    made = study("C3", replicates=replicates)
    table = claims_table.table(made, claims_table.entries(Planted(made, lambda q, c: 0.5), "xquad-r"), None)
    row = table.iloc[0]
    assert (row["verdict"], row["reason"]) == (NOT_TESTED, f"{words}, a test needs 4")
    assert table[["p", "p_adjusted", "position"]].isna().all(axis=None)


def test_separation_is_read_from_the_audit():
    made = study("C8", audit={"drop": True})
    names = [
        "source",
        "part",
        "benchmark",
        "language",
        "pairs",
        "benchmark_texts",
        "exact",
        "near",
        "through_ids",
        "offending",
        "share",
    ]

    def c8(offending, texts=9):
        rows = [
            ("squad", "train", "xquad-r", "en", 10, 9, 0, 0, 0, 7, 0.7),
            ("squad", "train", "xquad-r", "all", 40, texts, 0, 0, 0, offending, 0),
        ]
        return claims_table.table(made, [], pd.DataFrame(rows, columns=names)).iloc[0]

    assert c8(0)["verdict"] == SUPPORTED and c8(0)["effect"] == 0
    assert c8(0)["reason"].endswith(
        "; about this study's own training data (squad), without the paper's "
        "duorc, mfaq, mmarco, mr-tydi, newsqa, nq, wikiqa, yahoo-qa"
    )
    assert c8(3)["verdict"] == CONTRADICTED and c8(3)["effect"] == pytest.approx(3 / 40)
    assert c8(3)["reason"] == "3 pairs overlap; they are left out before training"
    assert c8(0, texts=0)["verdict"] == NOT_TESTED and c8(3, texts=0)["verdict"] == CONTRADICTED


DIVERSITY = ["model", "sampler", "alpha", "budget", "ladder", "benchmark", "setting", "pair_set",
             "predictor", "n_values", "slope", "p", "n_sets", "n_permutations", "note", "checkpoint",
             "average"]  # fmt: skip


def scripts(model, sampler, alpha, slope, p, permutations=720, checkpoint="last"):
    head = ("total", "all", "xquad-r", "cross", "heldout-pool", "scripts", "2 4")
    return (model, sampler, alpha, *head, slope, p, 6, permutations, "", checkpoint, "macro")


def ladders(**changes):
    """A study with enough ladders: five distinct sets at n = 2."""
    pool = ["en", "de", "es", "hi", "th", "ru"]
    return study("H4", languages={"pool": pool, "heldout": ["el", "vi"]}, n=[1, 2, 6], **changes)


def h4(rows, made, **changes):
    found = claims_table.entries(Planted(made, lambda q, c: 0.5), "xquad-r")
    diversity = pd.DataFrame(rows, columns=DIVERSITY).assign(**changes)
    return claims_table.table(made, found, None, diversity).set_index("model")


def test_diversity_is_read_from_its_table():
    made = ladders(models=("narrow", "wide"), samplers=["x-x-mono", "hybrid", "hybrid-0.4"])
    rows = [
        scripts(
            "narrow", "hybrid", 0.5, -0.05, 0.002
        ),  # without its control, so not the curve of a hypothesis
        scripts("narrow", "hybrid", 0.4, -0.05, 0.002),
        scripts("narrow", "x-x-mono", None, -0.05, 0.002, checkpoint="best"),
        scripts("narrow", "x-x-mono", None, 0.02, 0.004),
        scripts("wide", "x-x-mono", None, -0.02, 0.01),
    ]
    table = h4(rows, made)
    assert table["verdict"].to_dict() == {"narrow": SUPPORTED, "wide": OPPOSITE}
    assert table.loc["narrow", ["effect", "p", "p_adjusted", "n_runs"]].tolist() == [0.02, 0.004, 0.004, 6]
    assert table.loc["narrow", "compared"].endswith("per script of the set, x-x-mono, n = 2 4")
    assert h4(rows, made, p=0.3)["verdict"].tolist() == [UNDECIDED, UNDECIDED]
    others = ["of hybrid" if row[1] == "hybrid" else "needs 4 distinct sets" for row in rows]
    lacking = h4(rows, made, p=np.nan, note=others)
    assert set(lacking["verdict"]) == {NOT_TESTED} and set(lacking["reason"]) == {"needs 4 distinct sets"}
    assert set(h4(rows[:0], made)["verdict"]) == {NOT_TESTED}


def test_diversity_with_hybrid_must_hold_with_one_pair_per_batch():
    rows = [scripts("narrow", "hybrid", 0.5, 0.02, 0.002), scripts("narrow", "hybrid-batch", 0.5, 0.01, 0.04)]
    made = ladders(samplers=["hybrid", "hybrid-batch"])
    table = h4(rows, made)
    assert table.loc["narrow", ["verdict", "effect", "p"]].tolist() == [SUPPORTED, 0.02, 0.04]
    assert (
        h4([rows[0], scripts("narrow", "hybrid-batch", 0.5, -0.01, 0.002)], made)["verdict"].item()
        == UNDECIDED
    )
    without = h4(rows[:1], ladders(samplers=["hybrid"]))
    assert without["verdict"].item() == NOT_TESTED
    assert without["reason"].item() == "the control is missing: hybrid-0.5-batch is not in the grid"


def test_diversity_needs_sets_of_equal_n_that_differ_in_scripts():
    rows = [scripts("narrow", "x-x-mono", None, 0.02, 0.002)]
    for pool, lack in ((["en", "de", "es", "fr", "it"], "the same number of scripts"),
                       (["en", "de", "hi"], "needs 4 distinct sets of languages")):  # fmt: skip
        made = study("H4", samplers=["x-x-mono"], n=[1, 2, 3], languages={"pool": pool, "heldout": ["el"]})
        row = h4(rows, made).iloc[0]
        assert row["verdict"] == NOT_TESTED and lack in row["reason"] and np.isnan(row["p"])


# --- on scores


@pytest.fixture(scope="module", params=[True, False], ids=["parallel", "partly parallel"])
def made(request, tmp_path_factory):
    return synthetic.Made(tmp_path_factory.mktemp("scores"), request.param)


def test_a_part_is_the_contrast_of_the_same_cells(made):
    table, contrasts = made.tables["claims"], made.tables["contrasts"]
    wanted = {
        "cell_sampler": "x-y",
        "reference_sampler": "hybrid",
        "cell_n_languages": 3,
        "reference_n_languages": 3,
    }
    wanted |= {"metric": "mAP", "pair_set": "all", "candidate_language": "all", "average": "macro"}
    for claim, letter, setting in (("C2", "b", "mono"), ("C2", "d", "cross"), ("C3", "b", "multi")):
        row = table[(table["claim"] == claim) & (table["part"] == letter)].iloc[0]
        same = contrasts[
            (contrasts[[*wanted, "setting"]] == pd.Series(wanted | {"setting": setting})).all(axis=1)
        ]
        (same,) = same.to_dict("records")  # declared the other way round
        assert row["effect"] == pytest.approx(-same["difference"])
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((-same["ci_high"], -same["ci_low"]))
        assert (row["runs_ci_low"], row["runs_ci_high"]) == pytest.approx(
            (-same["runs_ci_high"], -same["runs_ci_low"])
        )
        assert row["n_runs"] == 4 and row["sd_runs"] > 0 and row["se_queries"] >= 0


def test_a_mix_is_the_weighted_sum_of_the_averages(made):
    panel = Panel(
        made.study, made.grid, {path: made.scores[path, "last"] for path in (r.path for r in made.grid.runs)}
    )
    low, rest = (
        Quantity("mono", "mAP", query_languages=("el", "nl")),
        Quantity("mono", "mAP", query_languages=("ar", "de", "en")),
    )
    cross = Quantity("cross", "mAP", query_languages=("de",))
    parts = [cluster_parts(f.sums, f.counts).sum(axis=0) for f in map(panel.sums, (low, rest, cross))]
    mixed = panel.sums(Mix(((1.0, low), (-1.0, rest), (0.5, cross))))
    got = cluster_parts(mixed.sums, mixed.counts).sum(axis=0)
    np.testing.assert_allclose(got, parts[0] - parts[1] + 0.5 * parts[2], atol=1e-12)
    assert panel.sums(Mix(((1.0, low), (-1.0, Quantity("mono", "mAP", query_languages=()))))) is None


def test_the_ledger_on_disk(made, tmp_path):
    write_table(made.tables["claims"], tmp_path, "claims")
    table = pd.read_csv(tmp_path / "claims.csv", keep_default_na=False, na_values=[""])
    assert tuple(table.columns) == claims_table.COLUMNS
    assert set(table["claim"]) == set(CLAIMS)
    assert set(table["verdict"].dropna()) <= {SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED}
    assert table["verdict"].isna().equals(table["part"] != "all")
    lines = (tmp_path / "claims.md").read_text().split("\n\n")[0].splitlines()  # without the footnote
    assert len(lines) == 2 + len(CLAIMS) and "nan" not in "".join(lines)
    assert (tmp_path / "claims.tex").read_text().count("not tested here") == (table["part"] == "all")[
        table["verdict"] == NOT_TESTED
    ].sum()


def test_the_same_scores_give_the_same_ledger(made):
    again = claims_table.table(
        made.study,
        claims_table.entries(
            Panel(
                made.study, made.grid, {k[0]: Scores.load(f) for k, f in made.files.items() if k[1] == "last"}
            ),
            "cldr",
        ),
        None,
    )
    pd.testing.assert_frame_equal(again, made.tables["claims"])
