"""Count pairs, passages, queries and candidates per language, and the records of every file."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet as parquet

from langscale.core.files import atomic
from langscale.data.sources.built import parts, table
from langscale.jobs.log import redirect
from langscale.jobs.manifests import checked
from langscale.languages.codes import spoken

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

p = snakemake.params
counts = []
for folder in map(checked, snakemake.input.sources):
    for part in parts(folder):
        for what in ("pairs", "passages"):
            rows = table(folder, part, what)
            languages = pd.Series(rows["language"])
            groups = {f"{part} {what}": languages}
            if "translated" in rows.column_names:
                groups[f"{part} {what}, translated"] = languages[pd.Series(rows["translated"])]
            counts += [
                (f"source {folder.name}", name, *item)
                for name, chosen in groups.items()
                for item in chosen.value_counts().items()
            ]
for manifest in snakemake.input.benchmarks:
    folder = checked(manifest, "questions.parquet", "candidates.parquet")
    for what in ("questions", "candidates"):
        batches = parquet.ParquetFile(folder / f"{what}.parquet").iter_batches(columns=["language"])
        languages = sum((Counter(batch.column("language").to_pylist()) for batch in batches), Counter())
        counts += [(f"benchmark {folder.name}", what, *item) for item in languages.items()]
long = pd.DataFrame(counts, columns=["data", "what", "language", "count"])
role = {code: "pool" for code in p.pool} | {code: "heldout" for code in p.heldout}
long.insert(3, "role", long["language"].map(lambda code: role.get(code) or role.get(spoken(code))))
with atomic(snakemake.output.data) as partial:
    long.sort_values(["data", "what", "language"]).to_csv(partial, index=False, lineterminator="\n")
files = [pd.read_csv(checked(manifest), keep_default_na=False) for manifest in snakemake.input.census]
names = [Path(manifest).stem.replace("-", " ", 1) for manifest in snakemake.input.census]
found = pd.concat([file.assign(data=name)[["data", *file]] for name, file in zip(names, files, strict=True)])
with atomic(snakemake.output.census) as partial:
    found.sort_values(["data", "file", "language"]).to_csv(partial, index=False, lineterminator="\n")
