"""Exported checkpoints in sentence-transformers give the embeddings of the study."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from support.toy_training import LENGTH, MODEL, world
from transformers import AutoModel

from langscale.config.model import AdapterOptions, LoraOptions
from langscale.data.tokens import Tokens, tokenise
from langscale.models import lora
from langscale.models import pretrained as base
from langscale.models.adapter import Adapter
from langscale.models.encoder import Encoder
from langscale.models.export import export
from langscale.training.adapter import AdapterModule

FORMS = {
    "linear": AdapterOptions(),
    "bias": AdapterOptions(bias=True),
    "rank": AdapterOptions(rank=3),
    "hidden": AdapterOptions(hidden=5, bias=True),
    "query": AdapterOptions(sides="query"),
    "hidden query": AdapterOptions(hidden=5, sides="query"),
}


@pytest.fixture(scope="module", params=["mean", "cls", "cls-dense"])
def toy(request, tmp_path_factory):
    """(folder of a pretrained model, its options, texts, their base vectors by side)."""
    folder = tmp_path_factory.mktemp("export")
    model = MODEL.model_copy(update={"pooling": request.param})
    toy = world(folder / "world", model)
    Encoder.initial(toy.base, "tiny", model, 1).save(folder / "base", toy.base)
    texts = {"query": toy.pairs["query"][::5].tolist(), "passage": toy.passages["text"][::5].tolist()}
    encoder, vectors = Encoder.load(folder / "base").eval(), {}
    for side, prefix in (("query", model.query_prefix), ("passage", model.passage_prefix)):
        tokenise(folder / side, texts[side], base.tokenizer(folder / "base"), prefix, LENGTH)
        tokens = Tokens.load(folder / side)
        ids, mask = map(torch.from_numpy, tokens.padded(np.arange(len(tokens)), encoder.padding))
        with torch.no_grad():
            vectors[side] = encoder.pooled(ids, mask).numpy()
    return folder / "base", model, texts, vectors


def moved(module, seed=3):
    """A module with all parameters changed at random, as training changes them."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter += 0.3 * torch.randn(parameter.shape, generator=draw)
    return module


def encoded(folder, texts, dtype=torch.float32):
    """Unit vectors of both sides by sentence-transformers."""
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True).to(dtype)
    found = {"query": model.encode_query(texts["query"]), "passage": model.encode_document(texts["passage"])}
    for vectors in found.values():
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_an_exported_adapter_gives_the_embeddings_of_the_study(toy, tmp_path, form):
    folder, model, texts, vectors = toy
    adapter = moved(AdapterModule(16, FORMS[form], "tiny", 1)).stored({"model": "tiny"})
    (tmp_path / "last").mkdir()
    adapter.save(tmp_path / "last")
    export(tmp_path / "out", tmp_path / "last", folder, model.model_copy(update={"train": "adapter"}))
    for side, found in encoded(tmp_path / "out", texts).items():
        np.testing.assert_allclose(found, adapter.apply(vectors[side], side), atol=1e-6)
        change = abs(found - Adapter().apply(vectors[side], side)).max()
        assert (change < 1e-6) == (side == "passage" and adapter.sides == "query")


def test_an_exported_lora_is_merged(toy, tmp_path):
    """In float64: what is left is the rounding of merged weights, the same on every processor."""
    folder, model, texts, vectors = toy
    encoder = Encoder.load(folder)
    weights = lora.attach(encoder, LoraOptions(rank=2), "tiny", 1)
    moved(encoder).eval()
    lora.save(weights, tmp_path / "last")
    export(tmp_path / "out", tmp_path / "last", folder, model.model_copy(update={"train": "lora"}))
    assert not [name for name in AutoModel.from_pretrained(tmp_path / "out").state_dict() if "lora" in name]
    loaded = lora.load(folder, tmp_path / "last").eval()
    for its in (encoder, loaded):
        its.transformer.double()
    for side, found in encoded(tmp_path / "out", texts, torch.float64).items():
        tokens = Tokens.load(folder.parent / side)
        ids, mask = map(torch.from_numpy, tokens.padded(np.arange(len(tokens)), encoder.padding))
        with torch.no_grad():
            trained, merged = encoder(ids, mask).numpy(), loaded(ids, mask).numpy()
        np.testing.assert_allclose(found, trained, atol=1e-6)
        np.testing.assert_allclose(merged, trained, atol=1e-6)
        assert abs(found - Adapter().apply(vectors[side], side)).max() > 1e-2


def test_a_fully_trained_checkpoint_is_copied(toy, tmp_path):
    folder, model, texts, vectors = toy
    export(tmp_path / "out", folder, tmp_path / "nowhere", model)
    for side, found in encoded(tmp_path / "out", texts).items():
        np.testing.assert_allclose(found, Adapter().apply(vectors[side], side), atol=1e-6)
