"""Resuming a killed run: weights, optimiser, progress and the best checkpoint so far.

The state lies beside the declared outputs of the job, because Snakemake deletes the outputs of a failed
job. Batches and dropout are functions of (seed, step), so no state of a sampler or random generator is
kept.
"""

import json
import math
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from langscale.config.training import Validation
from langscale.core.files import atomic, remove


@dataclass
class Progress:
    """Progress of a run: steps done, their log rows, the lowest validation loss, its step, and evaluations
    since then.

    memory: of langscale.training.step.Step, changed where memory ran out.
    """

    step: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    best: float = math.inf
    best_step: int = 0
    age: int = 0
    memory: dict[str, Any] = field(default_factory=dict)

    def is_best(self, loss: float) -> bool:
        """Record a validation loss. Returns whether it is the lowest so far."""
        self.age = 0 if loss < self.best else self.age + 1
        if self.age == 0:
            self.best, self.best_step = loss, self.step
        return self.age == 0

    def patience_is_over(self, validation: Validation) -> bool:
        """Whether the last `validation.patience` evaluations brought no lower loss."""
        return validation.patience is not None and self.age >= validation.patience


class State:
    """Saved states of one run in `folder`; a state with another `key` is of other data, options or code.

    `minutes` between saves; `kept`: there is a state. The best checkpoint waits here too, named by its
    step. On a GPU a resumed run may differ in the last bits, so that a best checkpoint of steps undone by a
    kill is not used.
    """

    def __init__(self, folder: str | Path, key: str, minutes: float) -> None:
        self.folder, self.key, self.minutes = Path(folder), key, minutes
        self.kept, self._best = False, 0
        self.saved = time.monotonic()

    def load(self, module: torch.nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
        """Put the newest readable state of this key into `module` and `optimiser`; without one, remove the
        folder.

        Standard error names a state that cannot be read.
        """
        found = sorted(self.folder.glob("step-*"), key=lambda path: int(path.name.removeprefix("step-")))
        for path in reversed(found):
            try:
                facts = json.loads((path / "progress.json").read_text(encoding="utf-8"))
                if facts.pop("key") != self.key:
                    continue
                progress = Progress(**facts)
                tensors = load_file(path / "tensors.safetensors")
            except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
                print(f"{path}: not readable ({error}); going on without this state", file=sys.stderr)
                continue
            self._restore(tensors, module, optimiser)
            self.kept, self._best = True, progress.best_step
            return progress
        remove(self.folder)
        return Progress()

    def best(self, step: int) -> Path:
        """Folder of the best checkpoint, of this step, until the run ends."""
        return self.folder / f"best-{step}"

    def outdone(self, step: int) -> None:
        """Remove the former best checkpoint, of this step, unless the saved state refers to it."""
        if step != self._best:
            remove(self.best(step))

    def due(self) -> bool:
        """Whether the time between saves has passed."""
        return time.monotonic() - self.saved >= 60 * self.minutes

    def save(self, module: torch.nn.Module, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
        """Write a state without frozen parameters. Earlier states are removed when it is complete."""
        frozen = _frozen(module)
        tensors = {
            f"module.{name}": value for name, value in module.state_dict().items() if name not in frozen
        }
        for name, parameter in module.named_parameters():
            for slot, value in optimiser.state.get(parameter, {}).items():
                tensors[f"{slot}.{name}"] = value
        path = self.folder / f"step-{progress.step}"
        with atomic(path) as partial:
            partial.mkdir()
            save_file(
                {name: value.contiguous() for name, value in tensors.items()}, partial / "tensors.safetensors"
            )
            (partial / "progress.json").write_text(json.dumps({"key": self.key} | asdict(progress)))
        for old in [*self.folder.glob("step-*"), *self.folder.glob("best-*")]:
            if old not in (path, self.best(progress.best_step)):
                remove(old)
        self.kept, self._best, self.saved = True, progress.best_step, time.monotonic()

    def clear(self) -> None:
        """Remove everything: the run is complete."""
        remove(self.folder)

    @staticmethod
    def _restore(
        tensors: dict[str, torch.Tensor], module: torch.nn.Module, optimiser: torch.optim.Optimizer
    ) -> None:
        weights = {n.removeprefix("module."): t for n, t in tensors.items() if n.startswith("module.")}
        frozen = {name: value for name, value in module.state_dict().items() if name in _frozen(module)}
        module.load_state_dict(frozen | weights)
        slots: dict[str, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            slot, _, of = name.partition(".")
            if slot != "module":
                slots.setdefault(of, {})[slot] = tensor
        for name, parameter in module.named_parameters():
            if name in slots:
                # the step count stays where the optimiser keeps it; moments go to the parameter; a copy,
                # because NFS cannot delete a file that is mapped
                optimiser.state[parameter] = {
                    slot: value.clone()
                    if slot == "step" and not optimiser.defaults.get("fused")
                    else value.to(parameter.device, copy=True)
                    for slot, value in slots[name].items()
                }


def _frozen(module: torch.nn.Module) -> set[str]:
    """Names of the parameters that are not trained."""
    return {name for name, parameter in module.named_parameters() if not parameter.requires_grad}


class Interrupt:
    """Requests to stop: SIGTERM (the time limit of Slurm), SIGINT, or the death of the parent process.

    In a `with` block the signals only set `asked`, so that the current step can end and be saved.
    """

    def __init__(self) -> None:
        self._signal: int | None = None
        self._parent = os.getppid()

    @property
    def asked(self) -> str | None:
        """The reason to stop, or None."""
        if self._signal:
            return signal.Signals(self._signal).name
        return "the workflow has ended" if os.getppid() != self._parent else None

    def __enter__(self) -> "Interrupt":
        self._former = {
            number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
