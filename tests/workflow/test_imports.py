"""The import law: a package imports packages below it only, and no files import each other in a circle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from support.project_copy import ROOT

SRC = ROOT / "src/langscale"
LAW = {  # package -> packages, or single modules, that it may import; models.known is records alone
    "core": "",
    "jobs": "core",
    "languages": "core",
    "config": "core",
    "design": "config core data",
    "data": "core languages",
    "models": "config core data",
    "training": "config core data models",
    "retrieval": "config core data jobs",
    "published": "data",
    "statistics": "config core data design languages models.known retrieval",
    "claims": "config core data design models.known published retrieval.measures statistics",
    "reporting": "claims config core data languages models.known published retrieval.measures statistics",
    "planning": "claims config core data design languages models retrieval.measures training",
}
FILES = {".".join(p.relative_to(SRC).with_suffix("").parts): p for p in sorted(SRC.rglob("*.py"))}


def imports(file: Path) -> set[str]:
    """Modules of langscale that a file imports anywhere in it, by their names below the package."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("langscale."):
            base = node.module.removeprefix("langscale.")
            names = [f"{base}.{alias.name}" for alias in node.names]
            found |= {n if n in FILES else base if base in FILES else f"{base}.__init__" for n in names}
    return found


@pytest.mark.parametrize("package", sorted({name.partition(".")[0] for name in FILES} - {"__init__"}))
def test_imports_go_down(package):
    allowed = {package, *LAW[package].split()}
    for name, file in FILES.items():
        if name.startswith(f"{package}."):
            assert not {i for i in imports(file) if not {i, i.partition(".")[0]} & allowed}, name


def test_records_of_models_import_no_other_stage():
    assert imports(FILES["models.known"]) <= {"core.entry_points"}


def test_no_circle_between_files():
    tuple(TopologicalSorter({name: imports(file) - {name} for name, file in FILES.items()}).static_order())
