"""Base vectors depend on a text and the model alone, whatever else is embedded, by whom and in which
order.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.toy_training import MODEL, world

from langscale.data.tokens import Tokens
from langscale.data.vector_store import Store, Vectors, token_keys, write_index
from langscale.models.encoder import Encoder
from langscale.retrieval import base_vectors
from langscale.retrieval.base_vectors import embed_missing, missing, store_key, width

POSITIONS = 16  # of the toy encoder


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("base_vectors"))


@pytest.fixture(scope="module")
def encoder(toy):
    return Encoder.initial(toy.base, "tiny", MODEL, 1)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(base_vectors, "BLOCK", 48)
    monkeypatch.setattr(base_vectors, "SHARD", 3)


@pytest.fixture(scope="module")
def queries(toy):
    return Tokens.load(toy.tokens / "source-toy/train/queries")


@pytest.fixture(scope="module")
def passages(toy):
    return Tokens.load(toy.tokens / "source-toy/train/passages")


def part(tokens, rows):
    """The texts at `rows`, in their order."""
    texts = [tokens[row] for row in rows]
    offsets = np.cumsum([0, *map(len, texts)])
    return Tokens(np.concatenate(texts), offsets, tokens.fingerprints[rows])


def vectors_of(tokens, store, folder):
    write_index(folder, token_keys(tokens), tokens.fingerprints, store, {})
    found = Vectors.load(folder, store)
    return found[np.arange(len(found))]


def test_they_are_what_the_encoder_pools(toy, encoder, queries, passages, tmp_path):
    """Against one text at a time, in the model's own way; and normalised they are its embeddings."""
    store = Store(tmp_path / "store")
    texts = [queries, passages]
    count = embed_missing(encoder, texts, store, positions=POSITIONS)
    assert count == len(set(token_keys(queries).tolist()) | set(token_keys(passages).tolist()))
    for name, tokens in (("q", queries), ("p", passages)):
        found = vectors_of(tokens, store, tmp_path / name)
        for row in range(0, len(tokens), 7):
            ids, mask = map(torch.from_numpy, tokens.padded(np.array([row]), encoder.padding))
            with torch.no_grad():
                pooled, unit = encoder.pooled(ids, mask)[0].numpy(), encoder(ids, mask)[0].numpy()
            np.testing.assert_allclose(found[row], pooled, atol=1e-5)
            np.testing.assert_allclose(found[row] / np.linalg.norm(found[row]), unit, atol=1e-6)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_to_the_bit_whatever_the_order_the_company_and_the_number_of_processes(
    encoder, queries, passages, tmp_path, workers
):
    whole = Store(tmp_path / "whole")
    embed_missing(encoder, [queries, passages], whole, positions=POSITIONS)
    expected = vectors_of(passages, whole, tmp_path / "one")
    draw = np.random.default_rng(workers)
    rows = draw.permutation(len(passages))
    store = Store(tmp_path / "parts")
    for some in np.array_split(rows, 3):  # three jobs, each with a part
        embed_missing(encoder, [part(passages, some)], store, workers, POSITIONS)
    assert np.array_equal(vectors_of(passages, store, tmp_path / "two"), expected)


def test_what_is_there_is_not_embedded_again(encoder, queries, passages, tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    assert embed_missing(encoder, [passages, passages], store, positions=POSITIONS) > 0
    assert missing([passages], store) == {}
    names = store.names()
    monkeypatch.setattr(encoder, "pooled", None)
    assert embed_missing(encoder, [passages], store, 2, POSITIONS) == 0 and store.names() == names


def test_a_failing_process_is_an_error(encoder, passages, tmp_path, monkeypatch):
    def failing(ids, mask):
        raise ValueError("made to fail")

    monkeypatch.setattr(encoder, "pooled", failing)
    with pytest.raises(RuntimeError, match="a process that embeds has failed"):
        embed_missing(encoder, [passages], Store(tmp_path / "store"), 2, POSITIONS)


JOB = """
import sys, time
from pathlib import Path
from support.toy_training import MODEL
from langscale.data.tokens import Tokens
from langscale.data.vector_store import Store
from langscale.models.encoder import Encoder
from langscale.retrieval import base_vectors
base_vectors.BLOCK, base_vectors.SHARD = 48, 3
base, tokens, store, wait = sys.argv[1], *map(Path, sys.argv[2:4]), float(sys.argv[4])
encoder = Encoder.initial(base, "tiny", MODEL, 1)
pooled = encoder.pooled
def slow(ids, mask):
    time.sleep(wait)
    return pooled(ids, mask)
encoder.pooled = slow
base_vectors.embed_missing(encoder, [Tokens.load(tokens)], Store(store), 2, 16)
"""


def children(process):
    """Process ids of the workers of a process."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(number) for number in listed.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_killed_it_loses_no_finished_shard_and_leaves_no_process(toy, encoder, passages, tmp_path):
    folder = toy.tokens / "source-toy/train/passages"
    command = [sys.executable, "-c", JOB, str(toy.base), str(folder), str(tmp_path / "store")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    job = subprocess.Popen([*command, "0.1"], env=environment)
    store, deadline = Store(tmp_path / "store"), time.time() + 120
    while len(store.names()) < 2:
        assert job.poll() is None and time.time() < deadline
        time.sleep(0.01)
    workers = children(job.pid)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert len(workers) == 2
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.time() < deadline
        time.sleep(0.01)
    kept = store.names()
    assert missing([passages], store) != {} and len(kept) >= 2
    subprocess.run([*command, "0"], env=environment, check=True)
    assert set(kept) < set(store.names())
    whole = Store(tmp_path / "whole")
    embed_missing(encoder, [passages], whole, positions=POSITIONS)
    one, two = (vectors_of(passages, s, tmp_path / s.folder.name / ".index") for s in (store, whole))
    assert np.array_equal(one, two)


@given(st.integers(1, 5000))
def test_a_width_has_little_padding_and_is_a_fixed_point(length):
    wide = width(length)
    assert wide >= max(8, length) and width(wide) == wide
    assert length <= 8 or wide - length < max(4, length / 4)
    assert length == 1 or width(length - 1) <= wide
    for positions in (length, length + 1, 10_000):
        assert length <= width(length, positions) <= positions


def test_known_widths():
    sizes = [8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256]
    assert sorted({width(length) for length in range(1, 257)}) == sizes


def test_the_key_of_a_store_sees_what_vectors_depend_on():
    files = {"base/model.safetensors": "1", "base/config.json": "2", "base/tokenizer.json": "3"}
    first = store_key(files, {"pooling": "mean"})
    assert first == store_key(dict(reversed(files.items())), {"pooling": "mean"}) and len(first) == 16
    assert store_key(files, {"pooling": "cls"}) != first != store_key(files, {"pooling": "mean"}, "cuda")
    # another tokenizer or prefix gives other ids, and texts are known by their ids
    for name in ("base/tokenizer.json", "base/reading.json", "base/config_sentence_transformers.json"):
        assert store_key(files | {name: "4"}, {"pooling": "mean"}) == first
    for name in ("base/model.safetensors", "base/config.json", "base/2_Dense/model.safetensors"):
        assert store_key(files | {name: "4"}, {"pooling": "mean"}) != first
