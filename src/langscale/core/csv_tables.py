"""The CSV tables of a study: how numbers are written and which fields are missing."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.core.files import atomic

if TYPE_CHECKING:
    import pandas as pd


def write_csv(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table as the CSV files of a study are: six significant digits, no index."""
    with atomic(path) as partial:
        table.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")


def read_csv(path: str | Path) -> "pd.DataFrame":
    """Read a table of a study; only an empty field is missing, since `none` and `NA` may be names."""
    import pandas as pd

    return pd.read_csv(path, keep_default_na=False, na_values=[""])
