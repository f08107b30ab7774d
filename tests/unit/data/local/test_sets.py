"""Local data sets: every format gives the same pairs, queries and relevant passages."""

import json

import pandas as pd
import pytest
from support.own_files import FORMATS, texts, write

from langscale.config.data import Benchmark, Source
from langscale.core.errors import UserError
from langscale.data import catalogue
from langscale.data.local import sets

CODES = ["de", "en", "es"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def source(path, **more):
    return catalogue.source("own", Source(set="local", path=str(path), **more))


def benchmark(path, **more):
    return catalogue.benchmark("own", Benchmark(set="local", path=str(path), **more))


def frames(record, folder, queries=None):
    folder.mkdir()
    record.write(folder, [*CODES, "fr"], queries, "")
    return [pd.read_parquet(folder / f"{name}.parquet") for name in ("questions", "candidates", "qrels")]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_has_the_same_pairs(kind, tmp_path):
    record = source(write(tmp_path / "files", kind))
    assert sorted(record.languages) == CODES and record.bundled
    pairs, passages = record.build("train", ["de", "en", "fr"], "")
    text = passages.set_index(["passage_id", "language"])["text"]
    found = {
        (r.language, r.query, text[r.passage_id, r.language].removesuffix(" And more.").partition(" ")[2]
         if kind == "beir-languages" else text[r.passage_id, r.language].removesuffix(" And more."))
        for r in pairs.itertuples()
    }  # fmt: skip
    right = {(code, *texts(code, n)) for code in ("de", "en") for n in range(60)}
    assert found == right and len(pairs) == 120 and list(pairs["language"]) == ["de"] * 60 + ["en"] * 60
    parallel = pairs.groupby("pair_id")["language"].nunique()
    assert set(parallel) == ({1} if kind == "beir" else {2})
    assert all(i.startswith("own:") for i in pairs["pair_id"])
    assert record.size.pairs == (180 if kind == "beir" else 60)
    assert record.counted(["de", "en"]) == (0 if kind == "beir" else 60) and record.counted(["en"]) == 60


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_has_the_same_questions(kind, tmp_path):
    record = benchmark(write(tmp_path / "files", kind))
    questions, candidates, qrels = frames(record, tmp_path / "out")
    asked = {(r.language, r.text) for r in questions.itertuples()}
    assert asked == {(code, texts(code, n)[0]) for code in CODES for n in range(60)}
    languages = 1 if kind == "beir" else 3  # in BEIR's one folder, ids tell no translations
    assert len(qrels) == 180 * languages
    assert len(candidates) == (360 if kind == "lareqa" else 180)
    number = {(r.question_id, r.language): r.text for r in questions.itertuples()}
    text = candidates.set_index("candidate_id")["text"]
    for r in qrels.itertuples():
        n = int(number[r.question_id, r.language].split()[-1].rstrip("?"))
        assert f"{n}: " in text[r.candidate_id]
    assert record.size.queries == dict.fromkeys(CODES, 60)
    sizes = [len(frames(record, tmp_path / f"s{k}", k)[0]) for k in (1, 5)]
    assert sizes == ([1, 5] if kind == "beir" else [3, 15])


def test_the_place_of_files_is_no_part_of_a_set(tmp_path):
    one = frames(benchmark(write(tmp_path / "a/files", "languages")), tmp_path / "x")
    other = frames(benchmark(write(tmp_path / "b/other", "languages")), tmp_path / "y")
    for left, right in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_a_list_of_files_and_one_file(tmp_path):
    folder = write(tmp_path / "files", "languages")
    listed = catalogue.source(
        "own", Source(set="local", path=[str(folder / "faq-de.tsv"), str(folder / "faq-es.tsv")])
    )
    assert sorted(listed.languages) == ["de", "es"]
    assert sorted(source(folder / "faq-en.tsv").languages) == ["en"]


def test_numbers_are_counted_once_until_a_file_changes(tmp_path, monkeypatch):
    folder = write(tmp_path / "files", "jsonl", 20)
    assert source(folder).size.pairs == 20 and len(list(sets.COUNTED.iterdir())) == 1
    sets._of_files.cache_clear()
    monkeypatch.setattr(sets, "read", None)  # not read again
    assert source(folder).size.pairs == 20
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    file = folder / "pairs.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:5]))
    assert source(folder).size.pairs == 5


def test_sizes_are_counted(tmp_path):
    size = source(write(tmp_path / "files", "jsonl")).size
    mean = sum(len(texts(code, n)[0].encode()) for code in CODES for n in range(60)) / 180
    assert size.query == pytest.approx(mean / 5.2 + 2, abs=0.1) and size.negatives == 0


def test_validation_keeps_a_share_of_the_passages_apart(tmp_path):
    folder = write(tmp_path / "files", "jsonl", 400)
    record = source(folder, validation=True)
    train, held = (record.build(part, CODES, "")[0] for part in ("train", "validation"))
    assert not set(train["passage_id"]) & set(held["passage_id"])
    assert (
        train["pair_id"].nunique() + held["pair_id"].nunique() == 400 and 8 < held["pair_id"].nunique() < 36
    )
    assert source(folder).build("train", CODES, "")[0]["pair_id"].nunique() == 400


def test_samples_are_nested(tmp_path):
    record = source(write(tmp_path / "files", "jsonl"))
    few, more = (set(record.build("train", CODES, "", n)[0]["pair_id"]) for n in (5, 20))
    assert len(few) == 5 and few < more and len(more) == 20


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_equal_passages_are_one_in_all_languages(tmp_path):
    path = lines(
        tmp_path / "x.jsonl",
        {"id": 1, "language": "en", "query": "a", "passage": "same"},
        {"id": 2, "language": "en", "query": "b", "passage": "same"},
        {"id": 1, "language": "de", "query": "c", "passage": "eins"},
        {"id": 2, "language": "de", "query": "d", "passage": "zwei"},
        {"id": 3, "language": "de", "query": "e", "passage": "zwei"},
        {"id": 4, "language": "de", "query": "f", "passage": "vier"},
    )
    pairs, passages = source(path).build("train", ["de", "en"], "")
    its = pairs.groupby("passage_id")["pair_id"].apply(set).to_dict()
    assert its == {"own:1": {"own:1", "own:2", "own:3"}, "own:4": {"own:4"}}
    assert passages.set_index(["language", "passage_id"])["text"].to_dict() == {
        ("de", "own:1"): "eins", ("de", "own:4"): "vier", ("en", "own:1"): "same",
    }  # fmt: skip


def test_negatives_are_texts_or_ids(tmp_path):
    path = lines(
        tmp_path / "x.jsonl",
        {"id": 1, "language": "en", "query": "a", "passage": "one", "negatives": ["two", "other"]},
        {"id": 2, "language": "en", "query": "b", "passage": "two", "negatives": "one"},
        {"id": 3, "language": "en", "query": "c", "passage": "three", "negatives": []},
        {"id": 4, "language": "en", "query": "d", "passage": "four", "negatives": ["four"]},
    )
    pairs, passages = source(path).build("train", ["en"], "")
    text = passages.set_index("passage_id")["text"]
    assert [[text[n] for n in found] for found in pairs["negative_ids"]] == [
        ["two", "other"],
        ["one"],
        [],
        [],
    ]
    assert source(path).size.negatives == 2
    path = lines(
        tmp_path / "y.jsonl",
        {"id": 1, "language": "en", "query": "a", "passage": "one", "passage_id": 7, "negatives": [8]},
        {"id": 2, "language": "en", "query": "b", "passage": "two", "passage_id": 8},
    )
    pairs, passages = source(path).build("train", ["en"], "")
    assert list(pairs["passage_id"]) == ["own:7", "own:8"]
    assert [list(n) for n in pairs["negative_ids"]] == [["own:8"], []]


def test_several_relevant_passages_and_grades(tmp_path):
    folder = tmp_path / "beir"
    write(folder, "beir-languages", 3)
    (folder / "en/qrels/test.tsv").write_text(
        "query-id\tcorpus-id\tscore\np0\tdp0\t2\np0\tdp1\t1\np1\tdp1\t2\np2\tdp2\t0\np2\tdp1\t2\n"
    )
    for code in ("de", "es"):
        (folder / code / "qrels/test.tsv").unlink()
    qrels = frames(benchmark(folder), tmp_path / "a")[2]
    english = qrels[qrels["language"] == "en"].groupby("question_id")["candidate_id"].apply(set).to_dict()
    both = {i: {c for c in found if c.startswith("en:")} for i, found in english.items()}
    assert both == {"p0": {"en:dp0", "en:dp1"}, "p1": {"en:dp1"}, "p2": {"en:dp1"}}
    qrels = frames(benchmark(folder, relevant=2), tmp_path / "b")[2]
    assert set(qrels.loc[qrels["question_id"] == "p0", "candidate_id"]) == {"de:dp0", "en:dp0", "es:dp0"}
    pairs = source(folder, split="test").build("train", ["en"], "")[0]
    assert set(pairs["pair_id"]) == {"own:p0:dp0", "own:p0:dp1", "own:p1", "own:p2"}
    negatives = pairs.set_index("pair_id")["negative_ids"]
    assert list(negatives["own:p2"]) == ["own:dp2"]  # a grade below `relevant` was judged


def test_sets_that_are_not_parallel_keep_their_ids_apart(tmp_path):
    folder = write(tmp_path / "files", "languages", 5)
    pairs = source(folder, parallel=False).build("train", CODES, "")[0]
    assert pairs["pair_id"].nunique() == 15 and "own:de:p0" in set(pairs["pair_id"])
    qrels = frames(benchmark(folder, parallel=False), tmp_path / "out")[2]
    assert len(qrels) == 15


def test_columns_have_names_of_their_own(tmp_path):
    path = lines(tmp_path / "x.jsonl", {"nr": 1, "Sprache": "ger", "Frage": "a", "Antwort": "b", "query": 7})
    columns = {"id": "nr", "language": "Sprache", "query": "Frage", "passage": "Antwort"}
    pairs = source(path, columns=columns).build("train", ["de"], "")[0]
    assert pairs.loc[0, ["pair_id", "language", "query"]].tolist() == ["own:1", "de", "a"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_spreadsheets_separate_the_cells_of_csv_by_comma_semicolon_or_tab(tmp_path, separator):
    rows = [["id", "language", "query", "passage"], ["1", "de", '"a, b; c\td"', "e"]]
    text = "\r\n".join(separator.join(row) for row in rows)
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    pairs = source(tmp_path / "x.csv").build("train", ["de"], "")[0]
    assert pairs.loc[0, ["pair_id", "query"]].tolist() == ["own:1", "a, b; c d"]


@pytest.mark.parametrize("name, language", [
    ("de.jsonl", "de"), ("faq-de.jsonl", "de"), ("de_faq.jsonl", "de"), ("faq.zh-Hant.jsonl", "zh-Hant"),
    ("faq_eng_Latn.jsonl", "en"), ("deu.jsonl", "de"), ("pt-BR.jsonl", "pt-BR"),
    ("sr-Latn/x.jsonl", "sr-Latn"),
    ("fr/faq.jsonl", "fr"), ("zh-Hans.jsonl", "zh"), ("swh_Latn.jsonl", "sw"),
])  # fmt: skip
def test_languages_of_file_names(tmp_path, name, language):
    path = tmp_path / "files" / name
    path.parent.mkdir(parents=True)
    lines(path, {"query": "a", "passage": "b"})
    assert list(source(tmp_path / "files").languages) == [language]


@pytest.mark.parametrize("rows, more, message", [
    ([{"query": "a", "passage": "b"}], {}, "faq.jsonl: line 1: no language; right: a column `language`, a"),
    ([{"language": "qqq", "query": "a", "passage": "b"}], {}, "line 1: language: 'qqq' is no known code; "),
    ([{"language": "", "query": "a", "passage": "b"}], {}, "line 1: language: '' is no known code"),
    ([{"language": "de", "q": "a"}], {}, "line 1: no query and passage; found language, q; `columns` maps"),
    ([{"language": "de", "query": "a"}], {}, None),
    ([{"language": "de", "query": "a", "passage": "b", "id": 1}, {"language": "de", "query": "a",
      "passage": "c", "id": 1}], {}, "line 2: 1 de None stands twice with different texts"),
    ([{"language": "de", "query": "a", "passage": "b", "passage_id": 1}, {"language": "de", "query": "c",
      "passage": "x", "passage_id": 1}], {}, "line 2: 1 stands twice with different texts"),
    ([{"language": "de", "query": "a", "passage": "b", "id": []}], {}, "line 1: id: found a list; text or a"),
    ([{"language": "de", "query": 5, "passage": "b"}], {}, "line 1: query: found a number; text is right"),
    ([{"language": "de", "query": "a", "passage": "b"}], {"columns": {"query": "Frage"}},
     "line 1: columns.query: no column Frage; found language, query, passage"),
    ([{"language": "de", "query": "a", "passage": "b", "negatives": "[1"}], {}, "negatives: no JSON list"),
    ([], {}, "path: no pair with a query and a passage"),
])  # fmt: skip
def test_odd_pairs_are_one_line(tmp_path, rows, more, message):
    path = lines(tmp_path / "faq.jsonl", *rows)
    with pytest.raises(UserError) as error:
        source(path, **more)
    text = str(error.value)
    assert text.startswith("sources.own") and "\n" not in text and len(text) <= 300
    assert (message or "no pair with a query") in text


@pytest.mark.parametrize("value", ["", "  ", None, "a\0b"])
@pytest.mark.parametrize("key", ["query", "passage"])
def test_empty_texts_are_left_out_of_training_and_refused_in_evaluation(tmp_path, value, key):
    good = {"id": 1, "language": "de", "query": "a", "passage": "b"}
    path = lines(tmp_path / "faq.jsonl", good, good | {"id": 2, key: value})
    assert source(path).size.pairs == (2 if value == "a\0b" else 1)
    with pytest.raises(UserError, match=rf"^benchmarks\.own: faq\.jsonl: line 2: {key}: "):
        benchmark(path)


def test_odd_folders_are_one_line(tmp_path):
    with pytest.raises(UserError, match=r"^sources\.own\.path: no file or folder none, seen from /"):
        source("none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UserError, match=r"^sources\.own\.path: no data files; found nothing; right: \.jsonl, "
    ):
        source("empty")
    folder = write(tmp_path / "beir", "beir")
    (folder / "corpus.jsonl").rename(folder / "x.bin")
    with pytest.raises(UserError, match=r"^benchmarks\.own\.path: qrels, but no corpus; corpus\.jsonl"):
        benchmark(folder)
    folder = write(tmp_path / "more", "beir")
    with pytest.raises(UserError, match=r"^benchmarks\.own\.split: found dev; the qrels are test, train$"):
        benchmark(folder, split="dev")
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nde-p1\tnone\t1\n")
    with pytest.raises(UserError, match="1 relevant passages, such as none, are not in the corpus"):
        benchmark(folder)
    (folder / "qrels/test.tsv").write_text("de-p1\tx\n")
    with pytest.raises(UserError, match=r"qrels/test\.tsv: line 1: 2 columns; right: query id, passage id"):
        benchmark(folder)
    (folder / "qrels/test.tsv").write_text("de-p1\tde-dp1\thigh\n")
    with pytest.raises(UserError, match=r"line 1: grade 'high' is no number"):
        benchmark(folder)


def test_keys_of_local_sets_belong_to_local_sets():
    with pytest.raises(ValueError, match="path: is for `set: local` only"):
        Source(path="x")
    with pytest.raises(ValueError, match="path: missing; a folder, a file or a list of files is right"):
        Source(set="local")


def test_a_source_may_have_a_name_of_its_own():
    assert catalogue.source("mine", Source(set="squad")) is catalogue.source("squad")
