import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langscale.core.errors import UserError
from langscale.data.tokens import Tokens
from langscale.data.vector_store import Store, Vectors, keys, token_keys, write_index


def tokens(*texts):
    """Tokens of lists of ids."""
    offsets = np.cumsum([0, *map(len, texts)])
    return Tokens(np.concatenate([np.array(t, np.int32) for t in texts]), offsets, np.arange(len(texts)) + 7)


def test_a_key_is_of_the_ids_alone():
    one, two = tokens([1, 2], [3], [1, 2], [1]), tokens([3], [2, 1], [1, 2])
    first, second = token_keys(one), token_keys(two)
    assert first[0] == first[2] == second[2] and first[1] == second[0]
    assert len({*first.tolist(), *second.tolist()}) == 4
    # pinned: with other keys all that is stored would be embedded again
    assert bytes(first[0]).hex() == "2cc5e4d47c5f3c5fbe635a5a5b7bb392"


@given(st.lists(st.lists(st.integers(0, 30), unique=True, max_size=8), max_size=5), st.data())
def test_a_store_finds_what_was_added(tmp_path_factory, shards, data):
    """Against a dictionary, with keys in several shards and keys that end in zero bytes."""
    store, held = Store(tmp_path_factory.mktemp("store")), {}
    named = np.array([bytes([i]) + bytes(14) + bytes([i % 2]) for i in range(31)], dtype="S16")
    vector = np.arange(31 * 3, dtype=np.float32).reshape(31, 3)
    for shard in shards:
        if shard:
            store.add(named[shard], vector[shard])
            held |= {i: vector[i] for i in shard}
    wanted = data.draw(st.lists(st.integers(0, 30), min_size=1, max_size=12))
    names, places = store.find(named[wanted])
    assert names == store.names() and len(names) == len({tuple(s) for s in shards if s})
    for i, place in zip(wanted, places.tolist(), strict=True):
        assert (place >= 0) == (i in held)
        if place >= 0:
            assert np.array_equal(store.vectors(names[place >> 32])[place & 0xFFFFFFFF], held[i])


@pytest.fixture
def texts(tmp_path):
    """(store, index) of three texts, the first and the last equal, among other vectors."""
    store = Store(tmp_path / "store")
    known = keys([b"a", b"b", b"c", b"d"])
    store.add(known[[3, 1]], np.array([[3, 3], [1, 1]]))
    store.add(known[[2, 0]], np.array([[2, 2], [0, 0.5]]))
    store.add(keys([b"e"]), np.ones((1, 2)))
    write_index(tmp_path / "index", known[[1, 2, 1]], np.array([5, 6, 5]), store, {"model": "m"})
    return store, tmp_path / "index"


def test_vectors_of_texts(texts):
    store, index = texts
    found = Vectors.load(index, store)
    assert len(found) == 3 and found.width == 2 and found.table.dtype == np.float32
    assert found[np.array([0, 1, 2, 1])].tolist() == [[1, 1], [2, 2], [1, 1], [2, 2]]
    assert len(found.table) == 2 and found.fingerprints.tolist() == [5, 6, 5]


def test_what_is_added_later_changes_no_index(texts):
    store, index = texts
    before = {file.name: file.read_bytes() for file in index.iterdir()}
    store.add(keys([b"b", b"z"]), np.full((2, 2), 9))
    assert Vectors.load(index, store)[np.array([0, 1])].tolist() == [[1, 1], [2, 2]]
    write_index(index, keys([b"b", b"c", b"b"]), np.array([5, 6, 5]), store, {"model": "m"})
    assert Vectors.load(index, store).table.shape == (2, 2)
    assert set(before) == {"index.json", "places.npy", "fingerprints.npy"}


def test_a_text_without_a_vector_has_no_index(texts, tmp_path):
    with pytest.raises(KeyError, match="1 of 2 texts have no vector"):
        write_index(tmp_path / "other", keys([b"a", b"unknown"]), np.zeros(2), texts[0], {})
    assert not (tmp_path / "other").exists()


def test_damage_is_named(texts):
    store, index = texts
    for name in store.names():
        file = store.folder / name / "vectors.npy"
        whole = file.read_bytes()
        file.write_bytes(whole[:-4] + b"\0\0\0\1")
        if name in (index / "index.json").read_text():
            with pytest.raises(UserError, match=f"{file}: SHA-256 .*, not .*; delete"):
                Vectors.load(index, store)
            file.unlink()
            with pytest.raises(UserError, match=f"{file}: missing; delete"):
                Vectors.load(index, store)
        file.write_bytes(whole)
    assert len(Vectors.load(index, store)) == 3


def test_an_empty_list_of_texts(tmp_path):
    store = Store(tmp_path / "store")
    write_index(tmp_path / "index", keys([]), np.array([], dtype=np.int64), store, {})
    found = Vectors.load(tmp_path / "index", store)
    assert len(found) == 0 and found.table.shape == (0, 0)
