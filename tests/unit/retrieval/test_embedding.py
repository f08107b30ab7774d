import hashlib
import json
import os
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
import torch
from support.job_scripts import script
from support.toy_training import MODEL, ROOT, tables, world

from langscale.data.tokens import Tokens, tokenise
from langscale.models import pretrained as base
from langscale.models.encoder import Encoder
from langscale.retrieval import embedding
from langscale.retrieval.embedding import embed

LENGTH = 12
INITIAL = {"name": "tiny", "seed": 1}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("embedding"))


@pytest.fixture
def encoder(toy):
    return Encoder.initial(toy.base, "tiny", MODEL, 1)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(embedding, "BLOCK", 60)


def texts():
    """Passages, some twice, some that differ in case alone, some that are equal once they are cut."""
    made = tables(pairs=20)[1]["text"].tolist()
    made += made[3:9] + [text.upper() for text in made[10:14]]
    return made + ["de " + "c1 " * 20 + end for end in ("a1", "a2", "a3")]


def tokens_of(toy, folder, given):
    tokenise(folder, given, base.tokenizer(toy.base), "Passage: ", LENGTH)
    return Tokens.load(folder)


class Counting(torch.nn.Module):
    """An encoder that notes the shapes and rows that it is given."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.padding = encoder, encoder.padding
        self.shapes, self.rows = [], []

    def forward(self, ids, mask):
        self.shapes.append(tuple(ids.shape))
        self.rows += [tuple(row[keep.bool()].tolist()) for row, keep in zip(ids, mask, strict=True)]
        return self.encoder(ids, mask)


def test_vectors_are_those_of_each_text_alone(toy, encoder, tmp_path):
    tokens = tokens_of(toy, tmp_path / "t", texts())
    found = embed(encoder, tokens)
    assert found.shape == (len(tokens), 16) and found.dtype == np.float32
    for row in range(len(tokens)):
        ids = torch.from_numpy(tokens[row].astype(np.int64))[None]
        with torch.no_grad():
            alone = encoder(ids, torch.ones_like(ids))[0]
        np.testing.assert_allclose(found[row], alone, atol=2e-6)
    assert encoder.training is False


def test_each_distinct_text_is_encoded_once_in_full_blocks(toy, encoder, tmp_path):
    tokens = tokens_of(toy, tmp_path / "t", texts())
    counting = Counting(encoder)
    embed(counting, tokens)
    distinct = {tuple(tokens[row].tolist()) for row in range(len(tokens))}
    assert len(distinct) < len(tokens) - 6
    assert len(counting.rows) == len(set(counting.rows)) and set(counting.rows) == distinct
    lengths = [len(row) for row in counting.rows]
    assert lengths == sorted(lengths)
    # no block is too large, and none could take the text behind it
    assert all(rows * longest <= 60 for rows, longest in counting.shapes) and len(counting.shapes) > 3
    ends = np.cumsum([rows for rows, _ in counting.shapes])
    for (rows, _), end in zip(counting.shapes[:-1], ends[:-1], strict=True):
        assert (rows + 1) * lengths[end] > 60


def test_a_text_that_is_longer_than_a_block_is_a_block(toy, encoder, tmp_path, monkeypatch):
    tokens = tokens_of(toy, tmp_path / "t", texts())
    whole = embed(encoder, tokens)
    monkeypatch.setattr(embedding, "BLOCK", 3)
    counting = Counting(encoder)
    found = embed(counting, tokens)
    assert {rows for rows, _ in counting.shapes} == {1}
    np.testing.assert_allclose(found, whole, atol=2e-6)


def test_equal_texts_share_a_vector(toy, encoder, tmp_path):
    tokens = tokens_of(toy, tmp_path / "t", texts())
    found = embed(encoder, tokens)
    for row in range(len(tokens)):
        first = next(i for i in range(len(tokens)) if tokens[i].tolist() == tokens[row].tolist())
        assert np.array_equal(found[row], found[first])


def test_vectors_do_not_depend_on_the_order(toy, encoder, tmp_path):
    given, orders = texts(), [np.random.default_rng(seed).permutation(len(texts())) for seed in range(4)]
    first = embed(encoder, tokens_of(toy, tmp_path / "first", given))
    for number, order in enumerate(orders):
        shuffled = embed(encoder, tokens_of(toy, tmp_path / f"{number}", [given[i] for i in order]))
        assert np.array_equal(shuffled, first[order])


def test_blocks_do_not_depend_on_the_order(encoder):
    """Nor on fingerprints, which are equal for texts that differ in case, and differ for texts equal once
    cut.
    """
    rows = np.random.default_rng(0).integers(4, 60, size=(30, 5), dtype=np.int32)
    seen = []
    for seed in range(4):
        draw = np.random.default_rng(seed)
        ids = draw.permutation(rows).ravel()
        counting = Counting(encoder)
        embed(counting, Tokens(ids, np.arange(0, 151, 5), draw.integers(3, size=30)))
        seen.append(counting.rows)
    assert seen == [seen[0]] * 4 and len(seen[0]) == 30


class Killed(torch.nn.Module):
    """An encoder that dies at a block, and counts those that it makes."""

    def __init__(self, encoder, blocks):
        super().__init__()
        self.encoder, self.padding, self.left, self.made = encoder, encoder.padding, blocks, 0

    def forward(self, ids, mask):
        if self.made == self.left:
            raise KeyboardInterrupt
        self.made += 1
        return self.encoder(ids, mask)


def test_a_killed_embedding_goes_on_with_the_next_shard_to_the_same_bits(toy, encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "SHARD", 3)
    tokens = tokens_of(toy, tmp_path / "t", texts())
    whole = Killed(encoder, -1)
    expected = embed(whole, tokens)
    assert whole.made > 9
    for blocks, kept in ((2, 0), (4, 3), (5, 6)):
        killed = Killed(encoder, blocks)
        with pytest.raises(KeyboardInterrupt):
            embed(killed, tokens, tmp_path / "state")
        assert 3 * len(list((tmp_path / "state").glob("*.npy"))) == kept
    rest = Killed(encoder, -1)
    assert np.array_equal(embed(rest, tokens, tmp_path / "state"), expected)
    assert rest.made == whole.made - 6


def embed_job(toy, checkpoint, **changes):
    """What Snakemake tells workflow/scripts/embed.py."""
    given = {"checkpoint": checkpoint} if checkpoint else {"base": toy.base}
    return {
        "params": {"model": MODEL.model_dump(), "initial": None if checkpoint else INITIAL, "threads": 1}
        | changes,
        "input": given | {"tokens": toy.tokens / "benchmark-toy"},
    }


ALONE = """
import json, sys
from support.job_scripts import script
script("embed.py", **json.loads(sys.argv[1]))
assert "torch" not in sys.modules
"""


def digests(folder):
    return {
        side: hashlib.sha256((folder / f"{side}.npy").read_bytes()).hexdigest() for side in embedding.SIDES
    }


@pytest.fixture
def checkpoint(toy, encoder, tmp_path):
    encoder.save(tmp_path / "run/last", toy.base)
    return tmp_path / "run/last"


def killed_after(blocks, monkeypatch):
    """Make the encoder of the next embed jobs die at a block; a list that fills with the blocks that each one
    made.
    """
    made, ready = [], Encoder.ready

    def counted(*args):
        made.append(Killed(ready(*args), blocks))
        return made[-1]

    monkeypatch.setattr(Encoder, "ready", counted)
    return made


def test_a_killed_embed_job_leaves_its_shards_beside_its_output(toy, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "SHARD", 2)
    out = tmp_path / "embeddings/toy"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        killed_after(5, patch)
        script("embed.py", **embed_job(toy, checkpoint), output={"data": out})
    assert not out.exists() and len(list((tmp_path / "embeddings/.unfinished").rglob("*.npy"))) == 2
    with monkeypatch.context() as patch:
        made = killed_after(-1, patch)
        for folder in (out, tmp_path / "whole/toy"):
            script("embed.py", **embed_job(toy, checkpoint), output={"data": folder})
    assert made[1].made == made[0].made + 4 and digests(out) == digests(tmp_path / "whole/toy")
    assert sorted(path.name for path in out.parent.iterdir()) == [".made", "toy", "toy.json"]


def test_shards_of_another_number_of_threads_are_not_taken(toy, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "SHARD", 2)
    made = []
    for blocks, threads in ((5, 1), (5, 2), (-1, 2)):
        with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
            counting = killed_after(blocks, patch)
            job = embed_job(toy, checkpoint, threads=threads)
            script("embed.py", **job, output={"data": tmp_path / "toy"})
        made.append(counting[0].made)
    with monkeypatch.context() as patch:
        whole = killed_after(-1, patch)
        script("embed.py", **embed_job(toy, checkpoint, threads=2), output={"data": tmp_path / "whole"})
    assert made == [5, 5, whole[0].made - 4]


def test_an_embed_job_takes_what_is_there_without_torch(toy, checkpoint, tmp_path, monkeypatch):
    monkeypatch.undo()  # blocks as in the job
    out = {"data": tmp_path / "computed"}
    script("embed.py", **embed_job(toy, checkpoint), output=out)
    there, manifest = digests(out["data"]), (tmp_path / "computed.json").read_text()
    (tmp_path / "computed.json").unlink()  # as Snakemake does before a job
    told = embed_job(toy, checkpoint) | {"output": out}
    paths = os.pathsep.join(str(ROOT / part) for part in ("src", "tests"))
    command = [sys.executable, "-c", ALONE, json.dumps(told, default=str)]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, check=True)
    assert (tmp_path / "computed.json").read_text() == manifest
    # the untrained row has no checkpoint: it is drawn anew
    script("embed.py", **embed_job(toy, None), output={"data": tmp_path / "untrained"})
    assert digests(tmp_path / "untrained") == there
    questions = np.load(tmp_path / "computed/questions.npy")
    assert questions.shape == (len(toy.pairs), 16)
    assert np.linalg.norm(questions, axis=1) == pytest.approx(1, abs=1e-6)
