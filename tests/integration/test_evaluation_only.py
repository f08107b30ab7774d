"""A study without training: encoders as they are and BM25, from the texts to the report."""

import numpy as np
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
        "models": {
            "tiny": {
                "path": str(tmp_path / "encoder"),
                "query_length": 64,
                "passage_length": 64,
                "dimensions": [4, 16],
            }
        }
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    words = ("--directory", str(tmp_path), "--configfile", str(tmp_path / "study.yaml"))
    snakemake(ROOT, *words)
    tables = tmp_path / "results/encoders/tables"
    scaling = pd.read_csv(tables / "scaling.csv", keep_default_na=False)
    found = scaling[(scaling.metric == "mAP") & (scaling.pair_set == "all")]
    assert set(found.model) == {"tiny", "tiny@4", "tiny@16", "bm25"}
    assert set(found.setting) == {"mono", "cross", "multi"}
    assert (found.n_languages == 0).all()
    contrasts = pd.read_csv(tables / "contrasts.csv", keep_default_na=False)
    between = contrasts[["cell_model", "reference_model"]].drop_duplicates()
    assert {("tiny@4", "tiny"), ("tiny@16", "tiny")} <= set(between.itertuples(index=False, name=None))
    claims = pd.read_csv(tables / "claims.csv")
    assert set(claims.verdict) == {"not tested here"}
    assert claims.reason.str.contains("trains nothing").any()
    assert not (tmp_path / "results/encoders/data").exists()
    runs = tmp_path / "results/encoders/runs"
    whole, cut = (next((runs / name).glob("untrained/none/*/seed0")) for name in ("tiny", "tiny@16"))
    assert (whole / "embeddings").exists() and not (cut / "embeddings").exists()
    vectors = [np.load(whole / f"embeddings/last/cldr/{side}.npy") for side in ("questions", "candidates")]
    first = np.load(cut / "rankings/last/cldr.npy")[:, 0]
    queries, candidates = (v[:, :16] / np.linalg.norm(v[:, :16], axis=1, keepdims=True) for v in vectors)
    best = (queries @ candidates.T).max(axis=1)
    np.testing.assert_allclose((queries * candidates[first]).sum(axis=1), best, atol=1e-6)
    assert (tmp_path / "results/encoders/report.html").stat().st_size > 10_000
    assert "Nothing to be done" in snakemake(ROOT, "-n", *words)
