"""Take the user's vectors of all texts of a source or benchmark into the store."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

import numpy as np

from langscale.core.files import atomic
from langscale.data.model_texts import sides
from langscale.data.own_vectors import read_vectors, text_keys
from langscale.data.tokens import fingerprint
from langscale.data.vector_store import Store, write_index

p = snakemake.params
texts = job.data("texts")
files = job.origin["inputs"].get("files", [])
key = hashlib.sha256(json.dumps([files, p.code], sort_keys=True).encode()).hexdigest()[:16]
store = Store(Path(p.where["store"]) / key)
found = {
    folder: (text_keys(role, p.model[f"{role}_prefix"], side), side)
    for folder, role, _, side in sides(texts, p.kind)
}
wanted = np.unique(np.concatenate([keys for keys, _ in found.values()]))
store.add(wanted, read_vectors(p.where["path"], wanted))
with atomic(job.target()) as partial:
    for folder, (keys, side) in found.items():
        (partial / folder).parent.mkdir(parents=True, exist_ok=True)
        prints = np.fromiter(map(fingerprint, side), np.int64, len(side))
        write_index(partial / folder, keys, prints, store, {"store": key, "reading": p.model})
job.done()
