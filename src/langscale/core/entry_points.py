"""Records by name: those of langscale, and those of installed packages.

A package adds data sets, models, measures, samplers and claims by entry points. Each names a module with
records at its top:

    [project.entry-points."langscale.measures"]
    my_measure = "my_package.my_measure"

The groups are `langscale.data`, `langscale.models`, `langscale.measures`, `langscale.samplers` and
`langscale.claims`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import TypeVar

from langscale.core.errors import UserError

Record = TypeVar("Record")


class Records(Mapping[str, Record]):
    """Name -> record: langscale's own in their order, then those of installed packages.

    Packages are imported at the first look-up, not when langscale is imported, because their modules import
    langscale. Raises UserError then for a module that cannot be imported, and for two records of one name.
    """

    def __init__(
        self, group: str, kind: type[Record], own: Iterable[Record], name: Callable[[Record], str]
    ) -> None:
        self._group, self._kind, self._own, self._name = group, kind, tuple(own), name

    @cached_property
    def by_name(self) -> dict[str, Record]:
        """All records, as a dictionary."""
        found = {self._name(record): (record, "langscale") for record in self._own}
        for module in modules(self._group):
            for record in vars(imported(module, self._group)).values():
                if not isinstance(record, self._kind):
                    continue
                known, place = found.setdefault(self._name(record), (record, module))
                if known is not record:
                    raise UserError(
                        f"{self._group}: {self._name(record)} has two records, in {place} and in {module}; "
                        "right: one"
                    )
        return {name: record for name, (record, _) in found.items()}

    def __getitem__(self, name: str) -> Record:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)


def modules(group: str) -> list[str]:
    """Dotted names of the modules that installed packages name in a group, sorted by entry point."""
    points = sorted(entry_points(group=group), key=lambda point: (point.name, point.value))
    return list(dict.fromkeys(point.value for point in points))


def imported(module: str, group: str) -> object:
    """A module of an entry point. Raises UserError if it cannot be imported."""
    try:
        return import_module(module)
    except ImportError as error:
        raise UserError(f"entry point {module} of {group}: {error}; right: a module of its package") from None
