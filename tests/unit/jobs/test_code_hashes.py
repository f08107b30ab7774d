"""A rule's code: equal for texts that Python executes alike, complete by the imports of the rule's script."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.installed_package import install
from support.project_copy import ROOT

from langscale.jobs import code_hashes as module
from langscale.jobs.code_hashes import code, tree_hash

SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))
SOURCES = sorted((ROOT / "src/langscale").rglob("*.py"))
SOURCE = '''
"""A module."""
import os
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from numpy import ndarray
LIMIT = 3.0  # metres
"""What it is."""
def f(x: int, *rest, key: str = "a") -> list:
    """Add."""
    found = [f"{x!r:>{LIMIT}} and {y=}" for y in rest if (z := y + LIMIT) > 2 or key in (b"b", None, ...)]
    return found
class A:
    pass
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # metres", "  # feet"),
        ('"""A module."""', '"""Another docstring."""'),
        ('    """Add."""\n', ""),
        ('"""What it is."""\n', ""),
        ("x: int", "x"),
        (" -> list", ""),
        ("    from numpy import ndarray", "    from numpy import array, ndarray"),
        ('key: str = "a"', "key = 'a'"),
        ("LIMIT = 3.0", "LIMIT   = (\n  3.00)"),
    ],
)
def test_what_changes_no_result_changes_no_hash(old, new):
    assert old in SOURCE
    assert tree_hash(SOURCE.replace(old, new)) == tree_hash(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("3.0", "4.0"), ("3.0", "3"), ("import os", "import sys"), ("*rest", "*others"), ("!r", "!s"),
        ("None", "False"), ('b"b"', '"b"'), ("y + LIMIT", "y - LIMIT"), ("> 2 or", "> 2 and"),
        ('= "a"', '= "b"'),
    ],
)  # fmt: skip
def test_what_may_change_a_result_changes_the_hash(old, new):
    assert old in SOURCE
    assert tree_hash(SOURCE.replace(old, new)) != tree_hash(SOURCE)


def test_the_hash_is_the_same_in_every_version_of_python():
    """A number that every supported version has to give: a new version would train every study again."""
    assert tree_hash(SOURCE) == "7c5b78e7a291"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_that_is_printed_from_its_tree_has_the_same_hash(file):
    """ast.unparse drops comments and formatting of the real modules."""
    text = file.read_text(encoding="utf-8")
    assert tree_hash(ast.unparse(ast.parse(text)) + "\n# a comment\n") == tree_hash(text)


def imported(file: Path) -> set[Path]:
    """Files of the package that a file names in import statements, by a look at its text alone."""
    text = re.sub(
        r"^if TYPE_CHECKING:\n(?:    .*\n)+", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    found = set()
    for base, names in re.findall(r"^\s*from langscale(\S*) import (\([^)]*\)|.*)$", text, re.MULTILINE):
        folder = ROOT.joinpath("src/langscale", *base.split(".")[1:])
        for name in re.findall(r"(\w+)(?: as \w+)?", re.sub(r"#.*", "", names)):
            found |= {p for p in (folder / f"{name}.py", folder / name / "__init__.py") if p.exists()}
        found |= {p for p in (folder.with_suffix(".py"), folder / "__init__.py") if p.exists()}
    return found


def closure(script: Path) -> set[str]:
    """The slow twin of `code`: files reached by text, without what changes no result."""
    reached, left = set(), imported(script)
    while left:
        file = left.pop()
        name = str(file.relative_to(ROOT / "src/langscale"))
        resultless = name.startswith(("jobs/", "config/")) and name != "config/sampler.py"
        core = ("core/entry_points.py", "core/errors.py", "core/files.py")
        resultless |= name in (*core, *(f"data/{n}.py" for n in module_names()))
        if file not in reached and not resultless and file.name != "__init__.py":
            reached.add(file)
            left |= imported(file)
    return {str(file.relative_to(ROOT / "src/langscale")) for file in reached} | {script.name}


def module_names() -> list[str]:
    return ["catalogue", "download", "http", "remote_files"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: file.stem)
def test_the_code_of_a_script_is_all_that_it_reaches_by_imports(script):
    found = {name for name in code(script) if name.endswith(".py") and not name.endswith("__init__.py")}
    assert found == closure(script)


def test_what_a_process_imports_is_in_the_code():
    """The interpreter's own word: modules that are loaded when the modules of a script are."""
    for script in ("format.py", "statistics.py", "train.py"):
        file = ROOT / "workflow/scripts" / script
        names = sorted(module._imports(file, file.stem))
        run = f"import sys; [__import__(name) for name in {names}]; print(*sys.modules)"
        environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
        loaded = subprocess.run(
            [sys.executable, "-c", run], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()
        ours = [name for name in loaded if name.startswith("langscale.") and module._counts(name)]
        files = {module._name(module._file(name), name) for name in ours}
        # the catalogue imports its records, whose facts are params
        files -= {name for name in files if name.endswith("__init__.py") or name == "data/records.py"}
        assert files <= code(file).keys(), script


def test_a_change_deep_in_the_imports_is_seen(tmp_path, monkeypatch):
    script = tmp_path / "job.py"
    script.write_text("def main():\n    from langscale.a.b import thing\n")
    package = tmp_path / "langscale"
    (package / "a").mkdir(parents=True)
    (package / "a/__init__.py").write_text('"""Nothing."""\n')
    (package / "a/b.py").write_text("import langscale.c\nthing = 1\n")
    (package / "c.py").write_text('TABLE = "table.csv"\nFOLDER = "templates"\nelse_where = "a"\n')
    (package / "table.csv").write_text("1\n")
    (package / "templates").mkdir()
    (package / "templates/page.jinja").write_text("page\n")
    (package / "reader.py").write_text("READS = 1\n")
    (package / "config").mkdir()
    (package / "config/__init__.py").write_text("")
    (package / "config/terms.py").write_text("X = 1\n")
    (package / "config/sampler.py").write_text("Y = 1\n")
    monkeypatch.setattr(module, "PACKAGE", package)

    def now(*roots: str) -> dict[str, str]:
        for cached in (module._hash, module._tree, module._imports):
            cached.cache_clear()
        return code(script, *roots)

    first = now()
    assert sorted(first) == ["a/b.py", "c.py", "job.py", "table.csv", "templates/page.jinja"]
    assert now("langscale.reader").keys() - first.keys() == {"reader.py"}
    assert now("langscale.config.terms") == first and "config/sampler.py" in now("langscale.config.sampler")
    for file in (package / "c.py", package / "table.csv", package / "templates/page.jinja", script):
        before, text = now(), file.read_text()
        file.write_text(text + "X = 2\n")
        after = now()
        assert {name for name in after if before[name] != after[name]} == {
            file.name if file == script else module._name(file, "")
        }
    with pytest.raises(FileNotFoundError):
        now("langscale.nowhere")
    for cached in (module._hash, module._tree, module._imports):
        cached.cache_clear()


def test_a_record_of_another_package_counts_with_its_imports(tmp_path, monkeypatch):
    script = tmp_path / "job.py"
    script.write_text("from langscale.retrieval.measures import MEASURES\n")
    texts = {
        "orchard.__init__": "",
        "orchard.measure": "from . import formula\nfrom orchard.words import NAME\nimport json\n",
        "orchard.formula": "VALUE = 1\n",
        "orchard.words": "NAME = 'pear'\n",
        "orchard.unused": "",
    }
    alone = code(script)
    install(tmp_path, texts, {"langscale.measures": "orchard.measure"})
    monkeypatch.syspath_prepend(tmp_path)
    found = code(script)
    assert found.keys() - alone.keys() == {"orchard.measure", "orchard.formula", "orchard.words"}
    assert "orchard.measure" not in code(ROOT / "workflow/scripts/translate.py")


def test_every_data_file_of_the_package_is_the_code_of_some_rule():
    reached = {name for script in SCRIPTS for name in code(script)}
    package = ROOT / "src/langscale"
    files = {
        str(f.relative_to(package))
        for f in package.rglob("*")
        if f.is_file() and f.suffix in (".csv", ".jinja")
    }
    assert files and files <= reached
