"""Files that are complete when they exist."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` for a file or folder; it takes the name `path` when the block ends well.

    An existing file or folder of that name is replaced; after an error neither is left half written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, old = (path.with_name(f".{path.name}.{os.getpid()}.{kind}") for kind in ("partial", "old"))
    remove(partial)
    remove(old)
    try:
        yield partial
        if path.is_dir() and partial.exists():
            # A full folder cannot be replaced, and one that is being deleted is not complete: move it away whole.
            os.replace(path, old)
        os.replace(partial, path)
    finally:
        remove(partial)
        remove(old)


def remove(path: Path) -> None:
    """Delete a file or a folder with all in it; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
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
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
