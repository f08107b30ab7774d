"""What a training run needs to go on after it was killed: weights, optimiser, progress, the best so far.

It lies beside the declared outputs of the job, because Snakemake deletes those of a job that failed. Batches
and dropout are functions of (seed, step), so no state of a sampler or random generator is kept.
"""

import hashlib
import json
import math
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from langscale.config.experiment import Validation
from langscale.core.files import atomic, remove


@dataclass
class Progress:
    """How far a run is: steps done, their log rows, the lowest validation loss, its step and how many evaluations ago.

    chunk, cached: those of langscale.training.step.Step, which lowers them where memory runs out.
    """

    step: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    best: float = math.inf
    best_step: int = 0
    age: int = 0
    chunk: int | None = None
    cached: bool = False

    def is_best(self, loss: float) -> bool:
        """Take note of a validation loss; whether it is the lowest so far."""
        self.age = 0 if loss < self.best else self.age + 1
        if self.age == 0:
            self.best, self.best_step = loss, self.step
        return self.age == 0

    def patience_is_over(self, validation: Validation) -> bool:
        """Whether as many evaluations were in vain as the config allows."""
        return validation.patience is not None and self.age >= validation.patience


class State:
    """Saved states of one run in `folder`, of which those with another `key` are of other data, options or code.

    `minutes` between saves; `kept`: there is a state. The best checkpoint waits here too, named by its step: on
    a GPU a run that goes on may differ in the last bits, and a best one of steps that a kill undid is not its own.
    """

    def __init__(self, folder: str | Path, key: str, minutes: float):
        self.folder, self.key, self.minutes = Path(folder), key, minutes
        self.kept, self._best = False, 0
        self.saved = time.monotonic()

    def load(self, module: torch.nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
        """Put the newest state into `module` and `optimiser`; what no state of this key can serve is removed."""
        found = sorted(self.folder.glob("step-*"), key=lambda path: int(path.name.removeprefix("step-")))
        for path in reversed(found):
            facts = json.loads((path / "progress.json").read_text(encoding="utf-8"))
            if facts.pop("key") == self.key:
                self._restore(load_file(path / "tensors.safetensors"), module, optimiser)
                self.kept, self._best = True, facts["best_step"]
                return Progress(**facts)
        remove(self.folder)
        return Progress()

    def best(self, step: int) -> Path:
        """Where the checkpoint of a step waits as the best one until the run ends."""
        return self.folder / f"best-{step}"

    def outdone(self, step: int) -> None:
        """Remove what was the best checkpoint, unless a kill would go back to it."""
        if step != self._best:
            remove(self.best(step))

    def due(self) -> bool:
        """Whether the time between saves has passed."""
        return time.monotonic() - self.saved >= 60 * self.minutes

    def save(self, module: torch.nn.Module, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
        """Write a state; the earlier ones go when it is complete."""
        tensors = {f"module.{name}": value for name, value in module.state_dict().items()}
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
        state = {n.removeprefix("module."): t for n, t in tensors.items() if n.startswith("module.")}
        module.load_state_dict(state)
        slots: dict[str, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            slot, _, parameter = name.partition(".")
            if slot != "module":
                slots.setdefault(parameter, {})[slot] = tensor
        for name, parameter in module.named_parameters():
            if name in slots:
                # the step count stays where the optimiser keeps it; moments go to the parameter; nothing stays
                # mapped to the file, which NFS could then not delete
                optimiser.state[parameter] = {
                    slot: value.clone()
                    if slot == "step" and not optimiser.defaults.get("fused")
                    else value.to(parameter.device, copy=True)
                    for slot, value in slots[name].items()
                }


def identity(values: Any, inputs: Iterable[str | Path]) -> str:
    """What a run depends on, as 16 hex: `values` (JSON) and its input files: the bytes of small ones, else size and time."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode())
    for path in map(Path, inputs):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                facts = file.stat()
                digest.update(str(file).encode())
                small = facts.st_size <= 1_000_000
                digest.update(file.read_bytes() if small else f"{facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


class Interrupt:
    """Asked to stop: by SIGTERM (a time limit of Slurm), SIGINT, or because the process that started this one died.

    In a `with` block the signals only set `asked`, so that the step at hand can end and be saved.
    """

    def __init__(self):
        self._signal, self._parent = None, os.getppid()

    @property
    def asked(self) -> str | None:
        """Why to stop, or None."""
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

    def _note(self, number: int, frame: object) -> None:
        self._signal = number
