"""MIRACL on small parquet files of a mirror: tables, order, judgements, parts in memory."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.http_server import offline, quick  # noqa: F401
from support.miracl_files import LANGUAGES, REVISION, fetched, put

from langscale.core.errors import UserError
from langscale.data.benchmarks import miracl
from langscale.data.benchmarks.built import Corpus, audited, texts

PASSAGES = 60


def judged(code):
    """Several relevant passages, one of two queries. A query with negatives only, one without judgements."""
    rows = [("1#0", "3#0", 1), ("1#0", "3#1", 1), ("1#0", "4#0", 0), ("2", "3#1", 1), ("2", "9#2", 1)]
    return rows + [("3", "5#0", 0), ("5", "19#2" if code == "sw" else "1#1", 1)]


def made(mirror, code):
    """A language whose ids are those of the other one, with other texts."""
    passages = [(f"{i // 3}#{i % 3}", f"{code} title {i // 3}", f"text {i}") for i in range(PASSAGES)]
    passages[7] = ("2#1", "", "no title")
    put(mirror, f"{code}-corpus", passages, ("_id", "title", "text"), shards=2)
    questions = [(i, f"{code} asks {i}?") for i in ("1#0", "2", "3", "4", "5")]
    put(mirror, f"{code}-queries", questions, ("_id", "text"))
    put(mirror, f"{code}-qrels", judged(code), ("query-id", "corpus-id", "score"))
    return passages


@pytest.fixture
def raw(tmp_path, offline):  # noqa: F811
    for code in LANGUAGES:
        made(tmp_path / "mirror", code)
    fetched(tmp_path)
    return tmp_path / "resources"


def write(raw, name="out", questions=None, languages=("sw", "el", "yo")):
    """MIRACL has no el."""
    folder = raw.parent / name
    folder.mkdir()
    miracl.MIRACL.write(folder, languages, questions, raw)
    return folder


def digest(i):
    return hashlib.sha256(i.encode()).hexdigest()


def test_tables_in_pool_order_by_language(raw):
    folder = write(raw)
    assert sorted(f.name for f in folder.iterdir()) == [
        "candidates.parquet", "pools.json", "qrels.parquet", "questions.parquet", "relevant.parquet"
    ]  # fmt: skip
    found = pd.read_parquet(folder / "candidates.parquet")
    expected = []
    for code in sorted(LANGUAGES):
        texts_of = {
            f"{code}:{i // 3}#{i % 3}": f"{code} title {i // 3} text {i}" if i != 7 else "no title"
            for i in range(PASSAGES)
        }
        expected += [(i, "", code, texts_of[i]) for i in sorted(texts_of, key=digest)]
    assert list(found.itertuples(index=False, name=None)) == expected
    assert list(found) == ["candidate_id", "key", "language", "text"]
    assert json.loads((folder / "pools.json").read_text()) == {"sw": [0, 60], "yo": [60, 60]}
    assert list(texts(folder, "candidates")) == [row[3] for row in expected]


def test_questions_and_judgements(raw):
    folder = write(raw)
    questions = pd.read_parquet(folder / "questions.parquet")
    # the fourth has no judgement, so trec_eval skips it; the third has a negative one and counts as 0
    expected = []
    for code in ("sw", "yo"):
        shared = f"{code}:1#0"  # both have passage 3#1
        clusters = {"1#0": shared, "2": shared, "3": f"{code}:3", "5": f"{code}:5"}
        expected += [(f"{code}:{i}", c, code, f"{code} asks {i}?") for i, c in clusters.items()]
    assert list(questions.itertuples(index=False, name=None)) == expected
    qrels, candidates = (pd.read_parquet(folder / f"{name}.parquet") for name in ("qrels", "candidates"))
    right = sorted((f"{c}:{q}", c, f"{c}:{p}") for c in LANGUAGES for q, p, s in judged(c) if s)
    assert sorted(qrels.drop(columns="row").itertuples(index=False, name=None)) == right
    assert candidates["candidate_id"][qrels["row"]].tolist() == qrels["candidate_id"].tolist()
    corpus = Corpus.load(folder)
    assert corpus.spans == {"sw": (0, 60), "yo": (60, 60)} and corpus.relevant.shape == (8, 2)
    for question, rows in zip(corpus.queries["question_id"], corpus.relevant, strict=True):
        its = {candidates["candidate_id"][row] for row in rows if row >= 0}
        assert its == {p for q, _, p in right if q == question}
    asked, relevant = audited(folder)  # a corpus is too large for the audit: questions, and what answers them
    assert len(asked) == 8 and list(relevant) == list(candidates)
    assert set(relevant["candidate_id"]) == {p for *_, p in right} and len(relevant) == 8


@given(st.integers(1, 70))
@settings(max_examples=25, deadline=None)
def test_parts_of_any_size_give_the_same_order(tmp_path_factory, size):
    rows = [(f"x:{i}", "", "x", f"text {i}") for i in range(61)]
    names = ("candidate_id", "key", "language", "text")
    parts = [
        pa.table(dict(zip(names, zip(*rows[i : i + size], strict=True), strict=True)))
        for i in range(0, 61, size)
    ]
    found = list(miracl._by_hash(iter(parts), tmp_path_factory.mktemp("sort")))
    together = pa.concat_tables(found).to_pylist()
    assert [tuple(row.values()) for row in together] == sorted(rows, key=lambda row: digest(row[0]))
    assert len(found) == len(parts)


def test_no_more_than_some_passages_are_in_memory_at_a_time(raw, monkeypatch):
    whole = write(raw)
    monkeypatch.setattr(miracl, "RUN", 5)
    sizes = []
    sort = miracl._by_hash

    def watched(parts, folder):
        def noted(tables):
            for table in tables:
                sizes.append(len(table))
                yield table

        yield from noted(sort(noted(parts), folder))

    monkeypatch.setattr(miracl, "_by_hash", watched)
    folder = write(raw, "small")
    assert len(sizes) > 30 and max(sizes) <= 3 * 5
    for name in ("questions", "candidates", "qrels", "relevant"):
        pd.testing.assert_frame_equal(*(pd.read_parquet(f / f"{name}.parquet") for f in (whole, folder)))
    assert not list(folder.glob(".sort-*"))


def test_a_sample_of_questions_keeps_the_pool(raw):
    folder = write(raw, "few", questions=2)
    few, all_ = (pd.read_parquet(f / "questions.parquet") for f in (folder, write(raw)))
    assert few.groupby("language").size().to_dict() == {"sw": 2, "yo": 2}
    assert set(few["question_id"]) < set(all_["question_id"])
    assert len(pd.read_parquet(folder / "candidates.parquet")) == 2 * PASSAGES
    qrels = pd.read_parquet(folder / "qrels.parquet")
    assert set(qrels["question_id"]) <= set(few["question_id"])


def test_only_dev_is_read(raw, tmp_path):
    """A repository may hold other splits beside dev."""
    put(tmp_path / "mirror", "yo-queries", [("9", "train?")], ("_id", "text"), split="train")
    put(tmp_path / "mirror", "yo-qrels", [("9", "1#0", 1)], ("query-id", "corpus-id", "score"), split="train")
    again = tmp_path / "again"
    again.mkdir()
    (again / "mirror").symlink_to(tmp_path / "mirror")
    fetched(again, ["yo"])
    folder = write(again / "resources", languages=["yo"])
    assert pd.read_parquet(folder / "questions.parquet")["question_id"].tolist() == [
        "yo:1#0",
        "yo:2",
        "yo:3",
        "yo:5",
    ]


@pytest.mark.parametrize(
    "part, rows, columns, message",
    [
        (
            "qrels",
            [("1#0", "77#7", 1)],
            ("query-id", "corpus-id", "score"),
            "1 relevant passages, such as yo:77#7, are",
        ),
        ("corpus", [("1#0", "a", "b"), ("1#0", "c", "d")], ("_id", "title", "text"), "yo:1#0 is there twice"),
        ("corpus", [("1#0", "b")], ("_id", "text"), "no column title; found _id, text"),
        ("queries", [("1#0", "b")], ("query_id", "text"), "no column _id; found query_id, text"),
    ],
)  # fmt: skip
def test_odd_files_are_named(tmp_path, offline, part, rows, columns, message):  # noqa: F811
    made(tmp_path / "mirror", "yo")
    for file in (tmp_path / "mirror" / REVISION / f"yo-{part}").iterdir():
        file.unlink()
    put(tmp_path / "mirror", f"yo-{part}", rows, columns)
    fetched(tmp_path, ["yo"])
    with pytest.raises(UserError, match=message):
        write(tmp_path / "resources", languages=["yo"])


def test_hard_negatives_are_another_repository():
    paths = [entry.path for entry in miracl.MIRACL_HARD.files(["te", "el"])]
    assert [Path(path).parent.name for path in paths] == ["te-corpus", "te-queries", "te-qrels"]
    assert all(
        "MIRACLRetrievalHardNegatives/resolve/d7d94fa4b946cec4a27c84653aa0cf6b33f74a3c" in p for p in paths
    )
