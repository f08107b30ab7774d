"""The readers of benchmarks by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from langscale.core.errors import UserError

READERS = {
    "cldr": "cldr",
    "xquad-r": "lareqa",
    "mlqa-r": "lareqa",
    "belebele": "belebele",
    "tatoeba": "tatoeba",
    "mewsli-x": "mewsli_x",
    "miracl": "miracl",
    "miracl-hard": "miracl",
}

EMBEDDED = ("cldr",)  # comes with a package, nothing to download

TEXTS = {
    "cldr": "card",
    "xquad-r": "sentence",
    "mlqa-r": "sentence",
    "belebele": "passage",
    "mewsli-x": "description",
    "miracl": "title + passage",
    "miracl-hard": "title + passage",
}

TABLES = ("questions", "candidates", "qrels")


@dataclass(frozen=True)
class Reader:
    """The reader of one set: `files(languages)` to download, and `build`; `text` is its candidate text by default."""

    name: str
    module: ModuleType

    @property
    def text(self) -> str:
        return TEXTS.get(self.name, "sentence")

    def files(self, languages: Sequence[str]) -> list:
        """The registry's entries of `languages`."""
        return self.module.files(languages, **self._name())

    def build(self, languages: Sequence[str], questions: int | None, raw: str | Path, **options):
        """(questions, candidates, qrels); `options` are the reader's own, such as candidate_text."""
        return self.module.build(languages, questions, raw, **options, **self._name())

    def write(
        self, folder: str | Path, languages: Sequence[str], questions: int | None, raw: str | Path, **options
    ) -> None:
        """Write the three tables into `folder`, which is there; a set that is larger than memory does it itself."""
        if hasattr(self.module, "write"):
            self.module.write(folder, languages, questions, raw, **options, **self._name())
            return
        tables = self.build(languages, questions, raw, **options)
        for name, table in zip(TABLES, tables, strict=True):
            table.to_parquet(Path(folder) / f"{name}.parquet", index=False)

    def _name(self) -> dict[str, str]:
        # one module reads both sets of LAReQA, and both of MIRACL
        return {"name": self.name} if READERS[self.name] in ("lareqa", "miracl") else {}


def module(name: str) -> str:
    """File in langscale/benchmarks/ that reads set `name`; raises UserError for an unknown one."""
    if name not in READERS:
        raise UserError(f"benchmarks: {name} is unknown; there are {', '.join(sorted(READERS))}")
    return READERS[name]


def modules(name: str) -> list[str]:
    """All files below langscale/ whose change changes what set `name` holds."""
    shared = {"cldr": "data/sources/cldr.py"}
    return [f"data/benchmarks/{module(name)}.py", shared.get(name, "data/benchmarks/common.py")]


def reader(name: str) -> Reader:
    """The reader of benchmark set `name`."""
    return Reader(name, import_module(f"langscale.data.benchmarks.{module(name)}"))
