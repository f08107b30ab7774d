"""The examples in the docstrings of the statistics give what they say."""

import doctest
import importlib
import pkgutil

import pytest

from langscale import statistics

MODULES = [f"langscale.statistics.{module.name}" for module in pkgutil.iter_modules(statistics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_basic_functions_have_examples():
    tried = {name: doctest.testmod(importlib.import_module(name)).attempted for name in MODULES}
    assert {name.rpartition(".")[2] for name, count in tried.items() if count} >= {
        "intervals", "multiple_testing", "scaling_curves", "curve_shapes", "curve_fits", "diversity",
    }  # fmt: skip
