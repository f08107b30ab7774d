"""Verify the registry online."""

from typing import TYPE_CHECKING

import pandas as pd

from langscale.core.files import atomic
from langscale.data import catalogue
from langscale.data.download import check
from langscale.jobs.log import redirect
from langscale.models.pretrained import known_entries

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

table = pd.DataFrame(check([*catalogue.files(), *known_entries()]))
with atomic(snakemake.params.table) as partial:
    table.to_csv(partial, index=False, lineterminator="\n")
counts = table["status"].value_counts()
print(", ".join(f"{count} {status}" for status, count in counts.items()), f"of {len(table)} entries")
print(table.loc[table["status"] != "ok", ["status", "path", "detail"]].head(20).to_string(index=False))
