"""Files on the web: where each one lies, its revision, SHA-256, size and licence.

Known hashes and sizes are in checksums.txt beside this file, one line `sha256  size  path` per file. An
unknown fact is None, and `note` says so. `langscale.data.download.check` compares entries with the web.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files as package_files
from urllib.parse import quote, urlsplit

UNPINNED = "revision unknown: main moves"


@dataclass(frozen=True)
class Entry:
    """One file: either at `url`, or `file` of the hub's `repo` at `revision`.

    name: data set or model.
    repo_type: "dataset" or "model".
    file: name in the repository. A `*` stands for all matching files of one folder.
    optional: the pattern may match nothing.
    sha256: hex digest of the bytes.
    size: number of bytes.
    licence: SPDX identifier. None: no licence, or not known.
    restricted: for non-commercial use only. The config must accept the licence.
    note: unknown facts.
    """

    name: str = ""
    url: str | None = None
    repo: str | None = None
    repo_type: str = "dataset"
    revision: str = "main"
    file: str = ""
    optional: bool = False
    sha256: str | None = None
    size: int | None = None
    licence: str | None = None
    restricted: bool = False
    note: str = ""

    @property
    def address(self) -> str:
        """The URL of the file."""
        if self.url is not None:
            return self.url
        kind = "datasets/" if self.repo_type == "dataset" else ""
        revision, file = quote(self.revision, safe=""), quote(self.file)
        return f"https://huggingface.co/{kind}{self.repo}/resolve/{revision}/{file}"

    @property
    def path(self) -> str:
        """`<host>/<path of the URL>`: the place in resources/ and in a mirror."""
        parts = urlsplit(self.address)
        return parts.netloc + parts.path

    @property
    def pattern(self) -> bool:
        """Whether the entry stands for several files."""
        return "*" in self.file


@dataclass(frozen=True)
class Hub:
    """Files of a hub data set: `names` once per language, with {} for the set's own code, then `shared`."""

    repo: str
    revision: str
    names: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def __call__(self, codes: Sequence[str]) -> list[Entry]:
        """The entries of the set's own `codes`."""
        found = [name.format(code) for code in codes for name in self.names]
        return [Entry(repo=self.repo, revision=self.revision, file=file) for file in [*found, *self.shared]]


@dataclass(frozen=True)
class Web:
    """Files below the URL `base`: `names` once per language, with {} for the set's own code, then
    `shared`.
    """

    base: str
    names: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def __call__(self, codes: Sequence[str]) -> list[Entry]:
        """The entries of the set's own `codes`."""
        found = [name.format(code) for code in codes for name in self.names]
        return [Entry(url=f"{self.base}/{file}") for file in [*found, *self.shared]]


@cache
def checksums() -> dict[str, tuple[str, int | None]]:
    """Path -> (SHA-256, size) of every file with known content."""
    lines = (package_files("langscale.data") / "checksums.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.split("  ", 2) for line in lines)
    return {path: (digest, None if size == "-" else int(size)) for digest, size, path in rows}


def complete(entries: list[Entry]) -> list[Entry]:
    """The entries with hash and size from checksums.txt."""
    known = checksums()
    return [
        replace(entry, sha256=known[entry.path][0], size=known[entry.path][1])
        if entry.path in known
        else entry
        for entry in entries
    ]


CONVERT = (
    "pickles and bare sentencepiece models are not read: convert the model once (docs/METHOD.md, Encoder) "
    "and give the folder as path"
)
