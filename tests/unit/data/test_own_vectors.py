"""Vectors of a user's own encoder: what is asked for, what comes back, and every way in which that can
be wrong.
"""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from langscale.core.errors import UserError
from langscale.data.own_vectors import read_vectors, text_id, text_keys, write_texts

TEXTS = [
    ("query", "en", "query: ", "Where is Bern?"),
    ("query", "de", "query: ", "Wo liegt Bern?"),
    ("passage", "en", "", "Bern"),
    ("passage", "de", "", "Bern"),
    ("passage", "en", "", "line one\nline two\u2028 three"),
    ("query", "en", "", "Bern"),
]


@pytest.fixture
def asked(tmp_path):
    """(rows of the file of texts, their keys)."""
    assert write_texts(tmp_path / "texts.jsonl", TEXTS) == 5
    rows = [json.loads(line) for line in (tmp_path / "texts.jsonl").read_text().split("\n")[:-1]]
    return rows, np.concatenate([text_keys(role, prefix, [text]) for role, _, prefix, text in TEXTS])


def vectors_for(ids, width=3):
    """Made-up vectors that an id determines."""
    return np.array([[int(name[i : i + 4], 16) + 1 for i in range(width)] for name in ids], np.float32)


def parquet(folder, ids, vectors, name="a.parquet", kind=None):
    folder.mkdir(exist_ok=True)
    column = pa.array([None if v is None else list(v) for v in vectors], kind or pa.list_(pa.float32()))
    pq.write_table(pa.table({"id": ids, "vector": column}), folder / name)


def test_each_distinct_text_is_asked_for_once(asked):
    rows, keys = asked
    assert [row["text"] for row in rows] == [
        "query: Where is Bern?", "query: Wo liegt Bern?", "Bern", "line one\nline two\u2028 three", "Bern"
    ]  # fmt: skip
    assert [row["role"] for row in rows] == ["query", "query", "passage", "passage", "query"]
    assert [row["language"] for row in rows] == ["en", "de", "en", "en", "en"]
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == 5 and [text_id(key) for key in keys] == [*ids[:3], ids[2], *ids[3:]]
    # pinned: with other ids a paid embedding would be lost
    assert ids[2] == "f90b761949f05f86b0b1fac9908f6c6d"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("form", ["parquet", "two parquet files", "fixed parquet", "npy"])
def test_vectors_come_back_in_any_order_and_form(asked, tmp_path, form, dtype):
    rows, keys = asked
    ids = [row["id"] for row in rows][::-1] + ["0" * 32]  # and one of another study
    vectors, folder = vectors_for(ids).astype(dtype) / 7, tmp_path / "vectors"
    number = pa.from_numpy_dtype(np.dtype(dtype))
    if form == "npy":
        folder.mkdir()
        np.save(folder / "vectors.npy", vectors)
        (folder / "ids.txt").write_text("\n".join(ids))
    elif form == "two parquet files":
        parquet(folder, ids[:2], vectors[:2], "b.parquet", pa.list_(number))
        parquet(folder, ids[2:], vectors[2:], "a.parquet", pa.list_(number))
    else:
        parquet(folder, ids, vectors, kind=pa.list_(number, 3 if form == "fixed parquet" else -1))
    wanted = np.unique(keys)
    found = read_vectors(folder, wanted)
    assert found.dtype == np.float32
    expected = dict(zip(ids, vectors.astype(np.float32), strict=True))
    for key, vector in zip(wanted, found, strict=True):
        assert np.array_equal(vector, expected[text_id(key)])


