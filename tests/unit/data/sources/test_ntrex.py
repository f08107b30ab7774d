"""NTREX on the real 128 languages where the mirror is there, else on a small set of the same format."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.raw_files import put

from langscale.core.errors import UserError
from langscale.data.download import fetch_all
from langscale.data.sources import ntrex
from langscale.languages import families as languages

MIRROR = Path(__file__).parents[5] / "shared/mirror"
mirror = pytest.mark.skipif(not MIRROR.is_dir(), reason=f"the real files are not at {MIRROR}")
CODES = tuple(ntrex.NTREX.languages)
FEW = ["en", "de", "ru", "sr", "th", "zh"]
# Unicode's name of most letters of a text; Dzongkha and Tibetan, say, share one
SCRIPTS = {
    "Arab": "ARABIC", "Armn": "ARMENIAN", "Beng": "BENGALI", "Cyrl": "CYRILLIC", "Deva": "DEVANAGARI", "Ethi":
    "ETHIOPIC", "Geor": "GEORGIAN", "Grek": "GREEK", "Gujr": "GUJARATI", "Guru": "GURMUKHI", "Hans": "CJK",
    "Hant": "CJK", "Hebr": "HEBREW", "Jpan": "HIRAGANA", "Khmr": "KHMER", "Knda": "KANNADA", "Kore": "HANGUL",
    "Laoo": "LAO", "Latn": "LATIN", "Mlym": "MALAYALAM", "Mymr": "MYANMAR", "Sinh": "SINHALA", "Taml":
    "TAMIL", "Telu": "TELUGU", "Thaa": "THAANA", "Thai": "THAI", "Tibt": "TIBETAN",
}  # fmt: skip


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    raw = tmp_path_factory.mktemp("ntrex")
    fetch_all(ntrex.NTREX.files(CODES), raw, str(MIRROR))
    return raw


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Documents of 12, 3 and 1 lines; in English every rule of choice leaves out one line of the first."""
    monkeypatch.setattr(ntrex, "RARE", 0.9)  # "storm" stands in 10 of 16 lines, "common words here" in 15
    topics = {"bbc.1": ["storm"] * 12, "bbc.2": ["vote"] * 3, "rt.com.3": ["goal"]}
    ids = [document for document, its in topics.items() for _ in its]
    english = [f"EN common words here, {topic} u{i}" for i, topic in enumerate(sum(topics.values(), []))]
    english[4] = "Storm u4?"  # short
    english[6] = "Common words here. EN storm: u7!"  # line 7 again
    english[8] = "EN common words here, other u8"  # shares nothing rare
    german = [f"de {i}" for i in range(16)]
    for code, lines in {"en": english, "de": german}.items():
        documents, file = ntrex.NTREX.files_of([code])
        put(tmp_path, documents, "\r\n".join(ids) + "\r\n")
        put(tmp_path, file, "\r\n".join(lines) + "\r\n")
    return tmp_path


def both(languages, raw):
    return [ntrex.build(part, languages, raw) for part in ("train", "validation")]


def test_small_set_by_hand(small):
    """Of 12 lines, one block: the even ones ask, the odd ones are the passage; one line makes none."""
    (pairs, passages), (more, further) = both(["de"], small)
    rows = {(r.pair_id, r.query, r.passage_id) for table in (pairs, more) for r in table.itertuples()}
    assert rows == {
        *((f"ntrex:bbc.1:{i}", f"de {i}", "ntrex:bbc.1:block0") for i in (0, 2, 10)),
        *((f"ntrex:bbc.2:{i}", f"de {12 + i}", "ntrex:bbc.2:block0") for i in (0, 2)),
    }
    texts = {r.passage_id: r.text for table in (passages, further) for r in table.itertuples()}
    assert texts == {"ntrex:bbc.1:block0": "de 1 de 3 de 5 de 7 de 9 de 11", "ntrex:bbc.2:block0": "de 13"}


def test_errors_name_file_and_numbers(small):
    file = ntrex.NTREX.files_of(["de"])[1]
    path = put(small, file, "one line\n")
    with pytest.raises(
        UserError, match=rf"^ntrex: {re.escape(str(path))} has 1 lines; right: 16, as .*IDS.tsv$"
    ):
        ntrex.build("train", ["de"], small)
    with pytest.raises(UserError, match=r"^ntrex: .*ref.fra.txt is missing; run `snakemake download`$"):
        ntrex.build("train", ["fr"], small)
    with pytest.raises(UserError, match="^ntrex has none of the languages xx yy; it has af am "):
        ntrex.build("train", ["xx", "yy"], small)
    with pytest.raises(UserError, match="^ntrex: it has no part test; right: train, validation$"):
        ntrex.build("test", ["de"], small)


