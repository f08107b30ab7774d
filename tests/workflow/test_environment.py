"""The pinned versions: the lock, environment.yml, the project file and what is installed say the same."""

import re
from importlib.metadata import version

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


def test_every_key_of_the_config_is_documented():
    from langscale.config.reference import manual

    assert (ROOT / "config/README.md").read_text() == manual()
