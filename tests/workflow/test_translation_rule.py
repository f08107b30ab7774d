"""The translation stage in a real run: a tiny model and an English source from a mirror, no network."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from support.project_copy import copy_project, job_counts, snakemake
from support.tiny_translators import madlad

from langscale.config.model import Model
from langscale.data import catalogue
from langscale.data.sources import built as sources
from langscale.models.pretrained import entries

MADLAD = "google/madlad400-3b-mt"
STUDY = {
    "study": "t",
    "languages": {"pool": ["en", "de", "zh"], "heldout": ["tr"]},
    "sources": {"wikiqa": {"translate": True, "pairs": 4}, "cldr": {}},
    "translation": {"hub": MADLAD, "batch_tokens": 64},
    "benchmarks": {"cldr": {"questions": 5}},
    "models": {"tiny": {"architecture": {"model_type": "bert"}}},
    "budgets": {"b": {"kind": "fixed-total", "steps": 2}},
    "grid": [{"samplers": ["x-y"], "n": [2]}],
}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """WikiQA's columns and a hub model, laid out as <host>/<path>."""
    folder = tmp_path_factory.mktemp("mirror")
    rows = [
        {
            "question_id": f"Q{i}",
            "question": f"what is {i}?",
            "document_title": f"D{i}",
            "answer": f"It is {i}. So.",
            "label": 1,
        }
        for i in range(40)
    ]
    (entry,) = catalogue.source("wikiqa").files(["en"])
    shard = folder / entry.path.replace("%2A", "train-00000-of-00001")
    shard.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), shard)
    config = next(entry for entry in entries(Model(hub=MADLAD)) if entry.file == "*.json")
    madlad((folder / config.path).parent)
    return folder


def run(folder, mirror, name, targets, **changes):
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump(STUDY | {"study": name, "mirror": mirror and str(mirror)} | changes))
    return snakemake(folder, *targets, "--configfile", str(config))


def test_the_stage(tmp_path, mirror):
    folder = copy_project(tmp_path / "project")
    output = run(folder, mirror, "one", ["results/one/tables/data.csv"])
    counts = job_counts(output)
    assert (counts["translate"], counts["untranslated"], counts["source"], counts["raw"]) == (1, 1, 1, 2)

    results = folder / "results/one"
    before = sources.table(results / "untranslated/wikiqa", "train", "pairs").to_pandas()
    after = sources.table(results / "data/wikiqa", "train", "pairs").to_pandas()
    assert set(before["language"]) == {"en"} and len(before) == 4
    assert "translated" not in sources.table(results / "data/cldr", "train", "pairs").column_names
    by_language = after.groupby("language")["pair_id"].agg(list).to_dict()
    # held-out tr is not filled, though the tokenizer that is trained here would read it
    assert by_language == {code: sorted(before["pair_id"]) for code in ("de", "en", "zh")}

    table = pd.read_csv(results / "tables/data.csv", keep_default_na=False)
    table = table[table["data"] == "source wikiqa"].set_index(["what", "language"])["count"].to_dict()
    assert table == {
        (f"train {what}{kind}", code): 4
        for what in ("pairs", "passages")
        for kind, codes in (("", ("de", "en", "zh")), (", translated", ("de", "zh")))
        for code in codes
    }
    (memory,) = (folder / "resources/translations").iterdir()
    assert memory.name.startswith("google--madlad400-3b-mt-")
    assert sorted(pair.name for pair in memory.iterdir()) == ["en-de", "en-zh"]
    listed = json.loads((results / "raw/model-translation.json").read_text())
    assert {path.rpartition("/")[2] for path in listed} >= {
        "config.json",
        "tokenizer.json",
        "model.safetensors",
    }

    # bytes are known by their hashes: where they come from and where the project lies is no change
    folder, results = folder.rename(tmp_path / "moved"), tmp_path / "moved/results/one"
    memory = next((folder / "resources/translations").iterdir())
    words = ["results/one/tables/data.csv", "results/one/models/tiny/base.json", "-n"]
    run(folder, mirror, "one", words[:2])
    for address, licences in ((None, []), (f"{mirror}/", ["mlqa-r"])):
        assert "Nothing to be done" in run(folder, address, "one", words, accept_licence=licences)

    # a second study finds everything, and shards stay as they are
    kept = {file: file.stat().st_mtime_ns for file in memory.rglob("*.parquet")}
    run(folder, mirror, "two", ["results/two/data/wikiqa.json"])
    assert {file: file.stat().st_mtime_ns for file in memory.rglob("*.parquet")} == kept
    again = sources.table(folder / "results/two/data/wikiqa", "train", "pairs").to_pandas()
    pd.testing.assert_frame_equal(again, after)

    # another model is another param of the one job; a local folder needs no raw files
    (local,) = mirror.glob("huggingface.co/google/*/resolve/main")
    output = run(
        folder,
        mirror,
        "two",
        ["results/two/data/wikiqa.json"],
        translation={"path": str(local), "batch_tokens": 64},
    )
    assert job_counts(output) == {"translate": 1}
    again = sources.table(folder / "results/two/data/wikiqa", "train", "pairs").to_pandas()
    pd.testing.assert_frame_equal(again, after)


def test_a_study_without_it_has_no_such_rule(project):
    assert "translate" not in snakemake(project, "--list-rules")


def test_a_licence_stops_before_anything_runs(tmp_path, project):
    config = tmp_path / "nllb.yaml"
    config.write_text(yaml.safe_dump(STUDY | {"translation": {"hub": "facebook/nllb-200-distilled-600M"}}))
    output = snakemake(project, "-n", "--configfile", str(config), ok=False)
    assert "accept_licence: [facebook/nllb-200-distilled-600M]" in output and "Job stats" not in output
