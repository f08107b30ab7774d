"""Data sets by name: the records of langscale, and those of an installed package."""

import re
import sys

import pandas as pd
import pytest
from support.project_copy import ROOT

from langscale.core.errors import UserError
from langscale.data import catalogue
from langscale.data.records import PARTS, BenchmarkRecord, SourceRecord

MODULE = """
from collections.abc import Sequence

import pandas as pd

from langscale.data.benchmarks.common import frames
from langscale.data.records import BenchmarkRecord, BenchmarkSize, SourceRecord, SourceSize
from langscale.data.remote_files import Web
from langscale.data.sources.common import tables

PROVERBS = SourceRecord(
    name="proverbs",
    languages={"en": "en", "de": "de"},
    locate=Web("https://example.org/proverbs", ("{}.txt",)),
    licence="CC0-1.0",
    size=SourceSize(pairs=2, query=5, passage=10),
    reader=lambda: pairs,
)
RIDDLES = BenchmarkRecord(
    name="riddles",
    languages={"en": "en", "de": "de"},
    locate=None,
    akin=("proverbs",),
    size=BenchmarkSize(queries=1, candidates=1, query=5, candidate=10),
    reader=lambda: build,
)


def pairs(part: str, languages: Sequence[str], raw: str, pairs: int | None, seed: int):
    codes = PROVERBS.chosen(languages)
    return tables(
        [(f"proverbs:{i}", c, f"q{i} {c}", f"p{i}", []) for c in codes for i in (1, 2)[:pairs]],
        [(f"p{i}", c, f"text {i} {c}") for c in codes for i in (1, 2)],
    )


def build(languages: Sequence[str], queries: int | None, raw: str):
    codes = RIDDLES.chosen(languages)
    rows = [("r1", "r1", c, f"question {c}") for c in codes]
    pool = [(f"{c}:r1", "r1", c, f"answer {c}") for c in codes]
    return frames(rows, pool, [("r1", c, f"{other}:r1") for c in codes for other in codes])
"""


@pytest.fixture
def forget():
    catalogue._found.cache_clear()
    yield
    catalogue._found.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch, forget):
    """An installed package with a source and a benchmark, by the files that pip leaves."""
    (tmp_path / "sayings.py").write_text(MODULE)
    facts = tmp_path / "sayings-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: sayings\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[langscale.data]\nsayings = sayings\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sayings", raising=False)
    return tmp_path


def test_an_installed_package_adds_a_source_and_a_benchmark_with_one_file(package, tmp_path):
    source, benchmark = catalogue.source("proverbs"), catalogue.benchmark("riddles")
    assert {catalogue.module_of(record) for record in (source, benchmark)} == {"sayings"}
    assert [entry.url for entry in source.files(["de", "fr"])] == ["https://example.org/proverbs/de.txt"]
    assert source.files(["de"])[0].licence == "CC0-1.0" and not source.bundled and benchmark.bundled
    pairs, passages = source.build("train", ["en", "de"], tmp_path, 1, 0)
    assert pairs["pair_id"].tolist() == ["proverbs:1"] * 2 and len(passages) == 4
    (tmp_path / "out").mkdir()
    benchmark.write(tmp_path / "out", ["en", "de"], None, tmp_path)
    assert len(pd.read_parquet(tmp_path / "out/qrels.parquet")) == 4
    assert "riddles" in catalogue.benchmarks() and "cldr" in catalogue.benchmarks()
    with pytest.raises(
        UserError, match=r"^sources\.proverb: unknown \(did you mean proverbs\?\); there are cldr"
    ):
        catalogue.source("proverb")


def test_two_records_of_one_name_are_an_error(package):
    text = (package / "sayings.py").read_text()
    (package / "sayings.py").write_text(text.replace('name="riddles"', 'name="cldr"'))
    with pytest.raises(UserError, match="data set cldr has two records, in .*benchmarks.cldr and in sayings"):
        catalogue.benchmarks()


def test_every_record_has_its_reader_and_its_facts(forget):
    records = [*catalogue.benchmarks().values(), *catalogue.sources().values()]
    for record in records:
        assert isinstance(record, BenchmarkRecord | SourceRecord) and callable(record.reader())
        assert record.languages and (record.bundled or record.files(list(record.languages)))
        assert set(record.needs) <= set(record.languages)
    for source in catalogue.sources().values():
        assert set(source.parts) <= set(PARTS) and source.size.pairs > 0
    for benchmark in catalogue.benchmarks().values():
        counted = [benchmark.size.queries, benchmark.size.candidates]
        for numbers in (n for n in counted if not isinstance(n, int)):
            assert set(numbers) == set(benchmark.languages)


ALLOWED = {  # facts about other things than data sets
    "src/langscale/published/figures.py",  # what papers trained on
    "src/langscale/models/known.py",  # what models were trained on
    "src/langscale/claims/paper.py",  # what the paper claims
    "src/langscale/claims/claims_table.py",  # the benchmarks of those claims
    "src/langscale/claims/power.py",  # the pilot's benchmark that stands for others
    "src/langscale/claims/testability.py",  # the benchmarks that claims are about
    "src/langscale/reporting/paper_tables.py",  # layouts of the paper's tables
    "src/langscale/reporting/comparison.py",
    "src/langscale/reporting/answers.py",
    "src/langscale/reporting/report.py",
    "src/langscale/reporting/templates/report.html.jinja",  # what the entity descriptions are
}


def test_the_name_of_a_data_set_stands_in_its_own_file_alone(forget):
    names = "|".join({*catalogue.benchmarks(), *catalogue.sources()})
    literal = re.compile(rf"""(["'])({names})\1""")
    found = set()
    for folder in ("src", "workflow"):
        for file in (ROOT / folder).rglob("*"):
            outside = file.parent.name not in ("sources", "benchmarks")
            code = file.suffix in (".py", ".smk", ".jinja") and outside
            if code and literal.search(file.read_text(encoding="utf-8")):
                found.add(str(file.relative_to(ROOT)))
    assert found <= ALLOWED