def broken(name):
    """What is done to the ids and vectors of five texts, and what the one line says."""
    nan, infinite = np.full(3, np.nan), np.array([1, np.inf, 1])
    cases = {
        "missing": (
            lambda i, v: (i[1:], v[1:]),
            "1 of 5 texts have no vector, such as id {0}; `snakemake texts`",
        ),
        "doubled": (lambda i, v: ([*i, i[2]], [*v, v[2]]), "two vectors with id {2}; right: one for each id"),
        "NaN": (lambda i, v: (i, [*v[:3], nan, v[4]]), "id {3} has a number that is not finite"),
        "infinite": (lambda i, v: (i, [*v[:3], infinite, v[4]]), "id {3} has a number that is not finite"),
        "zeros": (lambda i, v: (i, [*v[:4], 0 * v[4]]), "id {4} has zeros alone"),
        "length": (
            lambda i, v: (i, [v[0], v[1][:2], *v[2:]]),
            "id {1} has 2 numbers, and id {0} 3; right: one length",
        ),
        "null": (lambda i, v: (i, [v[0], None, *v[2:]]), "id {1} has an empty vector or number"),
        "null number": (lambda i, v: (i, [v[0], [1.0, None, 2.0], *v[2:]]), "id {1} has an empty vector"),
    }
    return cases[name]


@pytest.mark.parametrize(
    "name", ["missing", "doubled", "NaN", "infinite", "zeros", "length", "null", "null number"]
)
@pytest.mark.parametrize("form", ["parquet", "npy"])
def test_what_is_wrong_is_one_line(asked, tmp_path, name, form):
    rows, keys = asked
    ids, change_and_message = [row["id"] for row in rows], broken(name)
    changed, vectors = change_and_message[0](ids, list(vectors_for(ids)))
    folder = tmp_path / "vectors"
    if form == "parquet":
        parquet(folder, changed, vectors)
    else:
        if name in ("length", "null", "null number"):
            pytest.skip("an array has no such rows")
        folder.mkdir()
        np.save(folder / "vectors.npy", np.array(vectors, np.float32))
        (folder / "ids.txt").write_text("\n".join(changed))
    with pytest.raises(UserError) as error:
        read_vectors(folder, np.unique(keys))
    said = str(error.value)
    if name == "missing":
        assert said.startswith(
            f"{folder}: 1 of 5 texts have no vector, such as id {ids[0]}; `snakemake texts`"
        )
    else:
        assert change_and_message[1].format(*ids) in said and said.startswith(str(folder))
    assert "\n" not in said and len(said) < 300


@pytest.mark.parametrize(
    "files, message",
    [
        (None, "no such folder"),
        ({}, "found nothing; right: \\*.parquet, or vectors.npy and ids.txt"),
        ({"vectors.npy": b"x"}, "found vectors.npy; right"),
        ({"a.parquet": b"not parquet"}, "a.parquet: no parquet file"),
        ({"vectors.npy": b"x", "ids.txt": b""}, "vectors.npy: no array of numbers"),
    ],
)
def test_a_folder_of_something_else(tmp_path, files, message):
    folder = tmp_path / "vectors"
    if files is not None:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_vectors(folder, text_keys("query", "", ["a"]))


def test_tables_and_arrays_of_other_shapes(tmp_path):
    wanted, folder = text_keys("query", "", ["a"]), tmp_path / "vectors"
    folder.mkdir()
    pq.write_table(pa.table({"id": ["x"], "embedding": [[1.0]]}), folder / "a.parquet")
    with pytest.raises(UserError, match="has columns id, embedding; right: id and vector"):
        read_vectors(folder, wanted)
    pq.write_table(pa.table({"id": ["x"], "vector": [["1.0"]]}), folder / "a.parquet")
    with pytest.raises(UserError, match="column vector is list<.*string>; right: a list of floats"):
        read_vectors(folder, wanted)
    (folder / "a.parquet").unlink()
    (folder / "ids.txt").write_text("x y")
    for array in (np.ones((3, 2)), np.ones(2), np.ones((2, 2), int)):
        np.save(folder / "vectors.npy", array)
        with pytest.raises(UserError, match="beside 2 ids in ids.txt; right: floats"):
            read_vectors(folder, wanted)
