"""A real study end to end: what it leaves, what a second run does, what a change does."""

import hashlib
import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from support.finished_study import CONFIG
from support.project_copy import ROOT, snakemake

from langscale.config.study import load
from langscale.reporting.contents import figure_names
from langscale.statistics.contrasts import CONTRASTS
from langscale.statistics.score_tables import SCORES

RUN = "results/small/runs/tiny/x-y/fixed-total"
FIGURES = figure_names(load(yaml.safe_load((ROOT / CONFIG).read_text())))


def table(study: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(study / f"results/small/tables/{name}.csv", keep_default_na=False, na_values=[""])


def digests(study: Path) -> dict[str, str]:
    files = sorted((study / "results/small/tables").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_everything_is_there(study):
    results = study / "results/small"
    there = {p.name for p in (results / "tables").iterdir()}
    for name in (
        "runs",
        "data",
        "scaling",
        "main",
        "languages",
        "pairs",
        "transfer",
        "shares",
        "contrasts",
        "claims",
    ):
        assert f"{name}.csv" in there
    for name in ("trends", "curves", "components", "entry", "diversity", "gaps"):
        assert f"{name}.csv" in there
    for name in (
        "scaling",
        "main",
        "transfer",
        "contrasts",
        "trends",
        "curves",
        "gaps",
        "claims",
        "published",
    ):
        assert {f"{name}.md", f"{name}.tex"} <= there
    drawn = {p.name for p in (results / "figures").iterdir()}
    assert drawn == {f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    assert not [p for p in results.rglob("*.partial")]


def test_tables_have_the_columns_that_others_build_on(study):
    for name in ("scaling", "main", "languages", "pairs", "shares"):
        assert tuple(table(study, name).columns) == SCORES
    assert tuple(table(study, "contrasts").columns) == CONTRASTS


def test_aliases_share_a_run_and_are_no_replicates(study):
    runs = table(study, "runs")
    at_one = runs[runs["n_languages"] == 1]
    assert at_one["run"].nunique() == 4 and len(at_one) == 8
    assert set(at_one["run"].str.split("/").str[1]) == {"x-x-mono"}
    assert set(at_one["run"].str.split("/").str[2]) == {"fixed-total"}
    scaling = table(study, "scaling")
    assert set(scaling.loc[scaling["n_languages"] > 0, "n_runs"]) == {4}


def test_values_are_ordered_and_bounded(study):
    scaling = table(study, "scaling")
    shares = scaling[scaling["metric"].isin(["mAP", "mAP@20", "R@1", "R@10", "nDCG@10"])]
    assert shares["value"].between(0, 1).all()
    assert (scaling["ci_low"].isna() | (scaling["ci_low"] <= scaling["value"])).all()
    assert (scaling["runs_ci_low"] <= scaling["runs_ci_high"]).all()
    assert {"untrained", "none", "x-y", "hybrid"} == set(scaling["sampler"])
    assert set(scaling["checkpoint"]) == {"last", "best"}


def test_languages_of_the_first_ten_are_those_of_the_rankings(study):
    candidates = pd.read_parquet(study / "results/small/benchmarks/cldr/candidates.parquet")["language"]
    for file in sorted((study / "results/small/runs").rglob("scores/last/cldr.parquet")):
        ten = np.load(file.parents[2] / "rankings/last/cldr.npy")[:, :10]
        scores = pd.read_parquet(file)
        for code, count in candidates.value_counts().items():
            assert (scores[f"top 10: {code}"] == (candidates.to_numpy()[ten] == code).sum(axis=1)).all()
            assert set(scores[f"candidates: {code}"]) == {count}
    same = ["model", "sampler", "n_languages", "checkpoint", "average"]
    ours, theirs = table(study, "shares"), table(study, "scaling")
    ours = ours[(ours["metric"] == "share@10") & (ours["candidate_language"] == "own")].set_index(same)
    theirs = theirs[theirs["metric"] == "own-language share@10"].set_index(same)
    numbers = ["value", "ci_low", "ci_high", "runs_ci_low", "runs_ci_high", "n_queries", "n_runs"]
    assert len(ours) and ours.index.equals(theirs.index)
    np.testing.assert_allclose(ours[numbers], theirs[numbers], atol=2e-6)


def test_the_declared_contrast_is_the_only_confirmatory_one(study):
    contrasts = table(study, "contrasts")
    primary = contrasts[contrasts["family"] == "primary"]
    assert primary["checkpoint"].tolist() == ["last"]  # the best checkpoint is exploratory
    assert (primary["p_adjusted"] >= primary["p"]).all()


def test_log_has_a_row_per_step_and_the_measures(study):
    log = pd.read_csv(next((study / RUN).glob("n2-*/seed1/log.csv")))
    assert log["step"].tolist() == list(range(6))
    assert log["validation_loss"].notna().tolist() == [False, False, True, False, False, True]
    assert (log[["loss", "pairs_per_second", "tokens_per_second", "gemm_share"]] > 0).all().all()


def test_checkpoint_opens_in_sentence_transformers_with_the_same_embeddings(study):
    from sentence_transformers import SentenceTransformer

    run = next((study / RUN).glob("n2-*/seed1"))
    ours = np.load(run / "embeddings/last/cldr/questions.npy")
    questions = pd.read_parquet(study / "results/small/benchmarks/cldr/questions.parquet")["text"].tolist()
    theirs = SentenceTransformer(str(run / "last"), device="cpu").encode(questions, prompt_name="query")
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_report_opens_offline(study):
    text = (study / "results/small/report.html").read_text()
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "A small study for the tests" in text and text.count("<img") >= 4


def test_snakemake_makes_its_own_report_with_captions_categories_and_labels(study):
    snakemake(study, "--configfile", CONFIG, "--report", "own.zip")
    with zipfile.ZipFile(study / "own.zip") as archive:
        text = archive.read("own/report.html").decode()
    for name in FIGURES:
        caption = (ROOT / f"workflow/report/{name}.rst").read_text()
        assert f"{name}.svg" in text and caption[:60].strip() in text, name
    for name in ("claims.csv", "main.csv", "published.csv", "report.html"):
        assert name in text
    assert all(f'"{category}"' in text for category in ("Figures", "Tables", "Report"))


def test_provenance(study):
    found = json.loads((study / "results/small/provenance.json").read_text())
    assert found["config"]["training"]["batch_size"] == 32 and found["versions"]["torch"]
    assert found["training"]["runs"] == 8 and found["hardware"]["cores"] >= 1


def test_second_run_does_nothing(study):
    assert "Nothing to be done" in snakemake(study, "--configfile", CONFIG)


def test_a_lost_run_is_made_again_bit_for_bit(study):
    before = digests(study)
    run = next((study / RUN).glob("n2-*/seed2"))
    scores = (run / "scores/last/cldr.parquet").read_bytes()
    weights = (run / "last/model.safetensors").read_bytes()
    shutil.rmtree(run)
    snakemake(study, "scores", "study", "--configfile", CONFIG)
    assert (run / "last/model.safetensors").read_bytes() == weights
    assert (run / "scores/last/cldr.parquet").read_bytes() == scores
    assert digests(study) == before
