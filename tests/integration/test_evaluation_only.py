"""A study without training: encoders as they are and BM25, from the texts to the report."""

import pandas as pd
import yaml
from support.project_copy import ROOT, snakemake
from support.tiny_encoders import checkpoint

STUDY = {
    "study": "encoders",
    "languages": {"pool": ["en", "de"], "heldout": ["nl"]},
    "benchmarks": {"cldr": {"questions": 20}},
    "statistics": {"resamples": 200},
    "grid": [],
}


def test_encoders_are_scored_without_training(tmp_path):
    checkpoint(tmp_path / "encoder")
    study = STUDY | {
        "models": {"tiny": {"path": str(tmp_path / "encoder"), "query_length": 64, "passage_length": 64}}
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    words = ("--directory", str(tmp_path), "--configfile", str(tmp_path / "study.yaml"))
    snakemake(ROOT, *words)
    tables = tmp_path / "results/encoders/tables"
    scaling = pd.read_csv(tables / "scaling.csv", keep_default_na=False)
    found = scaling[(scaling.metric == "mAP") & (scaling.pair_set == "all")]
    assert set(found.model) == {"tiny", "bm25"}
    assert set(found.setting) == {"mono", "cross", "multi"}
    assert (found.n_languages == 0).all()
    claims = pd.read_csv(tables / "claims.csv")
    assert set(claims.verdict) == {"not tested here"}
    assert claims.reason.str.contains("trains nothing").any()
    assert not (tmp_path / "results/encoders/data").exists()
    assert (tmp_path / "results/encoders/report.html").stat().st_size > 10_000
    assert "Nothing to be done" in snakemake(ROOT, "-n", *words)
