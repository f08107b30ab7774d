"""One side of `shard_speed`, as a process. For each line on stdin it searches once.

It answers with its CPU seconds, its wall seconds and its peak of memory.

    python performance/searcher.py ours|faiss FOLDER K [GIB]     GIB: limit of the address space
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

import faiss
import numpy as np

from langscale.core.arrays import rows
from langscale.retrieval import sharded_search as shards

PART = 65_536  # vectors added to the peer's index at a time


def main(name: str, folder: str, k: int, gib: str) -> None:
    """Search whenever a line comes in."""
    if gib:
        limit = int(float(gib) * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    faiss.omp_set_num_threads(1)
    file, queries = f"{folder}/vectors.npy", np.load(f"{folder}/queries.npy")
    size = length(file)
    if name == "faiss":
        index = faiss.IndexFlatIP(queries.shape[1])
        for start in range(0, size, PART):
            index.add(rows(file, start, min(start + PART, size)))
    for _ in sys.stdin:
        drop(file)
        start, wall = time.process_time(), time.perf_counter()
        if name == "faiss":
            found = index.search(queries, k)[1]
        else:
            found = shards.search(queries, shards.stored(file), size, k)[1]
        seconds, wall = time.process_time() - start, time.perf_counter() - wall
        np.save(f"{folder}/{name}.npy", found)
        print(json.dumps({"seconds": seconds, "wall": wall, "peak": peak()}), flush=True)


def drop(file: str) -> None:
    """Take a file out of the page cache."""
    with Path(file).open("rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def length(file: str) -> int:
    """Rows of the array in a .npy file, without mapping it into the limited address space."""
    with Path(file).open("rb") as opened:
        np.lib.format.read_magic(opened)
        return np.lib.format.read_array_header_1_0(opened)[0][0]


def peak() -> int:
    """Peak of the address space of this process in bytes, libraries included."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmPeak:")[2].split()[0]) * 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
