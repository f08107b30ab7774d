import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from support.toy_training import MODEL, ROOT, script, tables, world

from langscale.data.tokens import Tokens, tokenise
from langscale.models import pretrained as base
from langscale.models.encoder import Encoder
from langscale.retrieval import embedding
from langscale.retrieval.embedding import embed, embed_benchmark, leave, left_folder, left_key

LENGTH = 12
RUN = {"model": "tiny", "seed": 1}


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
    """Nor on fingerprints, which are equal for texts that differ in case, and differ for texts equal once cut."""
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


def test_a_killed_embed_job_leaves_its_shards_beside_its_output(
    toy, encoder, checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setattr(embedding, "SHARD", 2)
    benchmark, out = toy.tokens / "benchmark-toy", tmp_path / "embeddings/toy"
    with pytest.raises(KeyboardInterrupt):
        embed_benchmark(Killed(encoder, 5), out, checkpoint, benchmark, RUN)
    assert not out.exists() and len(list((tmp_path / "embeddings/.unfinished/toy").rglob("*.npy"))) == 2
    counting = Killed(encoder, -1)
    embed_benchmark(counting, out, checkpoint, benchmark, RUN)
    again = Killed(encoder, -1)
    embed_benchmark(again, tmp_path / "whole/toy", checkpoint, benchmark, RUN)
    assert again.made == counting.made + 4 and digests(out) == digests(tmp_path / "whole/toy")
    assert [path.name for path in out.parent.iterdir()] == ["toy"]


def test_shards_of_another_number_of_threads_are_not_taken(toy, encoder, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "SHARD", 2)
    made = []
    for blocks, threads in ((5, 1), (5, 2), (-1, 2)):
        torch.set_num_threads(threads)
        counting = Killed(encoder, blocks)
        with suppress(KeyboardInterrupt):
            embed_benchmark(counting, tmp_path / "toy", checkpoint, toy.tokens / "benchmark-toy", RUN)
        made.append(counting.made)
    whole = Killed(encoder, -1)
    embed_benchmark(whole, tmp_path / "whole", checkpoint, toy.tokens / "benchmark-toy", RUN)
    assert made == [5, 5, whole.made - 4]


@pytest.fixture
def checkpoint(toy, encoder, tmp_path):
    encoder.save(tmp_path / "run/last", toy.base, MODEL)
    return tmp_path / "run/last"


def test_left_key_is_of_weights_configs_tokens_and_code(toy, encoder, checkpoint, tmp_path, monkeypatch):
    tokens = tmp_path / "benchmark"
    shutil.copytree(toy.tokens / "benchmark-toy", tokens)
    weights = checkpoint / "model.safetensors"
    keys = [left_key(weights, tokens)]
    shutil.copytree(checkpoint, tmp_path / "copy/best")
    assert left_key(tmp_path / "copy/best/model.safetensors", tokens) == keys[0]

    with torch.no_grad():
        encoder.transformer.encoder.layer[0].output.dense.bias[0] += 1e-6
    encoder.save(checkpoint, toy.base, MODEL)
    keys.append(left_key(weights, tokens))
    encoder.pooling = "cls"
    encoder.save(checkpoint, toy.base, MODEL.model_copy(update={"pooling": "cls"}))
    keys.append(left_key(weights, tokens))
    encoder.dense, encoder.pooling = torch.nn.Linear(16, 16), "cls-dense"
    for _ in range(2):
        encoder.save(checkpoint, toy.base, MODEL)
        keys.append(left_key(weights, tokens))
        with torch.no_grad():
            encoder.dense.bias[0] += 1e-6
    for side in embedding.SIDES:
        tokens_of(toy, tokens / side, ["another text"])
        keys.append(left_key(weights, tokens))
    here = Path(embedding.__file__).parents[1]
    for i, name in enumerate(embedding.CODE):
        shutil.copytree(here, tmp_path / f"src{i}")
        (tmp_path / f"src{i}" / name).write_text("# edited\n")
        monkeypatch.setattr(embedding, "__file__", str(tmp_path / f"src{i}" / "retrieval/embedding.py"))
        keys.append(left_key(weights, tokens))
    assert len(set(keys)) == len(keys) == 10
    monkeypatch.undo()
    assert left_key(weights, tokens) == keys[6]


def embed_job(toy, checkpoint, output):
    """What Snakemake tells workflow/scripts/embed.py."""
    return {
        "params": {"model": MODEL.model_dump(), "run": RUN, "threads": 1},
        "input": {
            "checkpoint": str(checkpoint) if checkpoint else [],
            "base": str(toy.base),
            "tokens": str(toy.tokens / "benchmark-toy"),
        },
        "output": [str(output)],
    }


ALONE = """
import json, sys
from support.toy_training import script
script("embed.py", **json.loads(sys.argv[1]))
assert "torch" not in sys.modules
"""


def digests(folder):
    return {
        side: hashlib.sha256((folder / f"{side}.npy").read_bytes()).hexdigest() for side in embedding.SIDES
    }


def test_the_embed_job_takes_what_training_left_and_computes_the_same(
    toy, encoder, checkpoint, tmp_path, monkeypatch
):
    monkeypatch.undo()  # blocks as in the job
    leave(encoder, checkpoint, toy.tokens / "benchmark-toy", RUN)
    left = left_folder(checkpoint, toy.tokens / "benchmark-toy")
    assert left.parent == checkpoint.parent / ".left"
    there = digests(left)
    job = json.dumps(embed_job(toy, checkpoint, tmp_path / "taken"))
    paths = os.pathsep.join(str(ROOT / part) for part in ("src", "tests"))
    subprocess.run([sys.executable, "-c", ALONE, job], env=os.environ | {"PYTHONPATH": paths}, check=True)
    assert digests(tmp_path / "taken") == there and not left.exists()
    script("embed.py", **embed_job(toy, checkpoint, tmp_path / "computed"))
    assert digests(tmp_path / "computed") == there
    # the untrained row has no checkpoint: it is drawn anew
    script("embed.py", **embed_job(toy, None, tmp_path / "untrained"))
    assert digests(tmp_path / "untrained") == there
    questions = np.load(tmp_path / "taken/questions.npy")
    assert questions.shape == (len(toy.pairs), 16)
    assert np.linalg.norm(questions, axis=1) == pytest.approx(1, abs=1e-6)


def test_last_and_best_may_hold_the_same_weights(toy, encoder, checkpoint):
    best = checkpoint.with_name("best")
    shutil.copytree(checkpoint, best)
    benchmark = toy.tokens / "benchmark-toy"
    assert left_folder(checkpoint, benchmark) != left_folder(best, benchmark)
