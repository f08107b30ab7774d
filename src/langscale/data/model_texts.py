"""All texts of a source or benchmark that a model embeds, by side."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow.parquet as parquet

from langscale.data.sources.built import parts, table

Role = Literal["query", "passage"]
Texts = tuple[str, Role, list[str], list[str]]
"""Folder of a side, its role, and language and text of each row."""


def sides(folder: str | Path, kind: str) -> Iterator[Texts]:
    """The sides of a source's or a benchmark's folder, in the order and with the rows of its tokens.

    kind: source or benchmark.
    """
    if kind == "source":
        roles: tuple[tuple[str, str, str, Role], ...] = (
            ("queries", "pairs", "query", "query"),
            ("passages", "passages", "text", "passage"),
        )
        for part in parts(folder):
            for side, name, column, role in roles:
                rows = table(folder, part, name)
                yield f"{part}/{side}", role, list(rows["language"]), list(rows[column])
    else:
        of_benchmark: tuple[tuple[str, Role], ...] = (("questions", "query"), ("candidates", "passage"))
        for side, role in of_benchmark:
            read = parquet.read_table(Path(folder) / f"{side}.parquet", columns=["language", "text"])
            yield side, role, read["language"].to_pylist(), read["text"].to_pylist()
