"""Data, a model, a measure, a sampler and a claim, each in one file of another package, reach the tables."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from support.installed_package import install
from support.project_copy import ROOT, copy_project, snakemake
from support.tiny_encoders import checkpoint

RECORDS = {
    "langscale.data": "data_set",
    "langscale.models": "model",
    "langscale.measures": "measure",
    "langscale.samplers": "sampler",
    "langscale.claims": "claim",
}
REVISION = "0123456789abcdef0123456789abcdef01234567"
EXTENSION = ROOT / "tests/integration/extension"


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """The finished study of the extension, which is installed outside of the project."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    packages = tmp_path_factory.mktemp("packages")
    texts = {f"extension.{name}": (EXTENSION / f"{name}.py").read_text() for name in RECORDS.values()}
    groups = {group: f"extension.{name}" for group, name in RECORDS.items()}
    install(packages, texts | {"extension.__init__": ""}, groups)
    checkpoint(folder / f"mirror/huggingface.co/extension/tiny/resolve/{REVISION}")
    (folder / "study.yaml").write_text((EXTENSION / "study.yaml").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(packages), os.getenv("PYTHONPATH")])))
        snakemake(folder, "results/extension/tables/claims.csv", "--configfile", "study.yaml")
    return folder / "results/extension"


def table(results: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(results / f"tables/{name}.csv", keep_default_na=False, na_values=[""])


def test_each_record_is_one_file_and_reaches_the_tables(results):
    runs, scaling, claims = (table(results, name) for name in ("runs", "scaling", "claims"))
    assert set(runs["sampler"]) == {"untrained", "x-first"} and set(runs["model"]) == {"tiny"}
    assert set(scaling["benchmark"]) == {"zoo"}
    reciprocal = scaling.query("metric == 'RR' and pair_set == 'all' and candidate_language == 'all'")
    assert set(reciprocal["setting"]) == {"mono", "cross", "multi"}
    (claim,) = claims.to_dict("records")
    assert claim["claim"] == "X1" and claim["source"] == "a colleague"
    ends = reciprocal[(reciprocal["setting"] == "multi") & (reciprocal["average"] == "macro")]
    trained, untrained = (ends.loc[ends["sampler"] == s, "value"].item() for s in ("x-first", "untrained"))
    assert claim["effect"] == pytest.approx(trained - untrained, abs=1e-5)


def test_values_are_those_of_the_new_code(results):
    """The reciprocal rank by plain loops, the query prefix of the model's record, the pairs of the set."""
    (file,) = results.glob("runs/tiny/untrained/*/*/*/scores/last/zoo.parquet")
    scores = pd.read_parquet(file)
    own = [row[f"rank in own pool: {row['language']}"] for _, row in scores.iterrows()]
    means = (1 / pd.Series(own)).groupby(scores["language"]).mean()
    found = table(results, "scaling").query(
        "metric == 'RR' and setting == 'mono' and sampler == 'untrained' and pair_set == 'all'"
    )
    assert found.loc[found["average"] == "macro", "value"].item() == pytest.approx(means.mean(), rel=1e-5)
    assert json.loads((results / "models/tiny/base/reading.json").read_text())["query_prefix"] == "find: "
    assert len(scores) == 2 * 16


def test_the_code_of_each_record_is_code_of_its_jobs(results):
    """An edit in the package starts what read the record."""
    run = "runs/tiny/x-first/*/*/seed1"
    for name, pattern in (
        ("data_set", "benchmarks/.made/zoo.json"),
        ("data_set", "data/.made/animals.json"),
        ("sampler", f"{run}/.made/last.json"),
        ("measure", f"{run}/scores/last/.made/zoo.json"),
    ):
        (file,) = results.glob(pattern)
        assert f"extension.{name}" in json.loads(file.read_text())["origin"]["params"]["code"], pattern
