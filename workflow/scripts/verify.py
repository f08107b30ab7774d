"""Compare the files of a study with their manifests, and downloads with their hashes."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.core.errors import UserError
from langscale.core.files import sha256
from langscale.data.vector_store import Store
from langscale.jobs.log import redirect
from langscale.jobs.manifests import damages, read, target

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

terminal = redirect(snakemake.log[0])

found, checked, sound = [], 0, set()
for manifest in snakemake.params.manifests:
    try:
        files = read(manifest)
    except UserError as error:
        found.append(str(error))
        continue
    checked += len(files)
    damaged = list(damages(manifest, files))
    found += damaged
    if not damaged:
        sound.add(manifest)
shards = {}  # the indices of a model name shards of one store
for manifest in sorted(sound.intersection(snakemake.params.vectors)):
    for index in target(manifest).rglob("index.json"):
        store = Store.of(index.parent, snakemake.params.store)
        named = json.loads(index.read_text(encoding="utf-8"))["shards"]
        shards |= {(store.folder, name, digest): store for name, digest in named}
for (_, name, digest), store in shards.items():
    checked += 1
    try:
        store.vectors(name, digest)
    except UserError as error:
        found.append(str(error))
for listing in map(Path, snakemake.params.raw):
    for name, right in (json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else {}).items():
        checked += 1
        if not Path(name).exists() or sha256(name) != right:
            found.append(f"{name}: missing or damaged; delete it and {listing}, and it is fetched again")
for line in found:
    print(line, file=sys.stderr)
if found:
    raise UserError(f"verify: {len(found)} of {checked} files are damaged or missing")
print(f"verify: {checked} files are as they were made", file=terminal)
