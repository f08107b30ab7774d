"""Training data: one file per family of data sets, each with `build(part, languages) -> (pairs, passages)`."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from langscale.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

READERS = {"cldr": "langscale.sources.cldr"}


def reader(name: str) -> ModuleType:
    """The module that reads source `name`; raises UserError for an unknown one."""
    if name not in READERS:
        raise UserError(f"sources: {name} is unknown; there are {', '.join(sorted(READERS))}")
    return import_module(READERS[name])


def table(folder: str | Path, part: str, name: str) -> "Dataset":
    """The memory-mapped table `pairs` or `passages` of one part of a source, as the source rule left it."""
    from datasets import Dataset

    return Dataset.load_from_disk(str(Path(folder) / part / name))
