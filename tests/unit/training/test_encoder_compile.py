"""torch.compile changes the speed of training alone. Under a minute where nothing is compiled yet."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch._inductor.config
from support.job_scripts import script
from support.killed_training import TIMES, Killed, stopping
from support.toy_training import (
    LANGUAGES,
    MODEL,
    TRAINING,
    data_of,
    equal,
    sampler_of,
    step_of,
    weights,
    world,
)

from langscale.data.tokens import Tokens
from langscale.jobs import manifests
from langscale.models.encoder import Encoder
from langscale.retrieval.embedding import SIDES, embed, embed_benchmark
from langscale.training.loop import Recipe, train
from langscale.training.resume import State

COMPILED = TRAINING.model_copy(update={"compile": True, "chunk_tokens": 60})
STEPS = 4


def _lacking() -> str | None:
    """What torch.compile needs on a CPU and this machine has not."""
    if not any(map(shutil.which, (os.environ.get("CXX", "g++"), "g++", "clang++"))):
        return "a C++ compiler"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "the headers of Python"
    return None


pytestmark = pytest.mark.skipif(_lacking() is not None, reason=f"torch.compile needs {_lacking()}")


@pytest.fixture(autouse=True)
def search_path(monkeypatch):
    """To compile, torch imports setuptools, which adds packages of its own: to those that a report lists as
    well.
    """
    monkeypatch.setattr(sys, "path", sys.path[:])


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("compile"), hard=2)


def train_toy(toy, folder, settings):
    """A short run with dropout, as a process that has compiled nothing yet."""
    torch._dynamo.reset()
    data, encoder = data_of(toy), Encoder.initial(toy.base, "tiny", MODEL, 1)
    sampler, state = sampler_of(data, "hybrid", 1), State(folder / ".state", "key", 0)
    train(Recipe(settings, sampler, data, STEPS, 1), step_of(encoder, settings, toy), folder, state=state)


@torch._inductor.config.patch(fallback_random=True)  # the same draws of dropout in both
def test_compiled_training_is_that_which_is_not(toy, tmp_path):
    """By loss, gradient and vectors: Adam makes steps of noise where a gradient is zero, as that of a bias
    of keys is.
    """
    tokens, logs, found = Tokens.load(toy.tokens / "benchmark-toy/candidates"), [], []
    for name, settings in (("plain", COMPILED.model_copy(update={"compile": False})), ("compiled", COMPILED)):
        train_toy(toy, tmp_path / name, settings)
        logs.append(pd.read_csv(tmp_path / name / "log.csv")[["loss", "gradient_norm"]])
        found.append(embed(Encoder.load(tmp_path / name / "last"), tokens))
    np.testing.assert_allclose(logs[1], logs[0], rtol=1e-4)
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)
    untrained = embed(Encoder.initial(toy.base, "tiny", MODEL, 1), tokens)
    assert abs(untrained - found[0]).max() > 0.05


def test_compiled_and_killed_it_ends_in_the_same_bits_and_leaves_those_of_an_embed_job(
    toy, tmp_path, monkeypatch
):
    """workflow/scripts/train.py, whose encoder was compiled, and embeddings by one that was only loaded."""
    run = {
        "model": "tiny", "sampler": "hybrid", "languages": LANGUAGES, "seed": 1, "steps": STEPS,
        "sources": ["toy"], "path": "toy run", "take": {"whole_pool": True},
    }  # fmt: skip
    torch._dynamo.reset()
    manifests.write(toy.tokens / "benchmark-toy.json")
    script(
        "train.py",
        params={
            "run": run, "model": MODEL.model_dump(), "training": COMPILED.model_dump(),
            "validation_languages": (), "validation_sources": [],
            "where": {"embed": {}, "tokens": {"toy": toy.tokens / "benchmark-toy.json"}},
        },
        input={"subset": toy.subset, "base": toy.base, "tokens": [toy.tokens / "source-toy"]},
        output={name: tmp_path / "whole" / name for name in ("last", "log", "exposure")},
    )  # fmt: skip
    stopping(monkeypatch, 3)
    with pytest.raises(Killed):
        train_toy(toy, tmp_path / "killed", COMPILED)
    monkeypatch.undo()
    train_toy(toy, tmp_path / "killed", COMPILED)
    one, two = (Encoder.load(tmp_path / name / "last") for name in ("whole", "killed"))
    assert equal(weights(one), weights(two))
    logs = [pd.read_csv(tmp_path / name / "log.csv").drop(columns=TIMES) for name in ("whole", "killed")]
    pd.testing.assert_frame_equal(*logs, check_exact=True)

    benchmark = toy.tokens / "benchmark-toy"
    left = tmp_path / "whole/embeddings/last/toy"
    embed_benchmark(one, tmp_path / "job", benchmark, tmp_path / "state")
    for side in SIDES:
        assert np.array_equal(np.load(left / f"{side}.npy"), np.load(tmp_path / f"job/{side}.npy"))
