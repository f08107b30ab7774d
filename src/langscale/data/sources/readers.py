"""The readers of training data by name."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langscale.core.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

READERS = {"cldr": "cldr", "mmarco": "mmarco", "ntrex": "ntrex", "squad": "squad"}
READERS |= {
    "nq": "english.nq",
    "wikiqa": "english.wikiqa",
    "duorc": "english.duorc",
    "newsqa": "english.newsqa",
    "mfaq": "english.mfaq",
    "mr-tydi": "english.mrtydi",
    "yahoo-qa": "english.yahoo",
    "entity-questions": "english.entity_questions",
    "squadshifts": "english.squadshifts",
}

EMBEDDED = ("cldr",)  # comes with a package, nothing to download


def module(name: str) -> str:
    """File in langscale/sources/ that reads source `name`; raises UserError for an unknown one."""
    if name not in READERS:
        raise UserError(f"sources.{name}: unknown; there are {', '.join(sorted(READERS))}")
    return READERS[name].partition(".")[0]


def modules(name: str) -> list[str]:
    """All files in langscale/sources/ whose change changes what source `name` holds."""
    shared = {"cldr": [], "english": ["common", "squad"]}
    return [module(name), *shared.get(module(name), ["common"])]


def reader(name: str) -> Any:
    """The reader of source `name`: a module, or an object of one."""
    found = import_module(f"langscale.data.sources.{module(name)}")
    part = READERS[name].partition(".")[2]
    return getattr(found, part) if part else found


def parts(folder: str | Path) -> list[str]:
    """The parts of a source that the study builds, train first."""
    return [part for part in ("train", "validation") if (Path(folder) / part).is_dir()]


def table(folder: str | Path, part: str, name: str) -> "Dataset":
    """The memory-mapped table `pairs` or `passages` of one part of a source, as the source rule left it."""
    from datasets import Dataset

    return Dataset.load_from_disk(str(Path(folder) / part / name))
