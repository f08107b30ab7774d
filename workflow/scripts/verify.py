"""Compare the files of a study with their manifests, and downloads with their hashes."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.core.errors import UserError
from langscale.core.files import sha256
from langscale.jobs.log import redirect
from langscale.jobs.manifests import damages, read

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

terminal = redirect(snakemake.log[0])

found, checked = [], 0
for manifest in snakemake.params.manifests:
    try:
        files = read(manifest)
    except UserError as error:
        found.append(str(error))
        continue
    checked += len(files)
    found += damages(manifest, files)
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
