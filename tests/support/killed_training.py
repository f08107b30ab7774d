"""A toy run that is killed, stopped or left alone."""

import time

import pandas as pd

from langscale.config.training import Validation
from langscale.models.encoder import Encoder
from langscale.training.loop import Recipe, train
from langscale.training.resume import State
from support.toy_training import MODEL, TRAINING, data_of, sampler_of, step_of

STEPS = 12

TIMES = ["pairs_per_second", "tokens_per_second", "gemm_share"]

SETTINGS = TRAINING.model_copy(update={"validation": Validation(every=2, pairs=16)})


class Slow:
    """A validation that takes `wait` seconds; its loss is a function of the weights, lowest at the third of
    six calls.
    """

    def __init__(self, wait=0.0):
        self.wait = wait

    def __call__(self, step):
        time.sleep(self.wait)
        return abs(next(iter(step.module.parameters())).sum().item() + 1.95)


def train_toy(toy, folder, minutes, key="key", settings=SETTINGS, validate=None):
    """A short run with dropout and validation that keeps its state in `folder`."""
    data = data_of(toy)
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1)
    state = State(folder / ".state", key, minutes)
    sampler = sampler_of(data, "hybrid", 1, settings.batch_size)
    recipe = Recipe(settings, sampler, data, STEPS, 1, "toy run")
    train(recipe, step_of(encoder, settings, toy), folder, validate or Slow(), state)
    state.clear()
    return encoder


def assert_same(folder, whole, steps=STEPS):
    for checkpoint in ("last", "best"):
        file = f"{checkpoint}/model.safetensors"
        assert (folder / file).read_bytes() == (whole / file).read_bytes()
    logs = [pd.read_csv(f / "log.csv").drop(columns=TIMES) for f in (folder, whole)]
    pd.testing.assert_frame_equal(*logs, check_exact=True)
    assert (folder / "exposure.csv").read_bytes() == (whole / "exposure.csv").read_bytes()
    assert logs[0]["step"].tolist() == list(range(steps))


class Killed(Exception):
    pass


def stopping(monkeypatch, at, save=None):
    """Make the training die after `at` steps, wherever its state is; `save`: the only step that is saved."""
    former, count = State.due, 0

    def due(self):
        nonlocal count
        count += 1
        if count == at:
            raise Killed
        return count == save if save else former(self)

    monkeypatch.setattr(State, "due", due)
