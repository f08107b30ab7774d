"""Records of data sets: languages, files and their facts."""

from dataclasses import replace

import pandas as pd
import pytest

from langscale.core.errors import UserError
from langscale.data.records import BenchmarkRecord, BenchmarkSize, SourceRecord, SourceSize
from langscale.data.remote_files import Web

SOURCE = SourceRecord(
    name="proverbs",
    languages={"de": "deu", "en": "eng", "fr": "fra"},
    locate=Web("https://example.org", ("{}.txt",)),
    licence="CC0-1.0",
    note="a note",
    size=SourceSize(pairs=2, query=5, passage=10),
    reader=lambda: lambda *values: values,
)


def test_languages_outside_the_record_are_left_out_or_an_error():
    assert SOURCE.chosen(["xx", "en", "de"]) == ["en", "de"]
    with pytest.raises(UserError, match=r"proverbs has none of the languages xx; it has de en fr"):
        SOURCE.chosen(["xx"])
    strict = replace(SOURCE, every_language=True)
    with pytest.raises(UserError, match=r"proverbs has no language 'de-XX'; nearest of its 3: de"):
        strict.chosen(["en", "de-XX"])


def test_files_have_own_codes_and_the_facts_of_the_record():
    (file,) = SOURCE.files(["de"])
    assert file.url == "https://example.org/deu.txt"
    assert (file.name, file.licence, file.note, file.restricted) == ("proverbs", "CC0-1.0", "a note", False)
    needed = replace(SOURCE, needs=("en",))
    assert [entry.url[-7:] for entry in needed.files(["de"])] == ["eng.txt", "deu.txt"]
    assert [entry.url[-7:] for entry in needed.files_of(["de"])] == ["deu.txt"]
    bundled = replace(SOURCE, locate=None)
    assert bundled.bundled and not SOURCE.bundled and bundled.files(["de"]) == []


def test_a_source_is_built_by_its_reader():
    assert SOURCE.build("train", ["de"], "raw", 3, 7) == ("train", ["de"], "raw", 3, 7)


def test_a_benchmark_writes_three_tables(tmp_path):
    record = BenchmarkRecord(
        name="riddles",
        languages={"de": "deu"},
        locate=None,
        size=BenchmarkSize(queries=1, candidates=1, query=5, candidate=10),
        reader=lambda: (
            lambda languages, queries, raw, **options: tuple(
                pd.DataFrame({"value": [name]}) for name in (*languages, str(queries), str(options))
            )
        ),
    )
    record.write(tmp_path, ["de"], 2, "raw", k=1)
    found = [
        pd.read_parquet(tmp_path / f"{name}.parquet")["value"][0]
        for name in ("questions", "candidates", "qrels")
    ]
    assert found == ["de", "2", "{'k': 1}"]
    large = replace(
        record,
        larger_than_memory=True,
        reader=lambda: lambda folder, languages, queries, raw: (folder / "pools.json").write_text("{}"),
    )
    large.write(tmp_path, ["de"], None, "raw")
    assert (tmp_path / "pools.json").exists()
