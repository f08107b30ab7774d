"""A run that is killed goes on: real processes, real signals, the same bits."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from support.killed_training import SETTINGS, STEPS, Killed, assert_same, stopping, train_toy
from support.toy_training import MODEL, TRAINING, equal, run, weights, world

from langscale.core import files
from langscale.models.encoder import Encoder
from langscale.training import encoder as steps
from langscale.training.encoder import EncoderStep
from langscale.training.loop import optimiser
from langscale.training.resume import Interrupt, Progress, State

JOB = """
import sys
from pathlib import Path
from support import toy_training as toy
from support.killed_training import Slow, train_toy
folder, minutes, wait = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
world = toy.world(folder / "world", hard=2)
print("ready", flush=True)
train_toy(world, folder / "run", minutes, validate=Slow(wait))
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("state"), hard=2)


@pytest.fixture(scope="module")
def whole(toy, tmp_path_factory):
    """The folder of a run that was left alone."""
    folder = tmp_path_factory.mktemp("whole")
    train_toy(toy, folder, math.inf)
    losses = pd.read_csv(folder / "log.csv")["validation_loss"].dropna()
    assert len(losses) == 6 and losses.argmin() == 2
    return folder


@pytest.mark.parametrize("minutes", [0, math.inf])
@pytest.mark.parametrize("at", [1, 2, 5, 11])
def test_stopped_at_any_step_it_ends_in_the_same_bits(toy, whole, tmp_path, monkeypatch, minutes, at):
    stopping(monkeypatch, at)
    with pytest.raises(Killed):
        train_toy(toy, tmp_path, minutes)
    assert (tmp_path / ".state").exists() == (at > 1)
    monkeypatch.undo()
    train_toy(toy, tmp_path, minutes)
    assert_same(tmp_path, whole)
    assert not (tmp_path / ".state").exists()


def cutting(monkeypatch, name):
    """Make the first deletion of a folder that holds `name` die when that is gone and the rest is not."""

    def rmtree(path):
        if (Path(path) / name).exists():
            monkeypatch.undo()
            files.remove(Path(path) / name)
            raise Killed
        former(path)

    former = shutil.rmtree
    monkeypatch.setattr(files.shutil, "rmtree", rmtree)


def assert_no_part(folder):
    """No folder with a name of its own lacks something; what is left is known to `sweep`."""
    for path in (folder / ".state").glob("step-*"):
        assert sorted(file.name for file in path.iterdir()) == ["progress.json", "tensors.safetensors"]
    assert any(files.LEFT.fullmatch(path.name) for path in folder.rglob(".*"))


@pytest.mark.parametrize("name", ["best-6", "step-12/progress.json", "step-12/tensors.safetensors"])
def test_killed_while_it_clears_its_state(toy, whole, tmp_path, monkeypatch, name):
    cutting(monkeypatch, name)
    with pytest.raises(Killed):
        train_toy(toy, tmp_path, 0)
    assert_no_part(tmp_path)
    train_toy(toy, tmp_path, 0)
    assert_same(tmp_path, whole)


@pytest.mark.parametrize("name", ["progress.json", "tensors.safetensors"])
def test_killed_while_it_removes_the_state_before(toy, whole, tmp_path, monkeypatch, name):
    """The next start is one of other options, which looks at every state that it finds."""
    cutting(monkeypatch, name)
    with pytest.raises(Killed):
        train_toy(toy, tmp_path, 0)
    assert_no_part(tmp_path)
    train_toy(toy, tmp_path, 0, key="other")
    assert_same(tmp_path, whole)


def test_killed_while_it_removes_the_state_of_something_else(toy, whole, tmp_path, monkeypatch):
    stopping(monkeypatch, 6)
    with pytest.raises(Killed):
        train_toy(toy, tmp_path, 0, key="other")
    monkeypatch.undo()
    cutting(monkeypatch, "step-5/progress.json")
    with pytest.raises(Killed):
        train_toy(toy, tmp_path, 0)
    assert_no_part(tmp_path)
    train_toy(toy, tmp_path, 0)
    assert_same(tmp_path, whole)


