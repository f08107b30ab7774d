"""Which folders the encoder of a job is read from. test_lora.py compares the embeddings."""

from types import SimpleNamespace

import pytest

from langscale.config.model import Model
from langscale.models import checkpoints, lora
from langscale.models.encoder import Encoder

INITIAL = {"name": "tiny", "seed": 1}


@pytest.mark.parametrize(
    ("train", "initial", "read"),
    [
        ("full", INITIAL, ["base"]),
        ("lora", INITIAL, ["base"]),
        ("adapter", INITIAL, ["base"]),
        ("full", None, ["checkpoint"]),
        ("lora", None, ["base", "checkpoint"]),
    ],
)
def test_a_model_before_training_needs_no_checkpoint_and_lora_needs_both(monkeypatch, train, initial, read):
    folders = []
    given = {}
    encoder = SimpleNamespace(to=lambda device: "merged")
    monkeypatch.setattr(lora, "load", lambda base, folder: given.update(lora=(base, folder)) or encoder)
    monkeypatch.setattr(Encoder, "ready", lambda *found: given.update(ready=found) or "read")
    model = Model(hub="a/b", train=train)
    found = checkpoints.ready(model, lambda name: folders.append(name) or f"/{name}", initial)
    assert folders == read
    if len(read) == 2:
        assert (found, given) == ("merged", {"lora": ("/base", "/checkpoint")})
    else:
        assert (found, given) == ("read", {"ready": (f"/{read[0]}", model, initial)})
