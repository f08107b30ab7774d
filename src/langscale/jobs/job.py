"""A job of the workflow: what it reads, what it is told, what it makes, and whether that was made before.

The outputs of a rule are manifests (`langscale.jobs.manifests`). The data beside them are no outputs for Snakemake, which
deletes outputs before a job and after a failed one. A record in `.made/` beside each manifest keeps what the data were
made from: the params of the rule, its code among them, and the digests of its inputs. A job with an equal record and
undamaged data writes its manifests again and ends, before it imports anything expensive.

Two names have a meaning here. The param `where` says where bytes are or come from, never what they are. The input `gate`
is waited for and not read. Both are no part of a record.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TextIO

from langscale.core.files import sha256, write_json
from langscale.jobs import manifests, partial
from langscale.jobs.log import redirect

WHERE, GATE = "where", "gate"
MADE = ".made"
CODE = "code"


class Named(Protocol):
    """Values by name, as Snakemake hands them to a script."""

    def items(self) -> Iterable[tuple[str, Any]]:
        """All names with their values."""


class Script(Protocol):
    """What Snakemake hands to a script."""

    input: Named
    output: Named
    params: Named
    log: Any


@dataclass
class Job:
    """Inputs, params and outputs by name; files of inputs are manifests or plain files, outputs are manifests.

    params: JSON values, or sequences of them, without `where`.
    """

    inputs: dict[str, list[Path]]
    params: dict[str, Any]
    outputs: dict[str, Path]
    terminal: TextIO = field(default_factory=lambda: sys.stderr)

    @cached_property
    def origin(self) -> dict[str, Any]:
        """What the outputs are made from, as JSON: params, and SHA-256 of every input file by name."""
        inputs = {
            name: [sha256(file) for file in files]
            for name, files in self.inputs.items()
            if files and name != GATE
        }
        params = {name: value for name, value in self.params.items() if name != WHERE}
        # through JSON and back, as it is read from a record: tuples become lists
        origin: dict[str, Any] = json.loads(json.dumps({"inputs": inputs, "params": params}, sort_keys=True))
        return origin

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

    def data(self, name: str, *wanted: str) -> Path:
        """The folder or file of one input, checked; see `manifests.checked`."""
        (found,) = self.all_data(name, *wanted)
        return found

    def all_data(self, name: str, *wanted: str) -> list[Path]:
        """The folders or files of an input with several manifests, checked."""
        return [manifests.checked(manifest, *wanted) for manifest in self.inputs[name]]

    def target(self, suffix: str = "", name: str | None = None) -> Path:
        """Where the data of an output go: its folder, or its file with this suffix; None: the only output."""
        if name is None:
            (manifest,) = self.outputs.values()
        else:
            manifest = self.outputs[name]
        return manifests.target(manifest, suffix)

    def state(self) -> Path:
        """The folder for parts of outputs that take hours; a job that was killed finds them again."""
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


def begin(script: Script, end_if_kept: bool = True) -> Job:
    """Open the log of a job. If its outputs were made before, write their manifests and end the process.

    `end_if_kept`: False leaves that to the caller, who has more to do.
    """
    terminal = redirect(script.log[0])
    job = Job(
        {name: [Path(file) for file in _listed(files)] for name, files in script.input.items()},
        dict(script.params.items()),
        {name: Path(file) for name, file in script.output.items()},
        terminal,
    )
    if end_if_kept and job.kept:
        job.restore()
        print("made before from the same data, options and code; nothing to do", file=sys.stderr)
        raise SystemExit(0)
    return job


def record(manifest: str | Path) -> dict[str, Any] | None:
    """What the data of a manifest were made from (`origin`) and are (`files`); None if that is not known."""
    try:
        found = json.loads(_record(manifest).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # never made, or a damaged record
        return None
    return found if isinstance(found, dict) and {"origin", "files"} <= found.keys() else None


def reasons(known: Mapping[str, Any], params: Mapping[str, Any]) -> list[str]:
    """Why data with a record have to be made again with these params, in words; none: they need not be."""
    now = json.loads(json.dumps({name: value for name, value in params.items() if name != WHERE}))
    before = known["origin"]["params"]
    found = []
    for file in sorted({*before.get(CODE, {}), *now.get(CODE, {})}):
        if before.get(CODE, {}).get(file) != now.get(CODE, {}).get(file):
            found.append(f"code of {file}")
    flat_before, flat_now = _flat(before), _flat(now)
    for name in sorted({*flat_before, *flat_now}):
        if flat_before.get(name) != flat_now.get(name) and not name.startswith(f"{CODE}."):
            found.append(name)
    return found


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Dotted names of the single values of nested mappings."""
    if not isinstance(value, dict) or not value:
        return {name: value}
    return {
        path: one
        for key, inner in value.items()
        for path, one in _flat(inner, f"{name}.{key}" if name else key).items()
    }


def _record(manifest: str | Path) -> Path:
    return Path(manifest).parent / MADE / Path(manifest).name


def _listed(files: Any) -> list[str]:
    return [files] if isinstance(files, str) else list(files)