def start(folder, minutes, wait):
    command = [
        sys.executable,
        "-c",
        JOB,
        str(folder),
        str(minutes),
        str(wait),
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    job = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert job.stdout.readline() == "ready\n", job.stderr.read()
    return job


def step_of(folder) -> int:
    """The step of the newest state in a folder."""
    return max((int(p.name.removeprefix("step-")) for p in (folder / "run/.state").glob("step-*")), default=0)


def wait_for(folder, step, job):
    deadline = time.time() + 120
    while step_of(folder) < step:
        assert job.poll() is None and time.time() < deadline, job.stderr.read()
        time.sleep(0.005)


def test_sigkill_twice_then_the_same_bits(whole, tmp_path):
    for step in (2, 5):
        job = start(tmp_path, 0, 3)
        wait_for(tmp_path, step, job)
        job.kill()
        job.communicate(timeout=60)
        assert step <= step_of(tmp_path) < STEPS and not (tmp_path / "run/last").exists()
    job = start(tmp_path, 0, 0)
    assert job.communicate(timeout=120) and job.returncode == 0
    assert_same(tmp_path / "run", whole)


def test_sigterm_saves_and_says_so(whole, tmp_path):
    """Nothing would be saved yet by the clock; a time limit of Slurm sends SIGTERM first."""
    job = start(tmp_path, 1000, 1.0)
    deadline = time.time() + 60
    while not (tmp_path / "run/.state/best-2").exists():
        assert time.time() < deadline
        time.sleep(0.005)
    job.send_signal(signal.SIGTERM)
    said = job.communicate(timeout=60)[1]
    assert job.returncode == 1 and "SIGTERM; the next start goes on from there" in said
    assert 2 <= step_of(tmp_path) < STEPS
    job = start(tmp_path, 1000, 0)
    assert job.communicate(timeout=120) and job.returncode == 0
    assert_same(tmp_path / "run", whole)


@pytest.mark.parametrize("at", [1, 4, 11])
def test_a_signal_at_any_moment_loses_nothing(toy, whole, tmp_path, monkeypatch, at):
    """The request is read once a step: one that comes after the reading is seen in the next step, and
    saved.
    """
    readings = 0

    def asked(self):
        nonlocal readings
        readings += 1
        return "SIGTERM" if readings >= at else None

    monkeypatch.setattr(Interrupt, "asked", property(asked))
    with pytest.raises(SystemExit, match=f"stopped after step {at - 1}, SIGTERM; the next start goes on"):
        train_toy(toy, tmp_path, math.inf)
    assert (tmp_path / f".state/step-{at}/tensors.safetensors").exists()
    monkeypatch.undo()
    train_toy(toy, tmp_path, math.inf)
    assert_same(tmp_path, whole)


@pytest.mark.parametrize("name", ["progress.json", "tensors.safetensors"])
@pytest.mark.parametrize("damage", [b"", b"{}", bytes(1000)])
def test_a_state_that_cannot_be_read_is_named_and_left_out(
    toy, whole, tmp_path, monkeypatch, capsys, name, damage
):
    stopping(monkeypatch, 6)
    with pytest.raises(Killed):
        train_toy(toy, tmp_path, 0)
    monkeypatch.undo()
    (path,) = (tmp_path / ".state").glob("step-*")
    (path / name).write_bytes(damage)
    train_toy(toy, tmp_path, 0)
    assert_same(tmp_path, whole)
    assert f"{path}: not readable" in capsys.readouterr().err


def test_a_state_of_something_else_is_not_used(toy, whole, tmp_path, monkeypatch):
    stopping(monkeypatch, 6)
    with pytest.raises(Killed):
        train_toy(toy, tmp_path, 0)
    monkeypatch.undo()
    (path,) = (tmp_path / ".state").glob("step-*")
    facts = json.loads((path / "progress.json").read_text())
    (path / "progress.json").write_text(json.dumps(facts | {"key": "other", "rows": []}))
    train_toy(toy, tmp_path, 0)
    assert_same(tmp_path, whole)


def test_state_restores_weights_moments_and_progress(toy, tmp_path):
    _, encoder, _ = run(toy, tmp_path / "run", steps=2)
    adam = optimiser(encoder, TRAINING)
    for p in encoder.parameters():
        p.grad = torch.ones_like(p)
    adam.step()
    state = State(tmp_path / "state", "k", 0)
    state.save(
        encoder, adam, Progress(5, [{"step": 4, "loss": 0.1}], 0.25, 4, 1, {"chunk": 77, "cached": True})
    )
    other = Encoder.initial(toy.base, "tiny", MODEL, 2)
    fresh = optimiser(other, TRAINING)
    assert State(tmp_path / "state", "k", 0).load(other, fresh) == Progress(
        5, [{"step": 4, "loss": 0.1}], 0.25, 4, 1, {"chunk": 77, "cached": True}
    )
    assert equal(weights(encoder), weights(other))
    for one, two in zip(encoder.parameters(), other.parameters(), strict=True):
        for slot, value in adam.state[one].items():
            assert torch.equal(value, fresh.state[two][slot])
    # a file that is in use cannot be deleted on NFS, nor the folder around it
    maps = Path("/proc/self/maps")
    assert not maps.exists() or str(tmp_path / "state") not in maps.read_text()


def test_memory_that_ran_out_is_remembered_at_once(toy, tmp_path, monkeypatch):
    """Another process took it for a moment: after a kill there is no cause to halve the chunks again."""

    class Scarce(EncoderStep):
        def _encode(self, texts, rows, chunk, noise):
            if noise and noise[1] == 4 and self.chunk > 40:
                raise torch.OutOfMemoryError("no memory")
            return super()._encode(texts, rows, chunk, noise)

    settings = SETTINGS.model_copy(update={"chunk_tokens": 80})

    def halved(folder):
        monkeypatch.setattr(steps, "EncoderStep", Scarce)
        train_toy(toy, folder, math.inf, settings=settings)

    halved(tmp_path / "whole")
    stopping(monkeypatch, 6)
    with pytest.raises(Killed):
        halved(tmp_path / "killed")
    monkeypatch.undo()
    train_toy(toy, tmp_path / "killed", math.inf, settings=settings)
    assert_same(tmp_path / "killed", tmp_path / "whole")
    train_toy(toy, tmp_path / "plenty", math.inf, settings=settings)
    with pytest.raises(AssertionError):  # the size of a chunk tells
        assert_same(tmp_path / "plenty", tmp_path / "whole")


def test_an_orphan_is_asked_to_stop(monkeypatch):
    with Interrupt() as interrupt:
        assert interrupt.asked is None
        monkeypatch.setattr(os, "getppid", lambda: 1)
        assert interrupt.asked == "the workflow has ended"
