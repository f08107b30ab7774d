"""The law of the names of tests: tests/unit/<package>/test_<module>.py, or test_<module>_<aspect>.py."""

from pathlib import Path

import pytest
from support.project_copy import ROOT

HERE = ROOT / "tests/unit"
OUTSIDE = ("performance", "validation")  # packages beside src/langscale
TESTS = sorted(file.relative_to(HERE) for file in HERE.glob("*/**/test_*.py"))


@pytest.mark.parametrize("test", TESTS, ids=str)
def test_a_file_of_tests_names_a_module_that_exists(test: Path):
    package = (ROOT if test.parts[0] in OUTSIDE else ROOT / "src/langscale") / test.parent
    modules = {file.stem for file in package.glob("*.py")} - {"__init__"}
    words = test.stem.removeprefix("test_").split("_")
    names = {"_".join(words[:k]) for k in range(1, len(words) + 1)}
    assert names & modules, f"{package} has no module {words[0]}"
