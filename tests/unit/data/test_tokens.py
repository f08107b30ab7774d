import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.toy_training import LENGTH, MODEL, tables

from langscale.data import tokens
from langscale.data.tokens import Tokens, chunks, fingerprint, tokenise
from langscale.models import pretrained as base

TEXTS = ["en a1", "de b2 c2 d d d", "Ünïcode text", "", "en a1", "word " * 40, "<s> 漢字 ไทย"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens") / "base"
    pairs, passages = tables()
    base.make(folder, MODEL, [*pairs["query"], *passages["text"]])
    return base.tokenizer(folder)


def flat(sequences, prints=None):
    """Tokens of lists of ids."""
    ids = np.array([i for sequence in sequences for i in sequence], dtype=np.int32)
    offsets = np.cumsum([0, *map(len, sequences)], dtype=np.int64)
    return Tokens(ids, offsets, np.zeros(len(sequences), np.int64) if prints is None else prints)


sequences = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=12)


@given(sequences, st.data())
def test_padded_is_the_texts_side_by_side(texts, data):
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=15))
    ids, mask = flat(texts).padded(np.array(rows), pad=9)
    longest = max(len(texts[row]) for row in rows)
    assert ids.tolist() == [texts[row] + [9] * (longest - len(texts[row])) for row in rows]
    assert mask.tolist() == [[1] * len(texts[row]) + [0] * (longest - len(texts[row])) for row in rows]
    assert ids.dtype == mask.dtype == np.int64


@given(sequences)
def test_distinct_keeps_the_first_of_each(texts):
    first, inverse = flat(texts).distinct()
    kept = []
    for text in texts:
        if text not in kept:
            kept.append(text)
    assert [texts[row] for row in first] == kept and list(first) == [texts.index(text) for text in kept]
    assert [kept[i] for i in inverse] == texts


def test_distinct_tells_sequences_apart_whose_joined_ids_are_equal():
    assert len(flat([[1, 2], [3], [1], [2, 3]]).distinct()[0]) == 4
    assert len(flat([[1, 12], [11, 2], [256], [0, 1]]).distinct()[0]) == 4


def test_fingerprint_sees_through_case_width_and_space():
    same = ["Straße  in\tBern ", "STRASSE IN BERN", "\uff33trasse in Bern", "strasse in\u00a0bern"]
    assert len({fingerprint(text) for text in same}) == 1
    other = ["strasse inbern", "strasse in bern.", "str\u00e4sse in bern", ""]
    assert len({fingerprint(text) for text in same + other}) == 5
    assert {-1, 1} == {np.sign(np.int64(fingerprint(f"{i}"))) for i in range(20)}
    # BLAKE2b with 8 bytes of digest of b"abc", as b2sum -l 64 prints it
    assert fingerprint("ABC") == int.from_bytes(bytes.fromhex("d8bb14d833d59559"), "little", signed=True)


def test_tokenise_is_the_tokenizer_text_by_text(tokenizer, tmp_path):
    tokenise(tmp_path / "t", iter(TEXTS), tokenizer, "Query: ", LENGTH)
    loaded = Tokens.load(tmp_path / "t")
    assert len(loaded) == len(TEXTS)
    for row, text in enumerate(TEXTS):
        whole = tokenizer("Query: " + text)["input_ids"]
        cut = whole if len(whole) <= LENGTH else whole[: LENGTH - 1] + whole[-1:]
        assert loaded[row].tolist() == cut
        assert loaded.fingerprints[row] == fingerprint(text)
    assert loaded.lengths.tolist() == [len(loaded[row]) for row in range(len(TEXTS))]
    assert loaded.lengths.max() == LENGTH < len(tokenizer("Query: " + TEXTS[5])["input_ids"])
    prefix = tokenizer("Query:", add_special_tokens=False)["input_ids"]
    start, end = (tokenizer.convert_tokens_to_ids(token) for token in ("<s>", "</s>"))
    for row in range(len(TEXTS)):
        assert loaded[row][: 1 + len(prefix)].tolist() == [start, *prefix] and loaded[row][-1] == end


