"""Shapes of curves: known values, and what defines each shape."""

import numpy as np
import pytest

from langscale.statistics.curve_shapes import CURVES, curve

N = np.array([1.0, 2, 4, 16])


def test_known_values():
    assert curve("constant", (0.3, 9, 9), N).tolist() == [0.3] * 4
    assert curve("logarithmic", (0.3, 0.1, 9), N) == pytest.approx([0.3, 0.4, 0.5, 0.7])
    assert curve("power law", (0.4, 0.5, 0.6), N) == pytest.approx([0.2, 0.6 - 0.4 / 2**0.5, 0.4, 0.5])
    assert curve("rise and fall", (0.3, 0.4, 0.1), N) == pytest.approx([0.3, 0.6, 0.7, 0.3])


@pytest.mark.parametrize("name", CURVES)
def test_many_curves_at_once_are_the_curves_one_by_one(name):
    many = np.random.default_rng(0).random((5, 3))
    together = curve(name, many[:, None], N)
    assert together.shape == (5, 4)
    for row, parameters in zip(together, many, strict=True):
        assert row == pytest.approx([curve(name, parameters, n).item() for n in N])


def test_an_unknown_shape_is_named():
    with pytest.raises(ValueError, match="found 'linear'; constant, logarithmic"):
        curve("linear", (0, 0, 0), 1)
