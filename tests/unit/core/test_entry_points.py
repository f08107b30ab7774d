"""Records of installed packages: order, errors, and no look-up while langscale is imported."""

import subprocess
import sys
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import pytest
from support.installed_package import install

from langscale.core import entry_points
from langscale.core.entry_points import Records, modules
from langscale.core.errors import UserError

SRC = Path(entry_points.__file__).parents[2]


@dataclass(frozen=True)
class Colour:
    name: str
    hue: int


RED = Colour("red", 0)
OURS = f"from {__name__} import RED, Colour\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a module with the given text in the group `langscale.colours`."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or sys.modules[Colour.__module__])
    added = []

    def add(name: str, text: str) -> Records:
        install(tmp_path, {name: text}, {"langscale.colours": name})
        added.append(name)
        return Records("langscale.colours", Colour, (RED,), attrgetter("name"))

    yield add
    for name in added:
        sys.modules.pop(name, None)


def test_own_records_come_first_then_those_of_packages(package):
    package("zinc_paint", OURS + "WHITE = Colour('white', 1)\n")
    found = package("azure_paint", OURS + "BLUE = Colour('blue', 240)\nLIGHT = 'blue'\n")
    assert list(found) == ["red", "blue", "white"] and len(found) == 3
    assert found["blue"].hue == 240 and "green" not in found
    assert modules("langscale.colours") == ["azure_paint", "zinc_paint"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RED_TOO = Colour('red', 1)", "langscale.colours: red has two records, in langscale and in paint"),
        ("import nowhere_at_all", "entry point paint of langscale.colours: No module named 'nowhere_at_all'"),
    ],
)  # fmt: skip
def test_a_wrong_package_is_one_line(package, text, message):
    found = package("paint", f"{OURS}{text}\n")
    with pytest.raises(UserError) as error:
        found["red"]
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_importing_langscale_imports_no_package():
    """A package's module imports langscale, so a look-up on the way would miss its unfinished records."""
    names = [".".join(file.relative_to(SRC).with_suffix("").parts) for file in SRC.rglob("*.py")]
    names = sorted(name.removesuffix(".__init__") for name in names)
    run = f"""
import importlib
from langscale.core.entry_points import Records
for name in {names}:
    module = importlib.import_module(name)
    for found in vars(module).values():
        assert not isinstance(found, Records) or "by_name" not in vars(found), name
"""
    subprocess.run([sys.executable, "-c", run], env={"PYTHONPATH": str(SRC)}, check=True)
