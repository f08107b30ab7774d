"""The ledger as a table: one family, the audit, and the same numbers as the contrasts of real score files."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
import synthetic
from planted import Planted, study

from langscale import layout, ledger
from langscale.experiment import Claim
from langscale.panel import Mix, Panel, Quantity
from langscale.scores import Scores
from langscale.statistics import cluster_parts
from langscale.verdicts import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDECIDED


def test_one_family_over_models_and_benchmarks():
    made = study(
        "C3",
        models=("narrow", "wide"),
        benchmarks={"xquad-r": {}, "mlqa-r": {}},
        statistics={"resamples": 200},
    )
    panel = Planted(
        made, lambda q, c: 0.5 + 0.004 * (c.sampler == "hybrid" and q.setting == "multi"), noise=0.004
    )
    found = ledger.entries(panel, "xquad-r") + ledger.entries(panel, "mlqa-r")
    table = ledger.table(made, found, None)
    claims = table[table["part"] == "all"]
    assert claims.groupby("claim").size()[["C1", "C4", "C8", "H2"]].tolist() == [4, 2, 1, 4]
    assert list(claims["claim"].drop_duplicates()) == list(get_args(Claim))
    tested = claims.dropna(subset=["p"]).sort_values("p")
    by_hand = np.minimum(np.maximum.accumulate(tested["p"] * np.arange(len(tested), 0, -1)), 1)
    np.testing.assert_allclose(tested["p_adjusted"], by_hand)


def test_separation_is_read_from_the_audit():
    made = study("C8", audit={"drop": True})
    names = ["source", "part", "benchmark", "language", "pairs", "benchmark_texts", "exact", "near", "through_ids", "offending", "share"]  # fmt: skip

    def c8(offending, texts=9):
        rows = [("squad", "train", "xquad-r", "en", 10, 9, 0, 0, 0, 7, 0.7), ("squad", "train", "xquad-r", "all", 40, texts, 0, 0, 0, offending, 0)]  # fmt: skip
        return ledger.table(made, [], pd.DataFrame(rows, columns=names)).iloc[0]

    assert c8(0)["verdict"] == SUPPORTED and c8(0)["effect"] == 0
    assert c8(3)["verdict"] == CONTRADICTED and c8(3)["effect"] == pytest.approx(3 / 40)
    assert c8(3)["reason"] == "3 pairs overlap; they are left out before training"
    assert c8(0, texts=0)["verdict"] == NOT_TESTED and c8(3, texts=0)["verdict"] == CONTRADICTED


def test_diversity_is_read_from_its_table():
    made = study("H4", models=("narrow", "wide"))
    found = ledger.entries(Planted(made, lambda q, c: 0.5), "xquad-r")
    names = ["model", "sampler", "alpha", "budget", "ladder", "benchmark", "setting", "pair_set", "predictor", "n_values", "slope",
             "p", "n_sets", "note", "checkpoint", "average"]  # fmt: skip
    head = ("total", "all", "xquad-r", "cross", "heldout-pool", "scripts", "2 4")
    rows = [
        ("narrow", "x-x-mono", None, *head, -0.05, 0.001, 6, "", "last", "macro"),
        ("narrow", "hybrid", 0.4, *head, -0.05, 0.001, 6, "", "last", "macro"),
        ("narrow", "hybrid", 0.5, *head, -0.05, 0.001, 6, "", "best", "macro"),
        ("narrow", "hybrid", 0.5, *head, 0.02, 0.004, 6, "", "last", "macro"),
        ("wide", "hybrid", 0.5, *head, -0.02, 0.01, 5, "", "last", "macro"),
    ]

    def h4(rows, **changes):
        return ledger.table(made, found, None, pd.DataFrame(rows, columns=names).assign(**changes)).set_index(
            "model"
        )

    table = h4(rows)
    assert table["verdict"].to_dict() == {"narrow": SUPPORTED, "wide": CONTRADICTED}
    assert table.loc["narrow", ["effect", "p", "p_adjusted", "n_runs"]].tolist() == [0.02, 0.004, 0.008, 6]
    assert h4(rows, p=0.3)["verdict"].tolist() == [UNDECIDED, UNDECIDED]
    lacking = h4(rows, p=np.nan, note="needs 4 distinct sets")
    assert set(lacking["verdict"]) == {NOT_TESTED} and set(lacking["reason"]) == {"needs 4 distinct sets"}
    assert set(h4(rows[:0])["verdict"]) == {NOT_TESTED}


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
        assert row["smallest_detectable"] == pytest.approx(same["smallest_detectable"])
        assert row["n_runs"] == 4


def test_a_mix_is_the_weighted_sum_of_the_averages(made):
    panel = Panel(
        made.study, made.grid, {path: made.scores[path, "last"] for path in (r.path for r in made.grid.runs)}
    )
    low, rest = Quantity("mono", "mAP", asked=("el", "nl")), Quantity("mono", "mAP", asked=("ar", "de", "en"))
    cross = Quantity("cross", "mAP", asked=("de",))
    parts = [cluster_parts(f.sums, f.counts).sum(axis=0) for f in map(panel.sums, (low, rest, cross))]
    mixed = panel.sums(Mix(((1.0, low), (-1.0, rest), (0.5, cross))))
    got = cluster_parts(mixed.sums, mixed.counts).sum(axis=0)
    np.testing.assert_allclose(got, parts[0] - parts[1] + 0.5 * parts[2], atol=1e-12)
    assert panel.sums(Mix(((1.0, low), (-1.0, Quantity("mono", "mAP", asked=()))))) is None


def test_the_ledger_on_disk(made, tmp_path):
    layout.write(made.tables["claims"], tmp_path, "claims")
    table = pd.read_csv(tmp_path / "claims.csv", keep_default_na=False, na_values=[""])
    assert tuple(table.columns) == ledger.COLUMNS
    assert set(table["claim"]) == set(get_args(Claim))
    assert set(table["verdict"]) <= {SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED}
    lines = (tmp_path / "claims.md").read_text().split("\n\n")[0].splitlines()  # without the footnote
    assert len(lines) == 2 + len(get_args(Claim)) and "nan" not in "".join(lines)
    assert (tmp_path / "claims.tex").read_text().count("not tested here") == (table["part"] == "all")[
        table["verdict"] == NOT_TESTED
    ].sum()


def test_the_same_scores_give_the_same_ledger(made):
    again = ledger.table(
        made.study,
        ledger.entries(
            Panel(
                made.study, made.grid, {k[0]: Scores.load(f) for k, f in made.files.items() if k[1] == "last"}
            ),
            "cldr",
        ),
        None,
    )
    pd.testing.assert_frame_equal(again, made.tables["claims"])
