"""Scaling curves."""

import numpy as np
import pytest

from langscale.core.random import stream
from langscale.statistics.scaling_curves import slope_weights


def test_weights_are_those_of_least_squares():
    for n in ((1, 2, 4, 9), (2, 4, 9), (3, 5)):
        y = stream("y", *n).random(len(n))
        assert slope_weights(np.log2(n)) @ y == pytest.approx(np.polyfit(np.log2(n), y, 1)[0])
