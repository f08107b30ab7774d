"""Exact top-100 of a corpus on disk with bounded memory, compared with FAISS's flat index in memory.

2 million vectors of 384 dimensions (3 GB) in a .npy file, 1,000 queries, one thread. Each side is a process
and waits for its turn. Ours has at most 1 GiB of address space, libraries included. Loading the vectors into
the peer's index does not count. Reading them from disk is part of ours: before every search of either side
the file is dropped from the page cache. Wall time includes the wait for the disk. It varied by half between
rounds while other programs ran. So the ratio is of CPU time, and the remark has both.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import material
import numpy as np
from timing import Line, interleaved, left_out, ratios

from langscale.core.random import stream

WHAT, AGAINST, BAR = (
    "exact top-{}, {:,} x {} vectors on disk, {:,} queries, {:.2g} GiB",
    "FAISS flat in memory",
    0.8,
)
PART = 65_536  # vectors made at a time


def lines(setting: material.Setting) -> list[Line]:
    """The ratio, and the peak of memory."""
    size, width, queries, k, gib = (
        (3000, 16, 8, 5, 1.0) if setting.quick else (2_000_000, 384, 1000, 100, 1.0)
    )
    what, rounds = WHAT.format(k, size, width, queries, gib), 2 if setting.quick else 3
    needed = size * width * 4
    with tempfile.TemporaryDirectory() as folder:
        stats = os.statvfs(folder)
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        if stats.f_bavail * stats.f_frsize < needed + 2**28:
            return [left_out(what, AGAINST, BAR, f"{folder} has no {needed / 2**30:.1f} GiB of space")]
        if not setting.quick and available + _cached() < needed + 2**30:
            return [left_out(what, AGAINST, BAR, f"the peer needs {needed / 2**30:.1f} GiB of memory")]
        _write(Path(folder), size, width, queries)
        with _Worker("ours", folder, k, gib) as ours, _Worker("faiss", folder, k, None) as peer:
            works = {
                "ours": ours.seconds,
                "faiss": peer.seconds,
                "product": lambda: _product(size, width, queries),
            }
            seconds = interleaved(works, rounds)
            same = np.load(f"{folder}/ours.npy") == np.load(f"{folder}/faiss.npy")
            peak = ours.peak
    if same.mean() < 0.999:
        raise SystemExit(
            f"only {same.mean():.4f} of the lists equal those of the peer: the times cannot be compared"
        )
    limit = float(np.median(ratios(seconds["product"], seconds["ours"])))
    clocks = [" ".join(f"{value:.1f}" for value in side.wall) for side in (ours, peer)]
    remark = (
        f"{rounds} rounds; CPU time; page cache dropped before each search; wall seconds with the wait "
        f"for the disk: ours {clocks[0]}, theirs {clocks[1]}; peak of ours {peak / 2**20:.0f} MiB of address "
        f"space, RLIMIT_AS {gib:.2g} GiB"
    )
    return [
        Line(
            what,
            AGAINST,
            ratios(seconds["faiss"], seconds["ours"]),
            "x",
            BAR,
            ours=f"{np.median(seconds['ours']):.1f} s",
            theirs=f"{np.median(seconds['faiss']):.1f} s",
            limit=f"{limit:.0%} of the matrix product alone",
            remark=remark,
            why="ours reads the vectors from disk, the peer has them in memory",
        )
    ]


def _cached() -> int:
    """Bytes of the page cache."""
    rows = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return next(int(row[1]) * 1024 for row in rows if row[0] == "Cached:")


def _write(folder: Path, size: int, width: int, count: int) -> None:
    draw = stream("shard_speed")
    out = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (size, width))
    for start in range(0, size, PART):
        part = draw.standard_normal((min(PART, size - start), width), dtype=np.float32)
        out[start : start + PART] = part / np.linalg.norm(part, axis=1, keepdims=True)
    out.flush()
    with (folder / "vectors.npy").open("rb") as file:
        os.fsync(file.fileno())  # only pages on disk can be dropped
    queries = draw.standard_normal((count, width), dtype=np.float32)
    np.save(folder / "queries.npy", queries / np.linalg.norm(queries, axis=1, keepdims=True))


def _product(size: int, width: int, count: int) -> None:
    """The scores alone, of the same number of vectors (a block, repeated)."""
    draw = np.random.default_rng(0)
    vectors, queries = (draw.random((n, width), dtype=np.float32) for n in (8192, count))
    out = np.empty((count, 8192), np.float32)
    for start in range(0, size, 8192):
        part = min(8192, size - start)
        np.matmul(queries, vectors[:part].T, out=out[:, :part])


class _Worker:
    """A process of searcher.py."""

    def __init__(self, name: str, folder: str, k: int, gib: float | None) -> None:
        words = [
            sys.executable,
            str(Path(__file__).with_name("searcher.py")),
            name,
            folder,
            str(k),
            str(gib or ""),
        ]
        one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(material.ROOT / "src")}
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | one
        )
        self.peak, self.wall = 0, []

    def seconds(self) -> float:
        """CPU seconds of one search."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"shard_speed: the process exited with {self.process.wait()}")
        found = json.loads(answer)
        self.peak = found["peak"]
        self.wall.append(found["wall"])
        return found["seconds"]

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
