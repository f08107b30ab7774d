"""Belebele on small files of its format: a JSON object per line, with the fields of the hub's files."""

import json
from pathlib import Path

import pytest

from langscale.core.errors import UserError
from langscale.data.benchmarks import belebele
from langscale.data.benchmarks.built import Benchmark

# (link, question_number, passage, question): two passages of one page, one of them with two questions
ROWS = {
    "en": [
        ("https://w/Rome", 1, "Rome fell.\u2028Byzantium did not.", "What fell?"),
        ("https://w/Rome", 2, "Rome fell.\u2028Byzantium did not.", "What did not?"),
        ("https://w/Rome", 3, "Rome was a town.", "What was it?"),
        ("https://w/Cats", 1, "Cats sleep.", "Who sleeps?"),
    ],
    "zh-Hant": [
        ("https://w/Cats", 1, "貓睡覺。", "誰?"),
        ("https://w/Rome", 3, "羅馬是城鎮。", "是什麼?"),
        ("https://w/Rome", 2, "羅馬陷落。", "什麼沒有?"),
        ("https://w/Rome", 1, "羅馬陷落。", "什麼陷落?"),
    ],
}


def write(raw, code, rows):
    entry = belebele.BELEBELE.files([code])[0]
    file = raw / entry.path
    file.parent.mkdir(parents=True, exist_ok=True)
    fields = ("link", "question_number", "flores_passage", "question")
    choices = {f"mc_answer{n}": "x" for n in range(1, 5)} | {"correct_answer_num": "1", "ds": "2023-05-03"}
    lines = [dict(zip(fields, row, strict=True)) | choices | {"dialect": code} for row in rows]
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    Path(f"{file}.json").write_text("{}")


@pytest.fixture
def raw(tmp_path):
    for code, rows in ROWS.items():
        write(tmp_path, code, rows)
    return tmp_path


def test_questions_find_their_passage_in_every_language(raw, tmp_path):
    frames = belebele.build(["zh-Hant", "en"], None, raw)
    questions, candidates, qrels = frames
    rome, town, cats = "https://w/Rome#1", "https://w/Rome#3", "https://w/Cats#1"
    assert list(questions["question_id"]) == [cats, rome, "https://w/Rome#2", town] * 2
    assert list(questions["cluster"]) == [cats, rome, rome, town] * 2
    assert list(questions["language"]) == ["en"] * 4 + ["zh-Hant"] * 4
    assert candidates.set_index("candidate_id")["text"].to_dict() == {
        f"en:{rome}": ROWS["en"][0][2], f"en:{town}": "Rome was a town.", f"en:{cats}": "Cats sleep.",
        f"zh-Hant:{rome}": "羅馬陷落。", f"zh-Hant:{town}": "羅馬是城鎮。", f"zh-Hant:{cats}": "貓睡覺。",
    }  # fmt: skip
    assert set(candidates["key"]) == {rome, town, cats}
    found = qrels.groupby(["question_id", "language"])["candidate_id"].apply(set).to_dict()
    passage = {cats: cats, rome: rome, "https://w/Rome#2": rome, town: town}
    for i, language in found:
        assert found[i, language] == {f"en:{passage[i]}", f"zh-Hant:{passage[i]}"}
    assert len(found) == 8
    for name, table in zip(("questions", "candidates", "qrels"), frames, strict=True):
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    benchmark = Benchmark.load(tmp_path)
    assert benchmark.relevant.shape == (8, 2) and (benchmark.relevant >= 0).all()


def test_a_sample_keeps_the_pool_and_grows(raw):
    sizes = [belebele.build(["en", "zh-Hant"], n, raw) for n in (1, 2, 3)]
    ids = [set(questions["question_id"]) for questions, _, _ in sizes]
    assert [len(found) for found in ids] == [1, 2, 3] and ids[0] < ids[1] < ids[2]
    assert all(len(questions) == 2 * n and len(pool) == 6 for n, (questions, pool, _) in enumerate(sizes, 1))
    with pytest.raises(UserError, match="belebele: questions is 5; right: 1 to 4"):
        belebele.build(["en"], 5, raw)


def test_languages_that_it_lacks_are_passed_over(raw):
    assert set(belebele.build(["en", "la"], None, raw)[0]["language"]) == {"en"}


def test_odd_files_are_named(raw):
    write(raw, "en", [*ROWS["en"], ROWS["en"][0]])
    assert len(belebele.build(["en"], None, raw)[0]) == 4
    write(raw, "en", [*ROWS["en"], (*ROWS["en"][0][:3], "What else?")])
    with pytest.raises(UserError, match="eng_Latn.jsonl: line 5: https://w/Rome#1 stands twice with"):
        belebele.build(["en"], None, raw)
    (raw / belebele.BELEBELE.files(["en"])[0].path).write_text('{"link": "x", "question": "y"}\n')
    with pytest.raises(UserError, match="line 1: no question_number, flores_passage; found link, "):
        belebele.build(["en"], None, raw)
