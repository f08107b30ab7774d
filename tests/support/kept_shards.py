"""The shards of a translation memory, to see whether one was written again."""

import hashlib
from pathlib import Path


def state(folder: Path) -> dict[Path, tuple[str, int]]:
    """Path -> (bytes' hash, time of change) of every shard."""
    files = sorted(folder.rglob("*.parquet"))
    return {
        f.relative_to(folder): (hashlib.sha256(f.read_bytes()).hexdigest(), f.stat().st_mtime_ns)
        for f in files
    }
