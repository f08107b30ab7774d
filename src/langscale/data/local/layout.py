"""Which files a local data set has, in which layout, and in which language each file is.

Layouts:

- pairs: tables with a query and a passage in each row.
- collection: queries, a corpus and relevance judgements in files of their own, as in BEIR and in TREC.
- squad-json: JSON in SQuAD's format, with or without the sentences of LAReQA.

The language of a file is a folder of its path, or the first or last part of its name: de/corpus.jsonl,
faq-de.tsv, zh-Hant.json. Codes are BCP 47 or ISO 639-3, with or without script and region.
"""

import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from pathlib import Path, PurePath
from typing import Any, Literal, Protocol

from langscale.core.errors import UserError
from langscale.languages.codes import bcp47
from langscale.languages.families import family, script

Layout = Literal["pairs", "collection", "squad-json"]
Role = Literal["pairs", "queries", "corpus", "qrels", "squad-json"]

TABLES = (".jsonl", ".ndjson", ".json", ".tsv", ".csv", ".parquet")
TEXTS = (".txt", ".trec", ".sgml", ".xml")  # of TREC
ROLES: Mapping[Role, tuple[str, ...]] = {
    "qrels": ("qrel",),
    "queries": ("quer", "topic"),
    "corpus": ("corpus", "collection", "doc", "passage"),
}
CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Z][a-z]{3})?([-_][A-Z]{2})?")
SPLITS = {"source": ("train",), "benchmark": ("test", "dev", "validation")}
"""Kind of section -> names of the qrels that it prefers."""
WORDS = frozenset(("dev", "run", "new", "all"))  # in file names; no languages there


class Options(Protocol):
    """The keys of a section of the config that a local data set reads."""

    @property
    def path(self) -> str | Sequence[str] | None: ...  # noqa: D102
    @property
    def columns(self) -> Mapping[Any, str]: ...  # noqa: D102
    @property
    def language(self) -> str | None: ...  # noqa: D102
    @property
    def split(self) -> str | None: ...  # noqa: D102
    @property
    def relevant(self) -> int: ...  # noqa: D102
    @property
    def parallel(self) -> bool: ...  # noqa: D102
    @property
    def check(self) -> bool: ...  # noqa: D102
    @property
    def licence(self) -> str | None: ...  # noqa: D102


class SourceOptions(Options, Protocol):
    """The keys of a section below `sources`."""

    @property
    def validation(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True)
class Located:
    """A file: name, relative to the path of the config, role, and BCP 47 language if the name tells it."""

    path: Path
    name: str
    role: Role
    language: str | None

    @property
    def kind(self) -> str:
        """The suffix without compression, such as .jsonl."""
        return _suffix(self.path)


@dataclass(frozen=True)
class LocalSet:
    """The files of a set and how they are read.

    columns: field -> name in the files, as in the config. relevant: least grade of a relevant passage.
    parallel: equal ids in different languages are translations of each other. check: see whether they can.
    """

    files: tuple[Located, ...]
    layout: Layout
    columns: Mapping[str, str] = field(default_factory=dict)
    relevant: int = 1
    parallel: bool = True
    check: bool = True

    def of(self, role: Role) -> list[Located]:
        """The files of a role."""
        return [file for file in self.files if file.role == role]


def locate(options: Options, splits: Sequence[str]) -> LocalSet:
    """The set of a section of the config. splits: preferred names of qrels, if the config has no `split`.

    Raises UserError for a missing path, and for a folder without data files or without one of the roles.
    """
    paths = [options.path] if isinstance(options.path, str) else list(options.path or ())
    if not paths:
        raise UserError("path: missing; a folder, a file or a list of files is right")
    named: list[tuple[Path, PurePath]] = []
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(file for file in path.rglob("*") if file.is_file() and _visible(file, path))
            named += [(file, file.relative_to(path)) for file in found]
        elif path.is_file():
            named.append((path, PurePath(path.name)))
        else:
            raise UserError(f"path: no file or folder {path}, seen from {Path.cwd()}")
    known = [(path, name) for path, name in named if _suffix(path) in TABLES + TEXTS or _role(name)]
    if not known:
        others = ", ".join(str(name) for _, name in named[:5]) or "nothing"
        raise UserError(f"path: no data files; found {others}; right: {', '.join(TABLES)}, or qrels")
    twice = sorted({str(name) for _, name in known if sum(name == n for _, n in known) > 1})
    if twice:
        raise UserError(f"path: two files are called {twice[0]}; give their folder, or distinct names")
    if any(_role(name) == "qrels" for _, name in known):
        files = tuple(_located(path, name, _role(name), options.language) for path, name in known
                      if _role(name))  # fmt: skip
        return LocalSet(_split(files, options.split, splits), "collection", **_options(options))
    plain = [(path, name) for path, name in known if _suffix(path) in TABLES]
    if not plain:
        name = known[0][1]
        raise UserError(
            f"path: {name} is text; qrels, queries and a corpus are right, or {', '.join(TABLES)}"
        )
    squad = [_suffix(path) == ".json" and _is_squad(path) for path, _ in plain]
    if any(squad) and not all(squad):
        other = plain[squad.index(False)][1]
        raise UserError(f"path: {other} is not in SQuAD's format, but other files are; one format is right")
    layout: Literal["squad-json", "pairs"] = "squad-json" if any(squad) else "pairs"
    role: Role = layout
    files = tuple(_located(path, name, role, options.language) for path, name in plain)
    return LocalSet(files, layout, **_options(options))


