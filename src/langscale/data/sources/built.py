"""The built tables of a training set."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.data.records import PARTS

if TYPE_CHECKING:
    from datasets import Dataset


def parts(folder: str | Path) -> list[str]:
    """The built parts of a source, train first."""
    return [part for part in PARTS if (Path(folder) / part).is_dir()]


def table(folder: str | Path, part: str, name: str) -> "Dataset":
    """The memory-mapped table `pairs` or `passages` of one part of a source."""
    from datasets import Dataset

    return Dataset.load_from_disk(str(Path(folder) / part / name))