def test_arrays_are_mapped_and_not_writable(tokenizer, tmp_path):
    tokenise(tmp_path / "t", TEXTS, tokenizer, "", LENGTH)
    loaded = Tokens.load(tmp_path / "t")
    for array in (loaded.ids, loaded.offsets, loaded.fingerprints):
        assert isinstance(array, np.memmap) and not array.flags.writeable
    ids, mask = loaded.padded(np.array([0]), 0)
    ids += 1  # a batch is a copy, and torch may write to it
    assert ids.flags.writeable and mask.flags.writeable and ids[0, 0] == loaded[0][0] + 1


def test_arrays_are_of_the_content(tokenizer, tmp_path, monkeypatch):
    def made(name, texts=TEXTS, prefix="", length=LENGTH):
        tokenise(tmp_path / name, texts, tokenizer, prefix, length)
        return {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}

    first = made("first")
    assert first == made("again") and first.keys() == {"ids.npy", "offsets.npy", "fingerprints.npy"}
    assert len(Tokens.load(tmp_path / "first")) == len(TEXTS)
    others = [
        made("prefix", prefix="Query: "),
        made("length", length=8),
        made("order", TEXTS[::-1]),
        made("fewer", TEXTS[:-1]),
        made("word", ["en a2", *TEXTS[1:]]),
    ]
    assert len({(one["ids.npy"], one["offsets.npy"]) for one in [first, *others]}) == 6
    assert np.array_equal(Tokens.load(tmp_path / "word").lengths, Tokens.load(tmp_path / "first").lengths)
    monkeypatch.setattr(tokens, "chunks", lambda texts: chunks(texts, 2))
    assert made("chunked") == first


def test_files_are_those_of_numpy(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "chunks", lambda texts: chunks(texts, 3))
    monkeypatch.setattr(tokens, "CHUNK", 2)
    for name, made in (("some", TEXTS), ("none", [])):
        tokenise(tmp_path / name, iter(made), tokenizer, "", LENGTH)
        encoded = [tokenizer(text, truncation=True, max_length=LENGTH)["input_ids"] for text in made]
        expected = flat(encoded, np.array([fingerprint(text) for text in made], np.int64))
        for array in ("ids", "offsets", "fingerprints"):
            np.save(tmp_path / "expected.npy", getattr(expected, array))
            assert (tmp_path / name / f"{array}.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


def test_part_is_a_slice_of_the_whole(tokenizer, tmp_path):
    tokenise(tmp_path / "t", TEXTS, tokenizer, "", LENGTH)
    whole = Tokens.load(tmp_path / "t")
    for begin in range(len(TEXTS) + 1):
        for end in range(begin, len(TEXTS) + 1):
            part = Tokens.part(tmp_path / "t", begin, end)
            assert len(part) == end - begin and part.ids.size == part.lengths.sum()
            assert [part[i].tolist() for i in range(end - begin)] == [
                whole[i].tolist() for i in range(begin, end)
            ]
            assert part.fingerprints.tolist() == whole.fingerprints[begin:end].tolist()


def test_memory_does_not_grow_with_the_number_of_texts(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "chunks", lambda texts: chunks(texts, 50))
    peaks = []
    for count in (500, 10_000):
        tracemalloc.start()
        tokenise(tmp_path / str(count), (f"en a{i} b{i} c{i}" for i in range(count)), tokenizer, "", LENGTH)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] < (tmp_path / "10000/ids.npy").stat().st_size


def test_texts_are_read_in_chunks():
    drawn = []
    texts = (drawn.append(i) or str(i) for i in range(7))
    found = chunks(texts, 3)
    assert next(found) == ["0", "1", "2"] and drawn == [0, 1, 2]
    assert list(found) == [["3", "4", "5"], ["6"]]
    assert list(chunks(iter([]), 3)) == []
