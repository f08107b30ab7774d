"""Files that are complete when they exist."""

import hashlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())
DAY = 24 * 3600
LEFT = re.compile(r"\..+\.([A-Za-z0-9-]+)\.(\d+)\.(?:partial|old)")  # what `_beside` names


def _beside(path: Path, kind: str) -> Path:
    """A name of this process in the same folder, which `sweep` knows."""
    return path.with_name(f".{path.name}.{HOST}.{os.getpid()}.{kind}")


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` for a file or folder, renamed to `path` when the block ends well.

    An existing file or folder is replaced. After an error nothing half written is left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, old = _beside(path, "partial"), _beside(path, "old")
    remove(partial)
    remove(old)
    try:
        yield partial
        if path.is_dir() and partial.exists():
            # a full folder cannot be replaced, and a folder in deletion is not complete: move it away whole
            path.replace(old)
        partial.replace(path)
    finally:
        remove(partial)
        remove(old)


def sweep(folder: str | Path) -> list[Path]:
    """Remove what killed processes left of `atomic` and `remove` in and below a folder; the removed paths.

    From this machine this is everything of dead processes; from others, such as nodes of a cluster at work,
    everything that was not touched for a day.
    """
    removed = []
    for parent, folders, names in os.walk(folder):
        for name in sorted([*folders, *names]):
            match = LEFT.fullmatch(name)
            if not match:
                continue
            path = Path(parent, name)
            ours = match[1] == HOST
            if (ours and not _lives(int(match[2]))) or (not ours and time.time() - _touched(path) > DAY):
                remove(path)
                removed.append(path)
        folders[:] = [name for name in folders if Path(parent, name) not in removed]
    return removed


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _touched(path: Path) -> float:
    """The latest change of a file or of anything in a folder, in seconds of the epoch."""
    latest = 0.0
    within = (Path(parent, name) for parent, folders, names in os.walk(path) for name in (*folders, *names))
    for part in (path, *within):
        with suppress(FileNotFoundError):  # its process is at work
            latest = max(latest, part.lstat().st_mtime)
    return latest


def remove(path: Path) -> None:
    """Delete a file or a folder with all in it; nothing happens where there is none.

    Nobody finds a folder of which a part is deleted already: it loses its name first.
    """
    if path.is_dir() and not path.is_symlink():
        if not LEFT.fullmatch(path.name):
            old = _beside(path, "old")
            remove(old)  # of a killed process that had this number
            path = path.rename(old)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as indented JSON with sorted keys."""
    with atomic(path) as partial:
        partial.write_text(
            json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def sha256(path: str | Path) -> str:
    """Hex digest of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
