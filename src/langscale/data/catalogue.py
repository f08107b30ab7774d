"""All data sets by name.

A record in a module of `langscale.data.benchmarks` or `langscale.data.sources` is found by itself, so a new set is one new
file. An installed package adds records by an entry point of the group `langscale.data` that names a module:

    [project.entry-points."langscale.data"]
    my_set = "my_package.my_set"
"""

import pkgutil
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TypeVar

from langscale.core.errors import UserError
from langscale.data.records import BenchmarkRecord, DataSet, SourceRecord
from langscale.data.registry import Entry

PACKAGES = ("langscale.data.benchmarks", "langscale.data.sources")
GROUP = "langscale.data"

Record = TypeVar("Record", bound=DataSet)


def benchmarks() -> Mapping[str, BenchmarkRecord]:
    """Every evaluation set by name, sorted."""
    return MappingProxyType({name: record for name, (record, _) in _found(BenchmarkRecord).items()})


def sources() -> Mapping[str, SourceRecord]:
    """Every training set by name, sorted."""
    return MappingProxyType({name: record for name, (record, _) in _found(SourceRecord).items()})


def benchmark(name: str) -> BenchmarkRecord:
    """The evaluation set `name`; raises UserError for an unknown name."""
    return _one("benchmarks", benchmarks(), name)


def source(name: str) -> SourceRecord:
    """The training set `name`; raises UserError for an unknown name."""
    return _one("sources", sources(), name)


def files() -> list[Entry]:
    """The entries of all sets in all their languages."""
    records = [*benchmarks().values(), *sources().values()]
    return [entry for record in records for entry in record.files(list(record.languages))]


def module_of(record: DataSet) -> str:
    """Dotted name of the module with the record and its reader."""
    kind: type[DataSet] = BenchmarkRecord if isinstance(record, BenchmarkRecord) else SourceRecord
    return _found(kind)[record.name][1]


def _one(kind: str, known: Mapping[str, Record], name: str) -> Record:
    if name not in known:
        near = get_close_matches(name, known, 1)
        guess = f" (did you mean {near[0]}?)" if near else ""
        raise UserError(f"{kind}.{name}: unknown{guess}; there are {', '.join(known)}")
    return known[name]


@cache
def _found(kind: type[Record]) -> dict[str, tuple[Record, str]]:
    """Name -> (record, module) of the records of one kind, sorted by name."""
    found: dict[str, tuple[Record, str]] = {}
    for place in _modules():
        for record in vars(import_module(place)).values():
            if not isinstance(record, kind):
                continue
            if record.name in found and found[record.name][0] is not record:
                raise UserError(
                    f"data set {record.name} has two records, in {found[record.name][1]} and in {place}; right: one"
                )
            found.setdefault(record.name, (record, place))
    return dict(sorted(found.items()))


def _modules() -> Iterator[str]:
    for package in PACKAGES:
        for info in pkgutil.iter_modules(import_module(package).__path__):
            yield f"{package}.{info.name}"
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        yield point.value