def files(options: Options, kind: str) -> dict[str, Path]:
    """Name -> path of the files of a section, sorted. kind: source or benchmark.

    Raises UserError as `locate`.
    """
    return {
        file.name: file.path for file in sorted(locate(options, SPLITS[kind]).files, key=attrgetter("name"))
    }


def _options(options: Options) -> dict[str, Any]:
    return {
        "columns": dict(options.columns),
        "relevant": options.relevant,
        "parallel": options.parallel,
        "check": options.check,
    }


def _located(path: Path, name: PurePath, role: Role | None, language: str | None) -> Located:
    assert role is not None
    return Located(path, name.as_posix(), role, language_of(name) or language)


def _split(files: tuple[Located, ...], split: str | None, preferred: Sequence[str]) -> tuple[Located, ...]:
    """The files with the qrels of one split only."""
    for role in ("queries", "corpus"):
        if not any(file.role == role for file in files):
            names = "corpus.jsonl" if role == "corpus" else "queries.jsonl"
            raise UserError(f"path: qrels, but no {role}; {names} (.tsv, .parquet, TREC) is right")
    qrels = [file for file in files if file.role == "qrels"]
    there = sorted({_split_of(file.name) for file in qrels} - {""})
    if split is not None and split not in there:
        raise UserError(f"split: found {split}; the qrels are {', '.join(there) or 'not split'}")
    chosen = split or next((name for name in preferred if name in there), None)
    if chosen is None and len(there) > 1:
        raise UserError(f"split: missing; the qrels are {', '.join(there)}, choose one")
    kept = [file for file in qrels if chosen is None or _split_of(file.name) in (chosen, "")]
    return tuple(file for file in files if file.role != "qrels" or file in kept)


def _split_of(name: str) -> str:
    """The split in the name of a qrels file: test of qrels/test.tsv, qrels.test.de.txt; "" without one."""
    pieces = [p for p in re.split(r"[._/-]", PurePath(name).name.lower()) if p]
    known = ("train", "dev", "validation", "valid", "test")
    return next((piece for piece in pieces if piece in known), "")


def language_of(name: PurePath) -> str | None:
    """The BCP 47 language that a relative path tells; None: it tells none."""
    stem = name.name
    while PurePath(stem).suffix.lower() in (*TABLES, *TEXTS, ".gz", ".qrels"):
        stem = PurePath(stem).stem
    candidates: list[str] = []
    for piece in reversed(stem.split(".")):
        parts = re.split(r"[-_]", piece)
        candidates += [
            "-".join(some) for k in (3, 2, 1) for some in (parts[-k:], parts[:k]) if len(parts) >= k
        ]
    candidates += reversed(name.parts[:-1])
    named = (known_code(candidate) for candidate in candidates)
    # of rare languages CLDR knows thousands of codes, such as faq
    return next((code for code in named if code and family(code) != "unknown"), None)


@cache
def known_code(code: str) -> str | None:
    """The BCP 47 form of a language code; None for other text."""
    if not CODE.fullmatch(code) or code.lower() in WORDS:
        return None
    language, *rest = re.split(r"[-_]", code)
    found = bcp47("-".join([language.lower(), *rest]))
    try:
        script(found)
    except UserError:
        return None
    return found


def _role(name: PurePath) -> Role | None:
    """The role of a file of a collection, by its name or the name of its folder."""
    for part in (name.name, *reversed(name.parts[:-1])):
        for role, starts in ROLES.items():
            if any(part.lower().startswith(start) for start in starts):
                return role
    return next(
        (role for role, starts in ROLES.items() for start in starts if start in name.name.lower()), None
    )


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return PurePath(name).suffix


def _visible(file: Path, folder: Path) -> bool:
    return not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def _is_squad(path: Path) -> bool:
    """Whether a JSON file is an object, as SQuAD's is; a list holds pairs."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
