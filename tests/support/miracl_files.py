"""Small parquet files of MIRACL in the layout of the hub, fetched from a mirror folder."""

import pyarrow as pa
import pyarrow.parquet as parquet

from langscale.data.benchmarks import miracl
from langscale.data.download import fetch_all

REVISION = "huggingface.co/datasets/mteb/MIRACLRetrieval/resolve/9c09abc13478308c27598f350e31d8f06b9b5481"
LANGUAGES = ("yo", "sw")


def put(mirror, part, rows, columns, shards=1, split="dev", group=7):
    """Parquet files as on the hub: `<language>-<what>/<split>-00000-of-00002.parquet`, small row groups."""
    for i in range(shards):
        file = mirror / REVISION / part / f"{split}-{i:05d}-of-{shards:05d}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(dict(zip(columns, zip(*rows[i::shards], strict=True), strict=True)))
        parquet.write_table(table, file, row_group_size=group)


def fetched(folder, codes=LANGUAGES):
    """The files of some languages, from the folder's mirror into its resources."""
    return fetch_all(miracl.MIRACL.files(codes), folder / "resources", str(folder / "mirror"))