def test_files():
    names = [entry.path.rsplit("/", 1)[1] for entry in ntrex.NTREX.files(["sr", "zh", "xx"])]
    assert sorted(names) == [
        "DOCUMENT_IDS.tsv", "newstest2019-ref.srp-Cyrl.txt", "newstest2019-ref.zho-CN.txt",
        "newstest2019-src.eng.txt",
    ]  # fmt: skip
    assert len(CODES) == 128 and {"en", "de", "zh", "sr", "pt", "ar", "el", "th"} <= set(CODES)


@mirror
def test_all_texts_fit_and_are_in_their_script(real):
    """1,997 lines, 123 documents in one piece each; the code of every language says the text's script."""
    documents = ntrex.documents(real)
    assert len(documents) == 123
    assert [line for rows in documents.values() for line in rows] == list(range(1997))
    wrong = {}
    for code in CODES:
        lines = ntrex.lines(code, real)
        assert len(lines) == 1997 and all(lines)
        letters = Counter(unicodedata.name(c, "?").split()[0] for c in "".join(lines[:100]) if c.isalpha())
        script = letters.most_common(1)[0][0]
        if SCRIPTS[languages.script(code)] != script:
            wrong[code] = script
    assert not wrong
    assert "unknown" not in {languages.family(code) for code in CODES}


@mirror
def test_pairs_of_the_real_set(real):
    """The counts in the module's docstring; ids the same in every language; no query in a passage."""
    train, validation = both(FEW, real)
    ids = [set(pairs["pair_id"]) for pairs, _ in (train, validation)]
    assert len(ids[0]) + len(ids[1]) == 921 and not ids[0] & ids[1]
    assert len(set(train[1]["passage_id"])) + len(set(validation[1]["passage_id"])) == 185
    documents = [{i.split(":")[1] for i in its} for its in ids]
    assert not documents[0] & documents[1] and len(documents[0] | documents[1]) == 123
    assert 0.05 < len(documents[1]) / 123 < 0.15 and 0.05 < len(ids[1]) / 921 < 0.10
    for pairs, passages in (train, validation):
        assert sorted(pairs["language"].unique()) == sorted(FEW)
        for language in FEW:
            its = pairs[pairs["language"] == language]
            texts = passages.loc[passages["language"] == language].set_index("passage_id")["text"]
            assert set(its["pair_id"]) == set(pairs["pair_id"])
            assert its["passage_id"].isin(texts.index).all() and its["query"].is_unique
            # repeated by a journalist, or by a translator: one case in sr
            everything = "\n".join(texts)
            assert sum(query in everything for query in its["query"]) <= (language == "sr")
    words = [len(text.split()) for text in train[1].loc[train[1]["language"] == "en", "text"]]
    assert 100 < np.mean(words) < 130 and max(words) < 250


@mirror
def test_tables_are_sorted_and_languages_do_not_matter(real):
    for part in ("train", "validation"):
        tables = ntrex.build(part, ["th", "en", "xx", "de"], real)
        alone = [ntrex.build(part, [code], real) for code in ("de", "en", "th")]
        for table, key, *single in zip(tables, ("pair_id", "passage_id"), *alone, strict=True):
            assert list(zip(table["language"], table[key], strict=True)) == sorted(
                zip(table["language"], table[key], strict=True)
            )
            assert table.values.tolist() == [row for one in single for row in one.values.tolist()]


@mirror
def test_samples_are_nested_and_depend_on_the_seed(real):
    ids = [set(ntrex.build("train", ["en"], real, pairs, seed)[0]["pair_id"]) for pairs, seed in
           ((50, 0), (200, 0), (None, 0), (200, 1), (5000, 0))]  # fmt: skip
    assert [len(its) for its in ids[:2]] == [50, 200]
    assert ids[0] < ids[1] < ids[2] == ids[4] and ids[3] != ids[1]


@mirror
def test_pairs_are_answerable_but_not_trivial(real):
    """BM25 over character n-grams finds passages far above chance and far below always, in two scripts."""
    from langscale.retrieval.bm25 import BM25

    for language in ("en", "th"):
        pairs, passages = ntrex.build("train", [language], real)
        scores = BM25(passages["text"].tolist(), 2, 4).scores(pairs["query"].tolist())
        right = scores[
            np.arange(len(pairs)), passages.set_index("passage_id").index.get_indexer(pairs["passage_id"])
        ]
        ranks = 1 + (scores > right[:, None]).sum(1)
        assert 0.5 < (1 / ranks).mean() < 0.75
