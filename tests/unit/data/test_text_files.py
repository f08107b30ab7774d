"""Damaged and odd files: every reader of registered data sets, and the shared reader by itself."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from support.raw_files import put

from langscale.core.errors import UserError
from langscale.data import catalogue
from langscale.data.text_files import KINDS, TextFile, census

LINE = "a\u2028b\u0085c"  # characters that str.splitlines takes for ends of lines


def squad(*questions, sentences=False):
    paragraph = {"context": "One. Two.", "qas": [q for q in questions]}
    if sentences:
        paragraph |= {"sentences": ["One. ", "Two."], "sentence_breaks": [[0, 5], [5, 9]]}
    return {"data": [{"title": "T", "paragraphs": [paragraph]}]}


def qa(i, text="what?", start=0):
    return {"id": i, "question": text, "answers": [{"answer_start": start, "text": "O"}]}


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


BELEBELE = {"link": "l", "question_number": 1, "flores_passage": "p", "question": "q"}
TATOEBA = {"sentence1": "s", "sentence2": "t"}
MFAQ = {"domain": "d", "qa_pairs": [{"question": "q", "answer": "a"}]}
PASSAGE = {"docid": "1#0", "title": "t", "text": "x"}
TYDI = {"query_id": 1, "query": "q", "positive_passages": [PASSAGE], "negative_passages": []}

WHOLE = {  # set -> (kind, a file with two good records at least)
    "belebele": ("benchmark", lines(BELEBELE, BELEBELE | {"question_number": 2, "question": LINE})),
    "tatoeba": ("benchmark", lines(TATOEBA, TATOEBA | {"sentence1": LINE})),
    "xquad-r": ("benchmark", json.dumps(squad(qa("1"), qa("2", LINE, 6), sentences=True)).encode()),
    "mfaq": ("source", lines(MFAQ, MFAQ | {"domain": LINE})),
    "mr-tydi": ("source", lines(TYDI, TYDI | {"query_id": 2, "query": LINE})),
    "squad": ("source", json.dumps(squad(qa("1"), qa("2", LINE))).encode()),
    "squadshifts": ("source", json.dumps(squad(qa("1"), qa("2", LINE))).encode()),
}


def read(name, content, tmp_path):
    """All tables of a set whose English (or German) file has this content, and the census."""
    kind = WHOLE[name][0]
    record = getattr(catalogue, kind)(name)
    code = "de" if name == "tatoeba" else "en"
    for entry in record.files([code]):
        packed = gzip.compress(content) if entry.path.endswith(".gz") else content
        put(tmp_path, entry, packed)
    with census() as found:
        if kind == "benchmark":
            record.write(tmp_path, [code], None, tmp_path)
            rows = parquet.read_table(tmp_path / "questions.parquet").to_pylist()
        else:
            rows = [
                row
                for part in record.parts
                for row in _part(record, part, tmp_path)
            ]  # fmt: skip
    return rows, found.rows()


def _part(record, part, raw):
    try:
        return record.build(part, ["en"], raw)[0].to_dict("records")
    except UserError as error:
        if "no question id is one of" in str(error):  # squad: an article is in one part only
            return []
        raise


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("change", [
    lambda b: b,
    lambda b: b"\xef\xbb\xbf" + b,
    lambda b: b + b"\n\n \n",
    lambda b: b.replace(b"\n", b"\r\n"),
], ids=["as it is", "byte order mark", "blank last lines", "line ends of Windows"])  # fmt: skip
def test_good_files_are_read_alike(name, change, tmp_path):
    right, wrong = tmp_path / "right", tmp_path / "other"
    right.mkdir(), wrong.mkdir()
    content = WHOLE[name][1]
    rows, counts = read(name, content, right)
    assert len(rows) >= 2 and counts
    again, _ = read(name, change(content), wrong)
    assert again == rows


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("change, message", [
    (lambda b: b.replace(b'"', b'"\xff', 1), "byte 0xff is not UTF-8"),
    (lambda b: b[:-20], "no JSON"),
    (lambda b: b"\xff\xfe" + b.decode().encode("utf-16-le"), "UTF-16 text; save it as UTF-8"),
    (lambda b: b"[1, 2]\n", ""),
    (lambda b: b"<!doctype html><html></html>\n", "no JSON"),
    (lambda b: b'{"data": 1}\n', ""),
], ids=["bad byte", "cut", "UTF-16", "list", "HTML", "other fields"])  # fmt: skip
def test_damaged_files_are_one_line(name, change, message, tmp_path):
    with pytest.raises(UserError) as error:
        read(name, change(WHOLE[name][1]), tmp_path)
    text = str(error.value)
    assert message in text and "\n" not in text
    (entry, *_) = getattr(catalogue, WHOLE[name][0])(name).files(["de" if name == "tatoeba" else "en"])
    assert entry.path.rpartition("/")[2] in text


def _with(record, field, value):
    return {name: one for name, one in (record | {field: value}).items() if one is not ...}


EVALUATED = [  # benchmark, record, field
    ("belebele", BELEBELE, "flores_passage"), ("belebele", BELEBELE, "question"),
    ("tatoeba", TATOEBA, "sentence1"), ("tatoeba", TATOEBA, "sentence2"),
]  # fmt: skip
ODD = [("", "empty; text"), (" \t", "blank; text"), ("a\0b", "NUL"), (7, "found a number; text is right"), (
    [], "found a list"), (..., "no "), (None, "no "), ("\ud800", "surrogate")]  # fmt: skip


@pytest.mark.parametrize("name, record, field", EVALUATED)
@pytest.mark.parametrize("value, message", ODD)
def test_odd_texts_of_benchmarks_name_line_and_field(name, record, field, value, message, tmp_path):
    content = json.dumps(_with(record, field, value)) + "\n"
    with pytest.raises(UserError, match=message) as error:
        read(name, lines(record | {"question_number": 9}) + content.encode(), tmp_path)
    assert "line 2: " in str(error.value) and field in str(error.value)


@pytest.mark.parametrize("value, message", ODD)
def test_odd_questions_of_lareqa_are_named(value, message, tmp_path):
    odd = _with(qa("1"), "question", value)
    with pytest.raises(UserError, match="question 1: question: "):
        read("xquad-r", json.dumps(squad(odd, sentences=True)).encode(), tmp_path)


@pytest.mark.parametrize("change", [
    {"answers": []}, {"answers": None}, {"answers": [{"text": "x"}]}, {"answers": [7]}, {"id": None},
    {"id": ""}, {"id": [1]}, {"answers": [{"answer_start": 99}]},
])  # fmt: skip
def test_odd_records_of_lareqa_are_named(change, tmp_path):
    content = json.dumps(squad(qa("1") | change, sentences=True)).encode()
    with pytest.raises(UserError, match=r"en\.json: (question|article) 1"):
        read("xquad-r", content, tmp_path)


@pytest.mark.parametrize("name", ["mfaq", "mr-tydi", "squad", "squadshifts"])
@pytest.mark.parametrize("value", ["", "  ", None])
def test_empty_training_texts_are_left_out_and_counted(name, value, tmp_path):
    content = WHOLE[name][1].replace(b'"q"', json.dumps(value).encode()).replace(
        b'"what?"', json.dumps(value).encode()
    )  # fmt: skip
    if value is None:
        with pytest.raises(UserError, match="question|query"):
            read(name, content, tmp_path)
        return
    rows, counts = read(name, content, tmp_path)
    assert len(rows) < len(read(name, WHOLE[name][1], tmp_path)[0])
    assert sum(row["empty"] for row in counts) >= 1


@pytest.mark.parametrize("name", ["mfaq", "mr-tydi", "squad", "squadshifts"])
def test_nul_in_training_texts_is_repaired_and_counted(name, tmp_path):
    content = WHOLE[name][1].replace(b'"q"', b'"q\\u0000r"').replace(b'"what?"', b'"q\\u0000r"')
    rows, counts = read(name, content, tmp_path)
    assert "q r" in {row["query"] for row in rows} and sum(row["repaired"] for row in counts) >= 1


def test_identical_records_count_once_and_different_ones_are_refused(tmp_path):
    rows, counts = read("belebele", lines(BELEBELE, BELEBELE), tmp_path)
    assert len(rows) == 1
    (count,) = counts
    assert count["language"] == "en" and count["file"].endswith("eng_Latn.jsonl")
    assert {kind: count[kind] for kind in KINDS} == {"rows": 2, "empty": 0, "repeated": 1, "repaired": 0}
    with pytest.raises(UserError, match="line 2: l#1 stands twice with different texts; one record per id"):
        read("belebele", lines(BELEBELE, BELEBELE | {"question": "other"}), tmp_path)
    with pytest.raises(UserError, match="question 1: 1 stands twice with different texts"):
        read("squad", json.dumps(squad(qa("1"), qa(1, "other?"))).encode(), tmp_path)


# --- the shared reader


def file(tmp_path, content, name="x.tsv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return TextFile(path)


def test_lines_end_at_line_feeds_only(tmp_path):
    found = list(file(tmp_path, f"\ufeff{LINE}\r\n\nx\n\n\n").lines())
    assert found == [(1, LINE), (2, ""), (3, "x")]


@pytest.mark.parametrize("content, rows", [
    ("id\ttext\n1\ta\n", [{"id": "1", "text": "a"}]),
    ("\ufeffid\ttext\r\n1\ta\r\n\r\n", [{"id": "1", "text": "a"}]),
    (f"id\ttext\n1\t{LINE}", [{"id": "1", "text": LINE}]),
    ('id\ttext\n1\t"a\tb\nc ""d"""\n', [{"id": "1", "text": 'a\tb\nc "d"'}]),
    ("id\ttext\n\t\n1\ta\n", [{"id": "1", "text": "a"}]),
    ('id\ttext\n1\ta "b" c\n', [{"id": "1", "text": 'a "b" c'}]),
])  # fmt: skip
def test_tables(tmp_path, content, rows):
    assert [row for _, row in file(tmp_path, content).table("id", "text")] == rows


