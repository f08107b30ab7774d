"""Manifests: the digests of the files of a folder, in one small file beside the folder.

`X.json` describes the folder `X`, or else the one file `X.<suffix>`: relative name -> SHA-256 and size in
bytes. Rules of the workflow depend on manifests. Data that are made again with equal content therefore start
nothing, and a job that reads a damaged file stops and names it.
"""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypedDict

from langscale.core.errors import UserError
from langscale.core.files import sha256, write_json

SUFFIX = ".json"
DIGITS = 12  # of a digest in a message


class Facts(TypedDict):
    """The content of one file."""

    sha256: str
    size: int


Files = Mapping[str, Facts]

_checked = set[tuple[Path, int, str]]()  # file, time and digest that this process has compared


def target(manifest: str | Path, suffix: str = "") -> Path:
    """The folder that a manifest describes, or the file with this suffix."""
    return Path(str(manifest).removesuffix(SUFFIX) + suffix)


def described(manifest: str | Path) -> Path:
    """The folder or file that a manifest describes. Raises FileNotFoundError if none exists, or several."""
    folder = target(manifest)
    if folder.is_dir():
        return folder
    found = [
        path
        for path in sorted(folder.parent.glob("[!.]*"))
        if path.stem == folder.name and path.suffix != SUFFIX and path.is_file()
    ]
    if len(found) != 1:
        raise FileNotFoundError(f"{manifest}: describes {folder}/ or one file {folder}.*; found {len(found)}")
    return found[0]


def content(path: str | Path) -> dict[str, Facts]:
    """Name -> facts of a file, or of all files below a folder, sorted; names start with that of `path`."""
    path = Path(path)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return {
        str(file.relative_to(path.parent)): {"sha256": sha256(file), "size": file.stat().st_size}
        for file in files
    }


def write(manifest: str | Path, files: Files | None = None) -> None:
    """Write a manifest, of the given facts or else of the data beside it; it is complete when it exists."""
    write_json(manifest, content(described(manifest)) if files is None else files)


def read(manifest: str | Path) -> dict[str, Facts]:
    """The facts of a manifest. Raises UserError if the manifest itself is missing or damaged."""
    try:
        files = json.loads(Path(manifest).read_text(encoding="utf-8"))
        return {str(name): {"sha256": str(f["sha256"]), "size": int(f["size"])} for name, f in files.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = "missing" if isinstance(error, FileNotFoundError) else "damaged"
        raise UserError(f"{manifest}: {reason}; {_again(manifest)}") from None


def damages(manifest: str | Path, files: Files | None = None, *wanted: str) -> Iterator[str]:
    """One line for each file that differs from its manifest.

    `files`: the facts, None: those of the manifest; `wanted`: patterns of names below the described folder,
    none: all.
    """
    for name, facts in (read(manifest) if files is None else files).items():
        inner = name.partition("/")[2]
        if wanted and not any(fnmatchcase(inner, pattern) for pattern in wanted):
            continue
        path = Path(manifest).parent / name
        if not path.is_file():
            yield f"{path}: missing"
        elif path.stat().st_size != facts["size"]:
            yield f"{path}: damaged, {path.stat().st_size} bytes; right: {facts['size']}"
        elif (known := (path, path.stat().st_mtime_ns, facts["sha256"])) not in _checked:
            found = sha256(path)
            if found == facts["sha256"]:
                _checked.add(known)
            else:
                yield f"{path}: damaged, SHA-256 {found[:DIGITS]}; right: {facts['sha256'][:DIGITS]}"


def checked(manifest: str | Path, *wanted: str) -> Path:
    """The folder or file that a manifest describes, after its files were compared with the manifest.

    Each file is read once per process. `wanted`: patterns of names below the folder, for a job that reads few
    of its files. Raises UserError, which names the first file that is damaged or missing and says how to make
    it again.
    """
    for damage in damages(manifest, None, *wanted):
        raise UserError(f"{damage}; {_again(manifest)}")
    return described(manifest)


def _again(manifest: str | Path) -> str:
    return f"to make it again: rm {manifest}, then start the study again"
