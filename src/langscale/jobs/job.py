"""A job of the workflow: its inputs, params and outputs, and whether the outputs were made before.

The outputs of a rule are manifests (`langscale.jobs.manifests`). The data beside them are no outputs for
Snakemake, which deletes outputs before a job and after a failed one. A record in `.made/` beside each
manifest keeps the origin of the data: the params of the rule, its code among them, and the digests of its
inputs. A job with an equal record and undamaged data writes its manifests again and ends, before it
imports anything expensive.

Two names have a meaning here. The param `where` has locations of files, never their content. The input
`gate` is waited for and not read. Neither is a part of a record.
"""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TextIO

from langscale.core.files import sha256, write_json
from langscale.jobs import manifests, partial, times
from langscale.jobs.log import redirect

WHERE, GATE = "where", "gate"
MADE = ".made"
CODE = "code"
REASONS = 4  # in a line on jobs that are done again


class Named(Protocol):
    """Values by name, as Snakemake hands them to a script."""

    def items(self) -> Iterable[tuple[str, Any]]:
        """All names with their values."""


class Script(Protocol):
    """The object `snakemake` in a script."""

    input: Named
    output: Named
    params: Named
    log: Any


@dataclass
class Job:
    """Inputs, params and outputs by name. Inputs are manifests or plain files, outputs are manifests.

    terminal: where a progress bar may be shown.
    """

    inputs: dict[str, list[Path]]
    params: dict[str, Any]
    outputs: dict[str, Path]
    terminal: TextIO = field(default_factory=lambda: sys.stderr)

    @cached_property
    def origin(self) -> dict[str, Any]:
        """The origin of the outputs as JSON: params, and the SHA-256 of every input file by name."""
        return _origin(self.params, self.inputs)

    @property
    def key(self) -> str:
        """16 hex digits of `origin`."""
        return hashlib.sha256(json.dumps(self.origin, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def kept(self) -> bool:
        """Whether all outputs were made from the same before and their data are undamaged."""
        for manifest in self.outputs.values():
            known = record(manifest)
            if (
                known is None
                or known["origin"] != self.origin
                or any(manifests.damages(manifest, known["files"]))
            ):
                return False
        return True

    def changes(self) -> list[str] | None:
        """Differences to the origin of the first output: code, params, inputs. None: it was not made.

        An input that does not exist yet counts as unchanged.
        """
        known = record(next(iter(self.outputs.values())))
        if known is None:
            return None
        before, now = known["origin"], _origin(self.params, {})
        found = _differences(before["params"].get(CODE, {}), now["params"].get(CODE, {}), "code of ")
        found += _differences(_flat(before["params"], CODE), _flat(now["params"], CODE))
        there = {name: files for name, files in self.inputs.items() if all(file.exists() for file in files)}
        known_inputs, digests = before["inputs"], _origin({}, there)["inputs"]
        changed = [name for name, digest in digests.items() if digest != known_inputs.get(name, digest)]
        return found + [f"data of {name}" for name in changed]

    def data(self, name: str, *wanted: str) -> Path:
        """The folder or file of one input, checked; see `manifests.checked`."""
        (found,) = self.all_data(name, *wanted)
        return found

    def all_data(self, name: str, *wanted: str) -> list[Path]:
        """The folders or files of an input with several manifests, checked."""
        return [manifests.checked(manifest, *wanted) for manifest in self.inputs[name]]

    def target(self, suffix: str = "", name: str | None = None) -> Path:
        """The path of an output's data: a folder, or a file with this suffix. name None: the only output."""
        if name is None:
            (manifest,) = self.outputs.values()
        else:
            manifest = self.outputs[name]
        return manifests.target(manifest, suffix)

    def state(self) -> Path:
        """The folder for finished parts of a long job. A killed job finds them again."""
        return partial.state(next(iter(self.outputs.values())), self.key)

    def done(self) -> None:
        """Record the data, then write the manifests: the last step of a job."""
        self.leave()
        self.restore()

    def leave(self) -> None:
        """Record the data without manifests, for a job of a later rule that finds its outputs made."""
        for manifest in self.outputs.values():
            files = manifests.content(manifests.described(manifest))
            write_json(_record(manifest), {"origin": self.origin, "files": files})
        partial.remove_states(next(iter(self.outputs.values())))

    def restore(self) -> None:
        """Write the manifests of data that are recorded."""
        for manifest in self.outputs.values():
            known = record(manifest)
            assert known is not None
            manifests.write(manifest, known["files"])


def begin(script: Script) -> Job:
    """Open the log of a job. If its outputs were made before, write their manifests and end the process."""
    terminal = redirect(script.log[0])
    job = Job(
        {name: paths(files) for name, files in script.input.items()},
        dict(script.params.items()),
        {name: Path(file) for name, file in script.output.items()},
        terminal,
    )
    (job,) = undone([job], script.log[0])
    return job


def together(
    where: Mapping[str, Sequence[Mapping[str, Any]]],
    params: Iterable[dict[str, Any]],
    terminal: TextIO | None = None,
) -> Iterator[Job]:
    """The jobs that share the process of a script.

    where: `inputs` and `outputs`, for each job its files by name. params: the options of each job. terminal:
    as of `Job`.
    """
    for inputs, options, outputs in zip(where["inputs"], params, where["outputs"], strict=True):
        read = {name: paths(files) for name, files in inputs.items()}
        yield Job(read, options, {name: Path(file) for name, file in outputs.items()}, terminal or sys.stderr)


def undone(jobs: Iterable[Job], log: str | Path) -> list[Job]:
    """The jobs of a process that have to be done. Outputs made before get their manifests.

    log: of the process, which ends if no job is left.
    """
    left = []
    for job in jobs:
        if job.kept:
            job.restore()
        else:
            left.append(job)
    if not left:
        times.keep(log)
        print("made before from the same data, options and code; nothing to do", file=sys.stderr)
        raise SystemExit(0)
    times.forget(log)
    return left


def record(manifest: str | Path) -> dict[str, Any] | None:
    """The origin (`origin`) and digests (`files`) of the data of a manifest. None: unknown."""
    try:
        found = json.loads(_record(manifest).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # never made, or a damaged record
        return None
    return found if isinstance(found, dict) and {"origin", "files"} <= found.keys() else None


def again(jobs: Iterable[Job], what: str) -> str | None:
    """A line on finished jobs that are out of date, with the reasons; None without such jobs.

    `what`: plural noun for the jobs.
    """
    changed = [changes for changes in (job.changes() for job in jobs) if changes is not None]
    counts = Counter(change for changes in changed for change in changes)
    stale = sum(map(bool, changed))
    if not stale:
        return None
    shown = [f"{change} ({count})" for change, count in counts.most_common(REASONS)]
    more = [f"{len(counts) - len(shown)} more"] if len(counts) > len(shown) else []
    reasons = ", ".join(shown + more)
    return f"{stale} of {len(changed)} finished {what} are out of date, done again if needed: {reasons}"


def _origin(params: Mapping[str, Any], inputs: Mapping[str, list[Path]]) -> dict[str, Any]:
    origin = {
        "inputs": {n: [sha256(f) for f in files] for n, files in inputs.items() if files and n != GATE},
        "params": {name: value for name, value in params.items() if name != WHERE},
    }
    # through JSON and back, as it is read from a record: tuples become lists
    found: dict[str, Any] = json.loads(json.dumps(origin, sort_keys=True))
    return found


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    absent = object()
    names = sorted({*before, *now})
    return [f"{prefix}{name}" for name in names if before.get(name, absent) != now.get(name, absent)]


def _flat(value: Any, without: str = "", name: str = "") -> dict[str, Any]:
    """Dotted names of the single values of nested mappings; without one name at the top."""
    if not isinstance(value, dict) or not value:
        return {name: value}
    return {
        path: one
        for key, inner in value.items()
        if key != without
        for path, one in _flat(inner, "", f"{name}.{key}" if name else key).items()
    }


def _record(manifest: str | Path) -> Path:
    return Path(manifest).parent / MADE / Path(manifest).name


def paths(files: Any) -> list[Path]:
    """One file or several, as Snakemake names them."""
    return [Path(file) for file in ([files] if isinstance(files, str) else files)]
