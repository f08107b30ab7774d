"""Raw files: from a mirror, else from the web, into resources/, verified before each use.

resources/ and a mirror have one layout, `<host>/<path>` (Entry.path), so a filled resources/ is a mirror.
Beside every file is `<file>.json` with its SHA-256, size and origin. For a file without a hash in the
registry, the hash of the first download is valid from then on.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from filelock import FileLock
from tqdm import tqdm

from langscale.core.errors import UserError
from langscale.core.files import sha256, write_json
from langscale.data import http as web
from langscale.data.remote_files import CONVERT, Entry, complete

_WORDS = {"size": "size", "sha256": "SHA-256"}
_FIRST = " (recorded at the first download; delete {} to accept a new version)"


def fetch(
    entry: Entry, resources: str | Path, mirror: str | None = None, accepted: Sequence[str] = ()
) -> Path:
    """Path of the entry's file in `resources`, fetched if missing, and verified.

    mirror: a folder, with files to link or copy, or a URL prefix. The web comes after it.
    accepted: restricted data sets and models with a licence that the user accepts.

    Raises UserError for a licence without acceptance, before anything else; for a file with a wrong hash,
    after deleting it; and for a file without any origin.
    """
    licensed(entry, accepted)
    target = Path(resources) / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    # of two jobs for one file, the second finds it fetched
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.exists():
            _verified(entry, target, target)
        else:
            _get(entry, target, mirror)
    return target


def fetch_all(
    entries: Sequence[Entry], resources: str | Path, mirror: str | None = None, accepted: Sequence[str] = ()
) -> list[Path]:
    """`fetch` of every entry and every match of a pattern, in order. Licences are checked first."""
    for entry in entries:
        licensed(entry, accepted)
    single = [one for entry in entries for one in expand(entry, resources, mirror)]
    bar = tqdm(single, desc="raw files", unit="file", disable=None)
    return [fetch(one, resources, mirror, accepted) for one in bar]


def licensed(entry: Entry, accepted: Sequence[str]) -> None:
    """Raise UserError for a restricted entry whose name is not in `accepted`."""
    if entry.restricted and entry.name not in accepted:
        raise UserError(
            f"{entry.name}: its licence, {entry.licence}, is for non-commercial use only; if your use is, "
            f"accept it in the config: accept_licence: [{entry.name}]"
        )


def expand(entry: Entry, resources: str | Path, mirror: str | None = None) -> list[Entry]:
    """The files of an entry, sorted by name: itself, or the matches of its pattern.

    Their names come from the mirror, else from the hub, with hashes, and are written beside the files. Raises
    UserError for a pattern without a match, unless the entry is optional, and for a mirror with missing
    shards.
    """
    if not entry.pattern:
        return [entry]
    listing = Path(resources) / f"{entry.path}.json"
    if not listing.exists():
        write_json(listing, {"files": _names(entry, mirror)})
    found = json.loads(listing.read_text(encoding="utf-8"))["files"]
    return complete([replace(entry, optional=False, **one) for one in found])


def local(entry: Entry, resources: str | Path) -> list[Path]:
    """The fetched file or files of an entry. Raises UserError for a file that is not in `resources`."""
    if not (Path(resources) / f"{entry.path}.json").exists():
        raise UserError(f"{entry.name}: {resources}/{entry.path} is missing; run `snakemake download`")
    return [Path(resources) / one.path for one in expand(entry, resources)]


def recorded(path: str | Path) -> str:
    """SHA-256 of a file just verified by `fetch`, from the record beside it."""
    return json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))["sha256"]


def verify(listing: str | Path) -> None:
    """Raise UserError unless every file of a listing {path: SHA-256} is there and unchanged."""
    for path, digest in json.loads(Path(listing).read_text(encoding="utf-8")).items():
        found = sha256(path) if Path(path).exists() else "nothing"
        if found != digest:
            raise UserError(
                f"{path}: found {found}, expected SHA-256 {digest}; run `snakemake download` again"
            )


def check(entries: Iterable[Entry]) -> list[dict[str, str]]:
    """Compare entries with the web, without downloading: rows of name, path, status, detail and note.

    status: ok; moved, for a missing file or another one; unreachable. A failing network raises nothing, and a
    host without an answer is not tried again.
    """
    down: dict[str, str] = {}
    rows = []
    for entry in tqdm(list(entries), desc="registry", unit="file", disable=None):
        host = urlsplit(entry.address).netloc
        try:
            status, detail = ("unreachable", down[host]) if host in down else _look(entry)
        except web.errors() as error:
            detail = web.reason(error)
            status = "moved" if web.status(error) in (401, 404, 410) else "unreachable"
            if web.status(error) is None:
                down[host] = detail
        facts = {"name": entry.name, "path": entry.path, "status": status, "detail": detail}
        rows.append(facts | {"note": entry.note})
    return rows


def _look(entry: Entry) -> tuple[str, str]:
    """(Status, detail) of one entry, online."""
    if entry.repo:
        found = web.tree(entry.repo, entry.repo_type, entry.revision)
        names = [name for name in found if _matches(name, entry.file)]
        if not names:
            return (
                ("ok", "none, optional") if entry.optional else ("moved", f"no {entry.file} in {entry.repo}")
            )
        if entry.pattern:
            return "ok", f"{len(names)} files"
        facts = found[entry.file]
    else:
        facts = {"size": web.size(entry.address)}
    for key, value in facts.items():
        known = getattr(entry, key)
        if None not in (value, known) and value != known:
            return "moved", f"{key} is {value}, the registry's is {known}"
    return "ok", ""


def _get(entry: Entry, target: Path, mirror: str | None) -> None:
    """Bring the file to `target` from the first origin with the file."""
    reasons = []
    for origin, partial, get in _origins(entry, target, mirror):
        try:
            get(partial)
        except web.errors() as error:
            reasons.append(f"{origin}: {web.reason(error)}")
            continue
        if wrong := _wrong(entry, partial):
            partial.unlink()
            reasons.append(f"{origin}: {wrong}")
            continue
        found = _verified(entry, partial, target, origin)
        write_json(f"{target}.json", found | {"origin": origin})
        partial.replace(target)
        return
    raise UserError(
        f"{entry.name}: {entry.path} could not be fetched ({'; '.join(reasons)}); offline: put the file at "
        f"{_place(mirror)}/{entry.path} or run `snakemake download` on a machine with network; "
        "`snakemake check_registry` says what has moved"
        + (f"; {CONVERT}" if target.suffix == ".safetensors" else "")
    )


def _wrong(entry: Entry, file: Path) -> str:
    """Why a body cannot be the file: it is empty, or the page of a login or an error; else ""."""
    with file.open("rb") as opened:
        head = opened.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head and entry.size != 0:
        return "the body is empty"
    if head.startswith((b"<!doctype html", b"<html")) and not entry.path.endswith((".html", ".htm")):
        return "the body is an HTML page"
    return ""


def _origins(
    entry: Entry, target: Path, mirror: str | None
) -> Iterator[tuple[str, Path, Callable[[Path], None]]]:
    """(Origin, partial file, download into it), in order. Partial files stay for a later run."""

    def partial(kind: str) -> Path:
        return target.with_name(f".{target.name}.{kind}")

    if mirror and _is_url(mirror):
        address = _mirrored(entry, mirror)
        yield address, partial("mirror"), lambda file: web.download(address, file, entry.size)
    elif mirror and (Path(mirror) / entry.path).is_file():
        source = Path(mirror) / entry.path
        yield str(source), partial("link"), lambda file: web.link(source, file)
    if entry.repo:
        repo, kind, revision = entry.repo, entry.repo_type, entry.revision
        yield (
            entry.address,
            partial("partial"),
            lambda file: web.download_from_hub(repo, kind, revision, entry.file, file, entry.sha256),
        )
    else:
        yield entry.address, partial("partial"), lambda file: web.download(entry.address, file, entry.size)


def _is_url(mirror: str) -> bool:
    return mirror.startswith(("http://", "https://"))


def _mirrored(entry: Entry, mirror: str) -> str:
    """URL of a file below a URL prefix, with its name in resources/, the % of refs%2Fconvert included."""
    return f"{mirror.rstrip('/')}/" + quote(entry.path, safe="/:")


def _place(mirror: str | None) -> str:
    return "MIRROR" if mirror is None or _is_url(mirror) else mirror.rstrip("/")


def _verified(entry: Entry, file: Path, target: Path, origin: str = "") -> dict[str, Any]:
    """Size and SHA-256 of `file`, if they equal the registry's, or else the record beside `target`.

    Raises UserError with both values, after deleting the file, if they differ.
    """
    record = Path(f"{target}.json")
    known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    found = {"size": file.stat().st_size, "sha256": sha256(file)}
    for key, right in (("size", entry.size), ("sha256", entry.sha256 or known.get("sha256"))):
        if right not in (None, found[key]):
            file.unlink()
            first = "" if right == getattr(entry, key) else _FIRST.format(record)
            raise UserError(
                f"{entry.name}: {_WORDS[key]} mismatch for {origin or file}: expected {right}{first}, got "
                f"{found[key]}. The file was deleted."
            )
    if not known and not origin:
        write_json(record, found | {"origin": "found in place"})
    return found


def _names(entry: Entry, mirror: str | None) -> list[dict[str, Any]]:
    """Name and, if known, SHA-256 and size of the files that match a pattern, sorted."""
    found = _mirrored_names(entry, mirror) if mirror else None
    if found is not None:
        return found
    assert entry.repo is not None  # patterns are of repositories
    try:
        tree = web.tree(entry.repo, entry.repo_type, entry.revision)
    except web.errors() as error:
        kept = web.cached_names(entry.repo, entry.repo_type, entry.revision, entry.file)
        if any(_matches(name, entry.file) for name in kept):
            return [{"file": name} for name in kept if _matches(name, entry.file)]
        raise UserError(
            f"{entry.name}: the names of {entry.path} are unknown ({web.reason(error)}); offline: put the "
            f"files into {_place(mirror)}/{Path(entry.path).parent} or run `snakemake download` on a machine "
            "with network"
        ) from None
    found = [facts | {"file": name} for name, facts in sorted(tree.items()) if _matches(name, entry.file)]
    if not found and not entry.optional:
        raise UserError(
            f"{entry.name}: {entry.repo} at {entry.revision} has no {entry.file}; right: one at least"
        )
    return found


def _mirrored_names(entry: Entry, mirror: str) -> list[dict[str, Any]] | None:
    """The files of a pattern in a mirror; None: unknown.

    A mirror with the layout of resources/ holds a listing from `expand`. Other folders are searched.
    """
    listing = Path(mirror) / f"{entry.path}.json"
    if _is_url(mirror):
        try:
            return _rows_of(entry, web.get_json(f"{_mirrored(entry, mirror)}.json"), mirror)
        except web.errors():
            return None
    if listing.is_file():
        return _rows_of(entry, json.loads(listing.read_text(encoding="utf-8")), mirror)
    if not listing.parent.is_dir():
        return None
    inside, pattern = Path(entry.file).parent, Path(entry.file).name
    names = [str(inside / f.name) for f in sorted(listing.parent.iterdir()) if fnmatchcase(f.name, pattern)]
    _whole(entry, names, listing.parent)
    return [{"file": name} for name in names] if names or entry.optional else None


def _rows_of(entry: Entry, listing: Any, mirror: str) -> list[dict[str, Any]]:
    """Name, SHA-256 and size of each file in a mirror's listing.

    Raises UserError for a file outside the pattern of the entry, such as ../x or /x, and for a malformed
    listing.
    """
    found = []
    rows = listing.get("files") if isinstance(listing, dict) else None
    for row in rows if isinstance(rows, list) else [{}]:
        file = row.get("file") if isinstance(row, dict) else None
        if not isinstance(file, str) or not _matches(file, entry.file):
            raise UserError(
                f"{entry.name}: {mirror}/{entry.path}.json lists {file!r}; right: files that match "
                f"{entry.file}"
            )
        found.append({key: row[key] for key in ("file", "sha256", "size") if key in row})
    return found


def _matches(name: str, pattern: str) -> bool:
    """Whether a file name matches part by part: a `*` never spans folders."""
    parts, wanted = name.split("/"), pattern.split("/")
    return ".." not in parts and len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _whole(entry: Entry, names: Sequence[str], folder: Path) -> None:
    """Raise UserError if shards are missing of files such as train-00001-of-00005.parquet."""
    shards: dict[tuple[str, int], int] = {}
    for name in names:
        if found := re.fullmatch(r"(.*)-\d+-of-(\d+)(\..*|-.*)", name):
            key = found[1], int(found[2])
            shards[key] = shards.get(key, 0) + 1
    for (stem, right), count in shards.items():
        if count != right:
            raise UserError(f"{entry.name}: {folder} has {count} files of {Path(stem).name}, right: {right}")
