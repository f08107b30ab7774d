"""The law of the names of tests: tests/unit/<package>/test_<module>.py, or test_<module>_<aspect>.py."""

from pathlib import Path

import pytest
from support.project_copy import ROOT

HERE, SOURCE = ROOT / "tests/unit", ROOT / "src/langscale"
OUTSIDE = ("performance", "validation")  # packages beside src/langscale
TESTS = sorted(file.relative_to(HERE) for file in HERE.glob("*/**/test_*.py"))
ELSEWHERE = {  # module without a file of its own -> the file that tests it; None: nothing to test
    "claims/hypotheses": "claims/test_catalogue.py",  # a planted world for each claim
    "claims/paper": "claims/test_catalogue.py",
    "config/terms": None,
    "core/errors": None,
    "data/local/collection": "data/local/test_sets.py",  # every layout and mistake, from file to table
}


def names(test: Path) -> set[str]:
    """The modules whose tests a file may have, by its name."""
    words = test.stem.removeprefix("test_").split("_")
    return {"_".join(words[:k]) for k in range(1, len(words) + 1)}


@pytest.mark.parametrize("test", TESTS, ids=str)
def test_a_file_of_tests_names_a_module_that_exists(test: Path):
    package = (ROOT if test.parts[0] in OUTSIDE else SOURCE) / test.parent
    modules = {file.stem for file in package.glob("*.py")} - {"__init__"}
    assert names(test) & modules, f"{package} has no module {test.stem.removeprefix('test_')}"


def test_every_module_has_its_tests():
    modules = {file.relative_to(SOURCE).with_suffix("") for file in SOURCE.rglob("*.py")}
    tested = {test.parent / name for test in TESTS for name in names(test)}
    lacking = {str(module) for module in modules - tested if module.name != "__init__"}
    assert lacking == set(ELSEWHERE), f"without tests, or in ELSEWHERE with tests: {lacking ^ set(ELSEWHERE)}"
    assert all(test is None or (HERE / test).is_file() for test in ELSEWHERE.values())
