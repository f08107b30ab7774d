"""Diversity of a training set and similarity to a language: a slow twin, planted effects, known languages."""

import numpy as np
import pytest
from support.slow_statistics import slow_association

from langscale.core.random import stream
from langscale.statistics.diversity import association, number, shared


def test_association_equals_the_slow_way():
    for i, shape in enumerate([(2, 4), (1, 5), (2, 5, 3)]):
        rng = stream("association", i)
        x, y = rng.integers(0, 3, shape).astype(float), rng.random(shape)
        correlation, slope, p, count = association(x, y, 1000, 0)
        assert (correlation, p) == pytest.approx(slow_association(x, y))
        assert count == [24, 120, 120][i] and np.sign(slope) == np.sign(correlation)
    assert association(np.ones((2, 4)), np.arange(8.0).reshape(2, 4), 100, 0) is None
    drawn = association(x, y, 100, 0)  # fewer than all 120 orders
    assert drawn[3] == 101 and drawn[2] == pytest.approx(p, abs=0.15) and drawn == association(x, y, 100, 0)


def test_no_effect_has_a_large_p_and_a_planted_one_the_smallest():
    found = []
    for i in range(300):
        rng = stream("null", i)
        ladder = rng.standard_normal((1, 6, 1))  # a ladder is good or bad at every n and language
        x = rng.integers(1, 4, (3, 6, 1)) + np.zeros((3, 6, 4))
        found.append(association(x, ladder + 0.3 * rng.standard_normal((3, 6, 4)), 1000, 0)[2])
    assert np.mean(np.array(found) <= 0.05) <= 0.085 and 0.4 < np.mean(found) < 0.6
    x = np.array([[1.0, 2, 3, 2, 4, 1]] * 3)
    correlation, slope, p, _ = association(x, np.array([[0.2], [0.5], [0.6]]) + 0.03 * x, 1000, 0)
    assert correlation == pytest.approx(1) and slope == pytest.approx(0.03)
    assert p == pytest.approx(4 / 720)  # two pairs of ladders are alike


def test_scripts_families_and_the_nearest_language():
    assert number(["en", "de", "ar", "hi"], "script") == 3 and number(["en", "de", "ar", "hi"], "family") == 2
    assert number(["qaa-Latn", "qab-Latn"], "family") == 2  # unknown is not a family
    assert shared("nl", ["ru", "th"]).tolist() == [0, 0, 1, 1 / 3]
    assert shared("uk", ["ru", "en"]).tolist() == [1, 1, 1, 1]
    # script from tr, family from ru: the nearest shares one of the three only
    assert shared("es", ["tr", "ru"]).tolist() == pytest.approx([1, 0, 1, 1 / 3])
