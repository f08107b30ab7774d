"""Small raw files in their real formats, where the readers look for them."""

import json
from dataclasses import replace
from pathlib import Path

from langscale.data.remote_files import Entry


def put(raw: Path, entry: Entry, content: str | bytes, file: str | None = None) -> Path:
    """Write an entry's file with the record of a fetched one; `file`: its name if the entry is a pattern."""
    if file is not None:
        listing = raw / f"{entry.path}.json"
        listing.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(listing.read_text())["files"] if listing.exists() else []
        listing.write_text(json.dumps({"files": [*known, {"file": file}]}))
        entry = replace(entry, file=file)
    path = raw / entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    Path(f"{path}.json").write_text("{}")
    return path
