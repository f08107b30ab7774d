"""All data sets by name.

Every record in a module of `langscale.data.benchmarks` or `langscale.data.sources` is found, so a new set is
one new file. An installed package adds records through the entry point group `langscale.data`
(`langscale.core.entry_points`).
"""

import pkgutil
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import Any, Protocol, TypeVar

from langscale.core.entry_points import imported, modules
from langscale.core.errors import UserError
from langscale.data.records import BenchmarkRecord, DataSet, SourceRecord
from langscale.data.remote_files import Entry

PACKAGES = ("langscale.data.benchmarks", "langscale.data.sources")
GROUP = "langscale.data"
LOCAL, LOCAL_SETS = "local", "langscale.data.local.sets"

Record = TypeVar("Record", bound=DataSet)


def benchmarks() -> Mapping[str, BenchmarkRecord]:
    """Every evaluation set by name, sorted."""
    return _of_kind(BenchmarkRecord)


def sources() -> Mapping[str, SourceRecord]:
    """Every training set by name, sorted."""
    return _of_kind(SourceRecord)


class Section(Protocol):
    """A section of the config: `set` is the data set, None for the section's own name.

    Of a local set it has the keys of `langscale.data.local.layout.Options` as well.
    """

    @property
    def set(self) -> str | None:
        """The key `set`."""


def benchmark(name: str, section: Section | None = None) -> BenchmarkRecord:
    """The evaluation set of a section of the config, or of this name.

    Raises UserError for an unknown name, and for a local set without readable files.
    """
    if section is not None and section.set == LOCAL:
        return _local().benchmark(name, section)
    return _one("benchmarks", benchmarks(), section.set if section and section.set else name)


def source(name: str, section: Section | None = None) -> SourceRecord:
    """The training set of a section of the config, or of this name. Raises UserError as `benchmark`."""
    if section is not None and section.set == LOCAL:
        return _local().source(name, section)
    return _one("sources", sources(), section.set if section and section.set else name)


def files() -> list[Entry]:
    """The entries of all sets in all their languages."""
    records = [*benchmarks().values(), *sources().values()]
    return [entry for record in records for entry in record.files(list(record.languages))]


def module_of(record: DataSet) -> str:
    """Dotted name of the module with the record and its reader."""
    if (_kind(record), record.name) not in _found() or _found()[_kind(record), record.name][0] is not record:
        return LOCAL_SETS
    return _found()[_kind(record), record.name][1]


def _local() -> Any:
    """The module of local sets, which imports pandas: whoever asks for a fact of another set needs none."""
    return import_module(LOCAL_SETS)


def _one(section: str, known: Mapping[str, Record], name: str) -> Record:
    if name not in known:
        near = get_close_matches(name, known, 1)
        guess = f" (did you mean {near[0]}?)" if near else ""
        raise UserError(f"{section}.{name}: unknown{guess}; there are {', '.join(known)}")
    return known[name]


def _kind(record: DataSet) -> str:
    return "benchmark" if isinstance(record, BenchmarkRecord) else "source"


def _of_kind(kind: type[Record]) -> dict[str, Record]:
    return {record.name: record for record, _ in _found().values() if isinstance(record, kind)}


@cache
def _found() -> dict[tuple[str, str], tuple[DataSet, str]]:
    """(Kind, name) -> (record, module), sorted. A set may have a source and a benchmark of one name."""
    found: dict[tuple[str, str], tuple[DataSet, str]] = {}
    for module in _modules():
        for record in vars(imported(module, GROUP)).values():
            if not isinstance(record, DataSet):
                continue
            known, place = found.setdefault((_kind(record), record.name), (record, module))
            if known is not record:
                where = f"in {place} and in {module}"
                raise UserError(f"data set {record.name} has two records, {where}; right: one")
    return dict(sorted(found.items()))


def _modules() -> Iterator[str]:
    for package in PACKAGES:
        for info in pkgutil.iter_modules(import_module(package).__path__):
            yield f"{package}.{info.name}"
    yield from modules(GROUP)