@pytest.mark.parametrize("content, message", [
    ("", "x.tsv: empty; a header with id, text is right"),
    ("id\n1\n", "no column text; found id"),
    ("id\ttext\n1\ta\tb\n", "line 2: 3 cells; 2 are right"),
    ("id\ttext\n1\n", "line 2: 1 cells; 2 are right"),
    ("id\ttext\ttext\n", "line 1: a column stands twice"),
    ('id\ttext\n1\t"a" b\n', "line 2: "),
    ('id\ttext\n1\t"a\n', "quote"),
    (b"id\ttext\n1\t\xe4\n", "line 2: byte 0xe4 is not UTF-8; save the file as UTF-8"),
])  # fmt: skip
def test_odd_tables(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        list(file(tmp_path, content).table("id", "text"))


# without the time, which would name the test differently in each process
@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet", gzip.compress(b"x", mtime=0)])
def test_odd_parquet(tmp_path, content):
    with pytest.raises(UserError, match="x.parquet: no readable parquet file"):
        list(file(tmp_path, content, "x.parquet").parquet(["id"]))


def test_parquet_rows_and_optional_columns(tmp_path):
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"id": [1, 2], "language": ["de", "en"]}), buffer)
    path = tmp_path / "x.parquet"
    path.write_bytes(buffer.getvalue())
    with census() as found:
        file = TextFile(path, language_of=lambda row: row["language"])
        rows = list(file.parquet(["id", "language"], ["more"]))
    assert rows[1] == ("row 2", {"id": 2, "language": "en", "more": None})
    assert [(row["language"], row["rows"]) for row in found.rows()] == [("de", 1), ("en", 1)]
    with pytest.raises(UserError, match="no column text; found id, language"):
        list(TextFile(path).parquet(["text"]))
    with pytest.raises(UserError, match="y.parquet: there is no such file"):
        list(TextFile(tmp_path / "y.parquet").parquet(["text"]))


