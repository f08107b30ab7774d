"""Figures of the tests."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def close_figures():
    """No figure stays open after its test."""
    yield
    plt.close("all")
