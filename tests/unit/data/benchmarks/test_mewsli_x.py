"""Mewsli-X on small parquet files with the columns that code which loads the hub's copies uses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from langscale.core.errors import UserError
from langscale.data.benchmarks import mewsli_x as mewslix
from langscale.data.benchmarks.built import Benchmark

ENTITIES = [
    ("Q38768", "Skala Richter atau SR didefinisikan sebagai logaritma.", "id"),
    ("Q1757", "Helsinki on Suomen pääkaupunki.", "fi"),
    ("Q167217", "Abu Musa is an island.", "en"),
]
MENTIONS = {
    "es": [("escala de Richter: de 6,8 grados en la { escala de Richter }", "Q38768", "a1")],
    "en": [
        ("Helsinki: In { Helsinki } the union", "Q1757", "a2"),
        ("Abu Musa: { Abu Musa }", "Q167217", "a3"),
    ],
}


def write(raw, entry, tables):
    """The shards of one entry and the listing that `expand` leaves."""
    folder = Path(entry.file).parent
    names = [f"{folder}/{n:04d}.parquet" for n in range(len(tables))]
    listing = raw / f"{entry.path}.json"
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text(json.dumps({"files": [{"file": name} for name in names]}))
    for name, table in zip(names, tables, strict=True):
        table.to_parquet(listing.parent / Path(name).name, index=False)


@pytest.fixture
def raw(tmp_path):
    *mentions, entities = mewslix.MEWSLI_X.files(list(MENTIONS))
    for entry, rows in zip(mentions, MENTIONS.values(), strict=True):
        write(tmp_path, entry, [pd.DataFrame(rows, columns=["mention", "entity_id", "example_id"])])
    columns = ["entity_id", "description", "description_language"]
    shards = [pd.DataFrame(rows, columns=columns) for rows in (ENTITIES[:2], ENTITIES[2:])]
    write(tmp_path, entities, [shard.assign(title="t") for shard in shards])
    return tmp_path


def test_one_gold_entity_in_the_pool_of_all_languages(raw, tmp_path):
    questions, candidates, qrels = frames = mewslix.build(["en", "es", "th"], None, raw)
    assert questions.to_dict("list") == {
        "question_id": ["a2", "a3", "a1"], "cluster": ["Q1757", "Q167217", "Q38768"],
        "language": ["en", "en", "es"],
        "text": [MENTIONS["en"][0][0], MENTIONS["en"][1][0], MENTIONS["es"][0][0]],
    }  # fmt: skip
    assert {*candidates[["key", "text", "language"]].itertuples(index=False, name=None)} == set(ENTITIES)
    assert list(qrels["candidate_id"]) == ["Q1757", "Q167217", "Q38768"]
    for name, table in zip(("questions", "candidates", "qrels"), frames, strict=True):
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    benchmark = Benchmark.load(tmp_path)
    assert benchmark.languages == ("en", "es", "fi", "id")
    assert ((benchmark.relevant >= 0).sum(1) == 1).all()
    assert np.flatnonzero(benchmark.relevant[2] >= 0) == [3]  # asked in es, described in id


def test_without_ids_the_content_is_the_id(raw):
    entry = mewslix.MEWSLI_X.files(["es"])[0]
    table = pd.DataFrame([MENTIONS["es"][0][:2]] * 2, columns=["mention", "entity_id"])
    write(raw, entry, [table])
    first = mewslix.build(["es"], None, raw)[0]["question_id"]
    assert len(set(first)) == 2 and first[1] == f"{first[0]}-2" and len(first[0]) == 32
    assert list(mewslix.build(["es"], None, raw)[0]["question_id"]) == list(first)


def test_a_sample_keeps_the_pool(raw):
    questions, candidates, _ = mewslix.build(["en", "es"], 1, raw)
    assert list(questions["language"]) == ["en", "es"] and len(candidates) == 3


def test_odd_input_is_named(raw):
    *_, entities = mewslix.MEWSLI_X.files(["es"])
    write(
        raw,
        entities,
        [pd.DataFrame(ENTITIES[1:], columns=["entity_id", "description", "description_language"])],
    )
    with pytest.raises(
        UserError, match="mewsli-x: 1 gold entities, such as Q38768, are not among the candidates"
    ):
        mewslix.build(["es"], None, raw)
    write(raw, entities, [pd.DataFrame({"entity_id": ["Q1"], "text": ["x"]})])
    with pytest.raises(UserError, match="no column description, description_language; found entity_id, text"):
        mewslix.build(["es"], None, raw)
    with pytest.raises(UserError, match="mewsli-x has none of the languages th; it has ar de en"):
        mewslix.build(["th"], None, raw)