def test_cut_and_missing_files(tmp_path):
    packed = gzip.compress(b"text\n" * 1000)
    with pytest.raises(UserError, match=r"x.txt.gz: cannot be read to its end"):
        list(file(tmp_path, packed[:-8], "x.txt.gz").lines())
    with pytest.raises(UserError, match="there is no such file"):
        list(TextFile(tmp_path / "none.txt").lines())


@pytest.mark.parametrize("value, right", [(7, "7"), (7.0, "7"), (" 7 ", "7"), ("a", "a")])
def test_ids_are_text(tmp_path, value, right):
    assert file(tmp_path, "").ident(value, 1) == right


@pytest.mark.parametrize("value", [7.5, True, None, "", " ", [], {}, "\ud800"])
def test_odd_ids(tmp_path, value):
    with pytest.raises(UserError, match="x.tsv: line 1: id: "):
        file(tmp_path, "").ident(value, 1)


def test_messages_are_short_and_keep_the_file_name(tmp_path):
    path = tmp_path.joinpath(*["a" * 100] * 3) / "x.tsv"
    text = str(TextFile(path).error(3, "w" * 1000))
    assert len(text) <= 300 and text.startswith("x.tsv: line 3: www")


def test_a_second_reading_counts_anew(tmp_path):
    with census() as found:
        for _ in range(2):
            list(file(tmp_path, '{"id": 1}\n').json_lines("id"))
    assert [row["rows"] for row in found.rows()] == [1]
