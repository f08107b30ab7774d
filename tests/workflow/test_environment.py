"""The environment: pinned versions agree everywhere, and the Makefile creates it."""

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import version

import pytest
import yaml
from packaging.requirements import Requirement
from support.project_copy import ROOT


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    found = (re.match(r"([A-Za-z0-9_.-]+)==([^ ;]+)", line) for line in lines)
    return {m[1].lower().replace("_", "-"): m[2] for m in found if m}


def declared() -> list[Requirement]:
    text = (ROOT / "pyproject.toml").read_text().partition("[project.optional")[0]
    return [Requirement(line) for line in re.findall(r'^  "([^"]+)"', text, re.MULTILINE)]


def test_environment_and_lock_agree():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = next(part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    found = dict(line.split("==") for line in listed)
    lock = pins("requirements.lock")
    assert found == {name: lock[name] for name in found}
    assert set(found) == {r.name for r in declared()}


def test_lock_satisfies_the_project():
    lock = pins("requirements.lock")
    for requirement in declared():
        assert requirement.specifier.contains(lock[requirement.name]), requirement


def test_test_lock_extends_the_lock():
    assert pins("requirements.lock").items() <= pins("requirements-test.lock").items()


def test_torch_is_pinned_and_no_cuda_package_is():
    lock = pins("requirements.lock")
    assert lock["torch"] == "2.13.0"
    assert not [name for name in lock if name.startswith(("nvidia", "cuda", "triton"))]


def test_what_is_installed_is_what_is_locked():
    for requirement in declared():
        assert version(requirement.name).split("+")[0] == pins("requirements.lock")[requirement.name]


def test_the_version_is_one_and_dated_in_the_changelog():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    latest = re.search(r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert (project, str(citation["date-released"])) == (latest[1], latest[2])
    assert citation["version"] == project


def test_every_key_of_the_config_is_documented():
    from langscale.config.reference import manual

    assert (ROOT / "config/README.md").read_text() == manual()


# --- the Makefile

# stands for Python: answers the version check, and creates an environment whose pip only logs its words
FAKE = """#!/bin/sh
case "$1" in
  -c) exit {code} ;;
  --version) echo Python 3.9.1 ;;
  -m) mkdir -p .venv/bin && cp "$0" .venv/bin/python ; echo "$@" >> calls
      if [ "$2" = venv ] && [ ! -e killed ]; then touch killed; kill -9 $PPID; fi ;;
esac
"""


def make(folder, *words):
    done = subprocess.run(["make", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def checkout(tmp_path):
    """A folder with what the Makefile reads, and a function that writes the stand-in for Python there."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)

    def python(code):
        (tmp_path / "fake").write_text(FAKE.format(code=code))
        (tmp_path / "fake").chmod(0o755)
        return f"PYTHON={tmp_path / 'fake'}"

    return tmp_path, python


def test_make_refuses_another_python_in_one_line(checkout):
    folder, python = checkout
    code, _, error = make(folder, python(1), ".venv/.study")
    assert code == 2 and not (folder / ".venv").exists()
    assert "is Python 3.9.1; Python 3.11 to 3.13 is needed: make PYTHON=python3.11" in error.splitlines()[0]


def test_an_environment_whose_creation_was_killed_is_created_anew(checkout):
    folder, python = checkout
    assert make(folder, python(0), ".venv/.study")[0] != 0
    assert (folder / ".venv/bin/python").exists() and not (folder / ".venv/.python").exists()
    assert make(folder, python(0), ".venv/.study", "PIP_OPTIONS=--an-option")[0] == 0
    calls = (folder / "calls").read_text().splitlines()
    assert calls == ["-m venv --clear .venv"] * 2 + [
        "-m pip install --quiet --an-option -r requirements.lock",
        "-m pip install --quiet --an-option --no-deps --editable .",
    ]
    assert make(folder, python(0), ".venv/.study")[0] == 0
    assert (folder / "calls").read_text().splitlines() == calls


def test_help_lists_every_target():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    code, listed, _ = make(ROOT, "--no-print-directory", "help")
    assert code == 0
    assert {line.split()[1] for line in listed.splitlines()} == set(targets)
