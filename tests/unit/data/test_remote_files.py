"""The registry against the facts that are written down elsewhere and against the real files of the mirror."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from langscale.core.errors import UserError
from langscale.data import catalogue, remote_files
from langscale.data.benchmarks import belebele, tatoeba
from langscale.data.remote_files import Entry, checksums, complete
from langscale.data.sources import ntrex
from langscale.languages import codes
from langscale.languages import families as languages
from langscale.models import known
from langscale.models.pretrained import known_entries

MIRROR = Path("../shared/mirror")
LAREQA = "raw.githubusercontent.com/google-research-datasets/lareqa"


def everything():
    return [*catalogue.files(), *known_entries()]


def files(name, languages):
    """The files of a data set in these languages alone."""
    return (dict(catalogue.benchmarks()) | dict(catalogue.sources()))[name].files_of(languages)


def test_every_data_set_and_model_is_there():
    wanted = (
        "xquad-r mlqa-r miracl miracl-hard tatoeba belebele mewsli-x mmarco squad ntrex nq wikiqa "
        "duorc newsqa entity-questions mfaq mr-tydi yahoo-qa squadshifts cldr"
    )
    assert {*catalogue.benchmarks(), *catalogue.sources()} == set(wanted.split())
    wanted = (
        "FacebookAI/xlm-roberta-base intfloat/multilingual-e5-large "
        "FacebookAI/xlm-roberta-large sentence-transformers/LaBSE google-bert/bert-base-multilingual-cased "
        "intfloat/multilingual-e5-small intfloat/multilingual-e5-base jhu-clsp/mmBERT-base "
        "microsoft/Multilingual-MiniLM-L12-H384 google/madlad400-3b-mt facebook/m2m100_418M "
        "facebook/nllb-200-distilled-600M"
    )
    assert sorted([*known.ENCODERS, *known.TRANSLATORS]) == sorted(wanted.split())


@pytest.mark.parametrize(
    "name, codes_, paths",
    [
        ("xquad-r", ["th"], [f"{LAREQA}/9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c/xquad-r/th.json"]),
        ("mlqa-r", ["zh"], [f"{LAREQA}/354d67d1cd066854cdfbf5ad0e6105528976141d/mlqa-r/zh.json"]),
        (
            "belebele",
            ["en", "zh-Hant"],
            [
                "huggingface.co/datasets/facebook/belebele/resolve/75b399394a9803252cfec289d103de462763db7c/"
                f"data/{code}.jsonl"
                for code in ("eng_Latn", "zho_Hant")
            ],
        ),
        (
            "mewsli-x",
            ["ta"],
            [
                f"huggingface.co/datasets/izhx/mewsli-x/resolve/refs%2Fconvert%2Fparquet/{part}/test/%2A.parquet"
                for part in ("ta", "candidate_entities")
            ],
        ),
        (
            "mmarco",
            ["de"],
            [
                f"huggingface.co/datasets/unicamp-dl/mmarco/resolve/6d039c4638c0ba3e46a9cb7b498b145e7edc6230/data/{file}"
                for file in (
                    "google/collections/german_collection.tsv",
                    "google/queries/train/german_queries.train.tsv",
                    "triples.train.ids.small.tsv",
                )
            ],
        ),
        (
            "squad",
            ["en", "th"],
            [
                "rajpurkar.github.io/SQuAD-explorer/dataset/train-v1.1.json",
                "storage.googleapis.com/xtreme_translations/SQuAD/translate-train/squad.translate.train.en-th.json",
            ],
        ),
    ],
)
def test_paths(name, codes_, paths):
    assert [entry.path for entry in files(name, codes_)] == paths


def test_known_hashes_are_hashes_of_entries():
    # the files of a Dense module get theirs once modules.json is fetched
    known = {path: facts for path, facts in checksums().items() if "/2_Dense/" not in path}
    entries = {entry.path: entry for entry in everything()}
    # files that an entry stands for with a pattern get theirs once their names are known
    named = {
        entry.path.replace("%2A", "train-00000-of-00001"): entry
        for entry in entries.values()
        if entry.pattern
    }
    named |= {
        entry.path.replace("%2A", "test-00000-of-00001"): entry for entry in entries.values() if entry.pattern
    }
    assert len(known) >= 167 and set(known) <= set(entries) | set(named)
    for path in set(known) - set(entries):
        one = replace(named[path], file=path.partition(f"{named[path].revision}/")[2])
        assert (one.path, one.sha256) == (path, None)
        entries[path] = complete([one])[0]
    for path, (digest, size) in known.items():
        assert re.fullmatch(r"[0-9a-f]{64}", digest) and (size is None or size > 0)
        assert (entries[path].sha256, entries[path].size) == (digest, size)
    assert all(entry.sha256 and entry.size for entry in catalogue.benchmark("mlqa-r").files(["zh", "en"]))


@pytest.mark.skipif(not MIRROR.is_dir(), reason="the mirror with the real files is not here")
def test_hashes_are_those_of_the_real_files():
    found = [entry for entry in everything() if entry.sha256 and (MIRROR / entry.path).is_file()]
    assert {entry.name for entry in found} == {"xquad-r", "ntrex"} and len(found) == 11 + 129
    for entry in found:
        content = (MIRROR / entry.path).read_bytes()
        assert (entry.sha256, entry.size) == (hashlib.sha256(content).hexdigest(), len(content))


def test_what_is_not_pinned_says_so():
    for entry in everything():
        if entry.repo and not re.fullmatch(r"[0-9a-f]{40}", entry.revision):
            assert remote_files.UNPINNED in entry.note or "no fixed revision" in entry.note, entry
        if entry.licence is None:
            assert "licence" in entry.note.lower(), entry
        assert (entry.url is None) != (entry.repo is None)


def test_non_commercial_licences_are_restricted():
    restricted = {entry.name for entry in everything() if entry.restricted}
    assert restricted == {"mlqa-r", "mmarco", "facebook/nllb-200-distilled-600M"}
    assert restricted == {
        entry.name for entry in everything() if re.search("-NC-|MS-MARCO", entry.licence or "")
    }


def test_no_file_is_listed_twice():
    paths = [entry.path for entry in everything()]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("eng_Latn", "en"), ("zho_Hans", "zh"), ("zho_Hant", "zh-Hant"), ("cmn", "zh"), ("arb_Arab", "ar"),
        ("arb_Latn", "ar-Latn"), ("acm_Arab", "acm"), ("srp-Cyrl", "sr"), ("srp-Latn", "sr-Latn"),
        ("eng-US", "en-US"), ("por-BR", "pt-BR"), ("prs", "fa-AF"), ("nob", "nb"), ("swh", "sw"),
        ("tgl", "fil"),
        ("npi_Latn", "ne-Latn"), ("kor_Hang", "ko"), ("jpn_Jpan", "ja"), ("ckb-Arab", "ckb"),
        ("aze-Latn", "az"),
    ],
)  # fmt: skip
def test_codes(theirs, ours):
    assert codes.bcp47(theirs) == ours


def test_codes_are_one_to_one_and_known_languages():
    """The sizes are the data sets' own; every code has a name and a branch in the project's tables."""
    sizes = {
        "belebele": 122,
        "tatoeba": 112,
        "ntrex": 128,
        "mmarco": 14,
        "miracl": 18,
        "mewsli-x": 11,
        "squad": 11,
    }
    for name, size in sizes.items():
        found = (dict(catalogue.benchmarks()) | dict(catalogue.sources()))[name].languages
        assert len(set(found.values())) == len(found) == size
        for code in found:
            assert re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", code)
            assert languages.branch(code) != "unknown", code
    assert ntrex.CODES["zh-Hant"] == "zho-TW" and belebele.CODES["ps"] == "pbt_Arab"
    assert (tatoeba.CODES["dtp"], tatoeba.CODES["kzj"]) == ("dtp", "kzj")


def test_languages_that_a_set_lacks_are_passed_over():
    assert len(files("mlqa-r", ["en", "ru", "th"])) == 1
    assert [entry.file for entry in files("tatoeba", ["en", "nb"])] == ["test/nob-eng.jsonl.gz"]
    with pytest.raises(UserError, match="mlqa-r has none of the languages ru th; it has ar de en"):
        files("mlqa-r", ["ru", "th"])


def test_an_address_is_where_the_hub_serves_a_file():
    entry = Entry("x", repo="a/b", revision="refs/convert/parquet", file="en/test/0000.parquet")
    assert entry.address == (
        "https://huggingface.co/datasets/a/b/resolve/refs%2Fconvert%2Fparquet/en/test/0000.parquet"
    )
