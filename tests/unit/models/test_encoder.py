import json
import logging
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers.sentence_transformer.modules import Pooling
from support.toy_training import LENGTH, MODEL, equal, tables, weights, world
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from langscale.core.random import key
from langscale.models import encoder
from langscale.models import pretrained as base
from langscale.models.encoder import Encoder

POOLINGS = ("mean", "cls", "cls-dense")


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """The toy world of a model with each pooling."""
    return {
        pooling: world(tmp_path_factory.mktemp(pooling), MODEL.model_copy(update={"pooling": pooling}))
        for pooling in POOLINGS
    }


@pytest.fixture(scope="module")
def toy(toys):
    return toys["mean"]


def initial(toy, name="tiny", seed=1):
    return Encoder.initial(toy.base, name, MODEL, seed).eval()


def padded(lists, pad, extra=0):
    longest = max(map(len, lists)) + extra
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in lists])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in lists])
    return ids, mask


LISTS = [[0, 7, 9, 1], [0, 5, 1], [0, 30, 31, 32, 33, 34, 35, 1]]


@torch.no_grad()
@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_agrees_with_loops(toys, pooling):
    model = initial(toys[pooling])
    found = model(*padded(LISTS, model.padding))
    assert found.shape == (3, 16) and found.dtype == torch.float32
    for row, ids in zip(found.numpy(), LISTS, strict=True):
        hidden = model.transformer(input_ids=torch.tensor([ids])).last_hidden_state[0].double().numpy()
        pooled = sum(hidden) / len(ids) if pooling == "mean" else hidden[0]
        if pooling == "cls-dense":
            dense = {n: value.double().numpy() for n, value in model.head[1].linear.state_dict().items()}
            assert dense["weight"].shape == (16, 16)
            pooled = np.tanh(dense["weight"] @ pooled + dense["bias"])
        np.testing.assert_allclose(row, pooled / np.sqrt(sum(pooled**2)), atol=1e-6)
        before = model.pooled(*padded([ids], model.padding))[0]
        assert before.dtype == torch.float32
        np.testing.assert_allclose(before, pooled, atol=1e-6)
        assert np.linalg.norm(row) == pytest.approx(1, abs=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_and_neighbours_do_not_move_a_vector(toys, pooling):
    model = initial(toys[pooling])
    alone = torch.cat([model(*padded([ids], model.padding)) for ids in LISTS])
    for extra in (0, 1, LENGTH - 8):
        np.testing.assert_allclose(model(*padded(LISTS, model.padding, extra)), alone, atol=1e-6)
    assert (alone[0] - alone[1]).abs().max() > 1e-3


def test_initial_state_is_of_name_and_seed_alone(toy):
    first = weights(initial(toy))
    torch.manual_seed(99)
    torch.rand(7)
    again = weights(initial(toy))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    for other in (initial(toy, seed=2), initial(toy, name="other")):
        values = weights(other)
        matrices = [name for name in first if first[name].std() > 0]
        assert len(matrices) > 5 and not any(np.array_equal(first[n], values[n]) for n in matrices)


def test_a_download_with_another_head_loads_without_a_word(toy, tmp_path, capfd):
    """A masked language model: its head is left out, the pooler that it lacks is not drawn, and no seed
    matters.
    """
    config = initial(toy).transformer.config
    masked = AutoModelForMaskedLM.from_config(config)
    masked.save_pretrained(tmp_path / "model")
    base.tokenizer(toy.base).save_pretrained(tmp_path / "model")
    model = MODEL.model_copy(update={"architecture": None, "path": str(tmp_path / "model")})
    capfd.readouterr()
    base.make(tmp_path / "base", model, [])
    found = [weights(Encoder.initial(tmp_path / "base", "tiny", model, seed)) for seed in (1, 2)]
    said = f"models: path: {tmp_path}/model: no modules.json; pooling: mean, by default\n"
    assert capfd.readouterr() == (said, "")
    assert equal(found[0], found[1]) and not [name for name in found[0] if "pooler" in name or "cls" in name]
    for name, value in masked.base_model.state_dict().items():
        assert np.array_equal(found[0][f"transformer.{name}"], value)


def test_the_pooler_is_drawn_but_not_kept(toy):
    """So the weights are those of a class with a pooler, of the same stream; transformers draws it in
    between.
    """
    found = initial(toy)
    torch.manual_seed(key("initialisation", "tiny", 1))
    drawn = AutoModel.from_config(found.transformer.config).state_dict()
    kept = found.transformer.state_dict()
    assert set(drawn) - set(kept) == {"pooler.dense.weight", "pooler.dense.bias"}
    assert all(torch.equal(value, drawn[name]) for name, value in kept.items())


def test_matrix_parameters_of_bert(toy):
    h, i = 16, 32
    attention, feed, norms = 4 * (h * h + h), 2 * h * i + h + i, 2 * 2 * h
    assert initial(toy).matrix_parameters() == attention + feed + norms + 2 * h


class Half(torch.nn.Module):
    """A transformer whose last layer leaves bf16, as those without a layer norm do under autocast."""

    def forward(self, input_ids, attention_mask):
        hidden = torch.sin(input_ids[..., None] * torch.arange(1, 17)).bfloat16()
        return SimpleNamespace(last_hidden_state=hidden)


def test_pools_in_float32_whatever_the_transformer_leaves():
    ids, mask = padded(LISTS, 2)
    found = Encoder(Half(), [Pooling(16)])(ids, mask)
    hidden = Half()(ids, mask).last_hidden_state.double()
    exact = torch.nn.functional.normalize(
        (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=-1
    )
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, exact, atol=1e-6)


QUERIES, PASSAGES = tables()[0]["query"].tolist()[:9], tables()[1]["text"].tolist()[:9]
PASSAGES += [
    "de a1 c1 " + "d " * 40,
    "a",
    "漢字 unknown letters",
    "",
]  # longer than LENGTH, short, unknown, empty


def embedded(model, tokenizer, texts, prefix):
    encoded = tokenizer([prefix + text for text in texts], truncation=True, max_length=LENGTH)["input_ids"]
    with torch.no_grad():
        return model(*padded(encoded, model.padding)).numpy()


@pytest.fixture(scope="module", params=POOLINGS)
def saved(request, toys, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "last"
    built = initial(toys[request.param])
    built.save(folder, toys[request.param].base)
    return built, folder


def test_sentence_transformers_gives_the_same_embeddings(toy, saved, caplog):
    from sentence_transformers import SentenceTransformer

    built, folder = saved
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        peer = SentenceTransformer(str(folder), device="cpu")
    assert not caplog.records
    assert peer.max_seq_length == LENGTH and peer.similarity_fn_name == "cosine"
    tokenizer = base.tokenizer(toy.base)
    assert len(tokenizer("Passage: " + PASSAGES[9])["input_ids"]) > LENGTH
    queries = embedded(built, tokenizer, QUERIES, "Query: ")
    passages = embedded(built, tokenizer, PASSAGES, "Passage: ")
    for ours, theirs in (
        (queries, peer.encode(QUERIES, prompt_name="query")),
        (queries, peer.encode_query(QUERIES)),
        (passages, peer.encode(PASSAGES, prompt_name="passage", batch_size=2)),
        (passages, peer.encode_document(PASSAGES)),
    ):
        assert ours.shape == theirs.shape and (1 - (ours.astype(float) * theirs).sum(1)).max() < 1e-6
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert np.abs(queries - peer.encode(QUERIES)).max() > 1e-3  # so the prefixes do matter


def test_a_checkpoint_is_an_ordinary_transformers_folder(toy, saved):
    built, folder = saved
    peer = AutoModel.from_pretrained(folder).eval()
    assert type(peer) is type(built.transformer)
    state = peer.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in built.transformer.state_dict().items())
    assert AutoTokenizer.from_pretrained(folder)(PASSAGES) == base.tokenizer(toy.base)(PASSAGES)
    again = Encoder.load(folder).eval()
    ids, mask = padded(LISTS, built.padding)
    with torch.no_grad():
        assert torch.equal(again(ids, mask), built(ids, mask))
    assert weights(again).keys() == weights(built).keys()


def test_a_checkpoint_holds_safetensors_and_json_alone(saved):
    built, folder = saved
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".json", ".safetensors"}
    assert load_file(folder / "model.safetensors").keys() == built.transformer.state_dict().keys()
    for file in files:
        if file.suffix == ".json":
            json.loads(file.read_text(encoding="utf-8"))


def test_pickled_weights_are_not_opened(saved, tmp_path):
    built, folder = saved
    shutil.copytree(folder, tmp_path / "pickled", ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(built.transformer.state_dict(), tmp_path / "pickled/pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        Encoder.load(tmp_path / "pickled")


def test_what_needs_no_torch_does_not_import_it():
    modules = "retrieval.embedding data.tokens data.subsets models.pretrained training.batches config.study"
    names = ", ".join(f"langscale.{name}" for name in modules.split())
    code = f"import sys, {names}; print('torch' in sys.modules, 'transformers' in sys.modules)"
    root = Path(encoder.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]
