"""The best checkpoint and patience, where a run was killed on the way."""

import hashlib

import pytest
from support.killed_training import SETTINGS, Killed, assert_same, stopping, train_toy
from support.toy_training import weights, world

from langscale.config.training import Validation
from langscale.models.encoder import Encoder
from langscale.training import loop as training

PATIENT = SETTINGS.model_copy(update={"validation": Validation(every=2, pairs=16, patience=2)})
LOSSES = (
    3,
    2,
    1,
    1.5,
    1.5,
    0.5,
)  # the lowest one that is seen is that of step 6; the sixth evaluation never is


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("best"), hard=2)


class Scripted:
    """A validation with a given loss at every call of a whole run; one that goes on is known by its
    weights.
    """

    def __init__(self, *losses, calls=None):
        self.losses, self.calls = losses, {} if calls is None else calls

    def __call__(self, step):
        return self.losses[self.calls.setdefault(digest(step.module), len(self.calls))]


def digest(encoder):
    return hashlib.sha256(b"".join(value.tobytes() for value in weights(encoder).values())).hexdigest()


@pytest.mark.parametrize("at", [3, 6, 7, 9, 10, "end"])
def test_patience_counts_through_a_kill(toy, tmp_path, monkeypatch, at):
    script = Scripted(*LOSSES)
    train_toy(toy, tmp_path / "whole", 0, settings=PATIENT, validate=script)
    assert len(script.calls) == 5
    best = Encoder.load(tmp_path / "whole/best")
    assert script.calls[digest(best)] == 2
    if at == "end":
        monkeypatch.setattr(training, "EXPOSURE", None)  # the last table that it writes
    else:
        stopping(monkeypatch, at)
    with pytest.raises((Killed, TypeError)):
        train_toy(toy, tmp_path / "killed", 0, settings=PATIENT, validate=script)
    monkeypatch.undo()
    train_toy(toy, tmp_path / "killed", 0, settings=PATIENT, validate=script)
    assert_same(tmp_path / "killed", tmp_path / "whole", 10)


def test_the_best_checkpoint_is_of_the_steps_that_stayed(toy, tmp_path, monkeypatch):
    """As on a GPU, where a step that is taken again may differ a little: the loss of step 6 is low only
    before the kill.
    """
    script = Scripted(3, 2, 2.5, 2.5, 2.5, 2.5)
    train_toy(toy, tmp_path / "whole", 0, validate=script)
    stopping(monkeypatch, 8, save=5)
    with pytest.raises(Killed):
        train_toy(toy, tmp_path / "killed", 0, validate=Scripted(3, 2, 1.5, 2.5, calls=script.calls))
    monkeypatch.undo()
    names = sorted(path.name for path in (tmp_path / "killed/.state").iterdir())
    assert names == ["best-4", "best-6", "step-5"]
    train_toy(toy, tmp_path / "killed", 0, validate=script)
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_no_more_than_two_best_checkpoints_wait(toy, tmp_path, monkeypatch):
    """That of the state which a kill would go back to, and that of now."""
    stopping(monkeypatch, 11, save=5)
    with pytest.raises(Killed):
        train_toy(toy, tmp_path, 0, validate=Scripted(6, 5, 4, 3, 2, 1))
    names = sorted(path.name for path in (tmp_path / ".state").iterdir())
    assert names == ["best-10", "best-4", "step-5"]
