"""LoRA is full training of fewer numbers: the same loop, batches and resuming, the same start."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from support.job_scripts import script
from support.killed_training import TIMES, Killed, stopping
from support.toy_training import LANGUAGES, MODEL, TRAINING, data_of, equal, run, sampler_of, weights, world

from langscale.config.model import LoraOptions
from langscale.data.tokens import Tokens
from langscale.data.vector_store import Store, Vectors
from langscale.jobs import manifests
from langscale.models import lora
from langscale.models.encoder import Encoder
from langscale.training.encoder import EncoderStep
from langscale.training.loop import Recipe, optimiser, train
from langscale.training.resume import State

OPTIONS = LoraOptions(rank=2, alpha=4)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora")
    toy = world(folder, hard=2)
    Encoder.initial(toy.base, "tiny", MODEL, 1).save(folder / "pretrained", toy.base)
    return toy


def step_of(toy, settings=TRAINING, seed=1, options=OPTIONS):
    """The step of low-rank matrices in the toy encoder."""
    encoder = Encoder.load(toy.base.parent / "pretrained")
    matrices = lora.attach(encoder, options, "tiny", seed)
    return EncoderStep(encoder, settings, lambda folder: lora.save(matrices, folder), torch.device("cpu"))


def train_lora(toy, folder, steps=6, seed=1, state=None, **changes):
    settings, data = TRAINING.model_copy(update=changes), data_of(toy)
    step = step_of(toy, settings, seed)
    train(Recipe(settings, sampler_of(data, seed=seed), data, steps, seed), step, folder, state=state)
    return step.encoder


def test_before_training_it_is_the_encoder_to_the_bit(toy):
    plain = Encoder.load(toy.base.parent / "pretrained").eval()
    ids = torch.tensor([[0, 7, 9, 1], [0, 5, 8, 1]])
    with torch.no_grad():
        one, two = (encoder(ids, torch.ones_like(ids)) for encoder in (plain, step_of(toy).encoder.eval()))
    assert torch.equal(one, two)


def test_only_the_matrices_are_trained(toy, tmp_path):
    before = weights(step_of(toy).encoder)
    encoder = train_lora(toy, tmp_path)
    after = weights(encoder)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    trained = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    assert moved == trained and all("lora_" in name for name in trained) and len(trained) == 12
    files = sorted(path.name for path in (tmp_path / "last").iterdir())
    assert files == ["adapter_config.json", "adapter_model.safetensors"]
    loaded = lora.load(toy.base.parent / "pretrained", tmp_path / "last").eval()
    ids = torch.tensor([[0, 7, 9, 1]])
    with torch.no_grad():
        found, merged = (e.eval()(ids, torch.ones_like(ids)) for e in (encoder, loaded))
    torch.testing.assert_close(found, merged, atol=1e-6, rtol=0)
    assert sum(len(group["params"]) for group in optimiser(encoder, TRAINING).param_groups) == 12


def test_gradients_by_finite_differences(toy):
    data, step = data_of(toy)[0], step_of(toy)
    batch = sampler_of([data], "x-y").batch(0)
    step.encoder.double().eval()
    draw = torch.Generator().manual_seed(1)
    parameters = [p for p in step.encoder.parameters() if p.requires_grad]
    with torch.no_grad():
        for p in parameters:
            p += 0.1 * torch.randn(p.shape, generator=draw, dtype=p.dtype)
    for cached in (False, True):
        step.cached = cached
        step.backward(data, batch)
        for p in parameters:
            around = []
            with torch.no_grad():
                for sign in (1, -1):
                    p[0, 0] += sign * 1e-3
                    around.append(step.loss(data, batch)[0].item())
                    p[0, 0] -= sign * 1e-3
            slope = (around[0] - around[1]) / 2e-3
            assert p.grad[0, 0].item() == pytest.approx(slope, rel=0.02, abs=1e-3)
            p.grad = None


def test_batches_are_those_of_full_training(toy, tmp_path):
    run(toy, tmp_path / "full")
    train_lora(toy, tmp_path / "lora")
    full, found = (pd.read_csv(tmp_path / mode / "log.csv") for mode in ("full", "lora"))
    same = ["step", "kind", "learning_rate", "masked", "query_language_negatives"]
    pd.testing.assert_frame_equal(full[same], found[same], check_exact=True)
    # the first loss too: the same weights and dropout
    assert full["loss"][0] == pytest.approx(found["loss"][0], abs=1e-6)
    one, two = ((tmp_path / mode / "exposure.csv").read_bytes() for mode in ("full", "lora"))
    assert one == two


@pytest.mark.parametrize("minutes", [0, math.inf])
@pytest.mark.parametrize("at", [2, 5])
def test_killed_it_ends_in_the_same_bits(toy, tmp_path, monkeypatch, at, minutes):
    whole = train_lora(toy, tmp_path / "whole")
    stopping(monkeypatch, at)
    with pytest.raises(Killed):
        train_lora(toy, tmp_path / "killed", state=State(tmp_path / "state", "k", minutes))
    monkeypatch.undo()
    if minutes == 0:  # a state has no frozen weights
        (file,) = (tmp_path / "state").glob("step-*/tensors.safetensors")
        assert file.stat().st_size < 20_000
    killed = train_lora(toy, tmp_path / "killed", state=State(tmp_path / "state", "k", minutes))
    assert equal(weights(whole), weights(killed))
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        one, two = ((tmp_path / run / "last" / name).read_bytes() for run in ("whole", "killed"))
        assert one == two
    logs = [pd.read_csv(tmp_path / name / "log.csv").drop(columns=TIMES) for name in ("whole", "killed")]
    pd.testing.assert_frame_equal(*logs, check_exact=True)


def test_targets_and_seeds(toy):
    names = {n.split(".lora_")[0] for n, p in step_of(toy).encoder.named_parameters() if p.requires_grad}
    assert len(names) == 6  # all linear layers of the one layer
    some = step_of(toy, options=LoraOptions(targets=["query", "value"])).encoder
    names = {n.split(".lora_")[0] for n, p in some.named_parameters() if p.requires_grad}
    assert sorted(name.rpartition(".")[2] for name in names) == ["query", "value"]
    one, two, again = (weights(step_of(toy, seed=seed).encoder) for seed in (1, 2, 1))
    assert equal(one, again) and not equal(one, two)


def test_the_jobs_of_lora_and_of_base_vectors(toy, tmp_path, monkeypatch):
    """train.py and embed.py with low-rank matrices, base_vectors.py with the encoder before training."""
    pretrained, tokens = toy.base.parent / "pretrained", toy.tokens / "benchmark-toy"
    model = {"train": "lora", "lora": OPTIONS.model_dump()}
    embedded = {"model": model, "initial": None, "threads": 1}
    manifests.write(tokens.with_suffix(".json"))
    script(
        "train.py",
        params={
            "run": {
                "model": "tiny", "sampler": "x-y", "languages": LANGUAGES, "seed": 1, "steps": 3,
                "sources": ["toy"], "path": "toy run", "take": {"whole_pool": True},
            },
            "model": model,
            "training": TRAINING.model_dump(),
            "validation_languages": (),
            "validation_sources": [],
            "where": {"embed": embedded, "tokens": {"toy": tokens.with_suffix(".json")}},
        },
        input={"subset": toy.subset, "base": pretrained, "tokens": [toy.tokens / "source-toy"]},
        output={name: tmp_path / "run" / name for name in ("last", "log", "exposure")},
    )  # fmt: skip
    loaded = lora.load(pretrained, tmp_path / "run/last").eval()
    left = tmp_path / "run/embeddings/last/toy"
    read = {"checkpoint": tmp_path / "run/last.json", "base": pretrained, "tokens": tokens}
    with monkeypatch.context() as patch:
        patch.setattr(lora, "load", None)  # they were left by the training
        script("embed.py", embedded, read, {"data": left})
    script("embed.py", embedded, read, {"data": left.with_name("again")})
    given, vectors = Tokens.load(tokens / "questions"), np.load(left / "questions.npy")
    assert np.array_equal(vectors, np.load(left.with_name("again") / "questions.npy"))
    ids, mask = map(torch.from_numpy, given.padded(np.arange(len(given)), loaded.padding))
    with torch.no_grad():
        np.testing.assert_allclose(vectors, loaded(ids, mask).numpy(), atol=1e-5)

    before = Encoder.load(pretrained).eval()
    script(
        "base_vectors.py",
        params={
            "kind": "benchmark", "model": {"train": "adapter"}, "code": {"a.py": "1"},
            "where": {"store": tmp_path / "store"},
        },
        input={"base": pretrained, "tokens": tokens},
        output={"data": tmp_path / "vectors"},
    )  # fmt: skip
    index = tmp_path / "vectors/questions"
    found = Vectors.load(index, Store.of(index, tmp_path / "store"))[np.arange(len(given))]
    with torch.no_grad():
        np.testing.assert_allclose(found, before.pooled(ids, mask).numpy(), atol=1e-5)
    facts = json.loads((index / "index.json").read_text())
    assert facts["reading"]["query_prefix"] == MODEL.query_prefix
