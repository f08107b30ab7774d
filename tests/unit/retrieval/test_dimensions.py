"""Vectors cut to their first dimensions; tests/unit/models/test_declared.py has the peer."""

import numpy as np
import pytest

from langscale.retrieval.dimensions import cut


def test_a_cut_vector_has_length_one_and_the_direction_of_its_first_numbers():
    vectors = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    found = cut(vectors, 5)
    assert found.shape == (50, 5) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    for row, first in zip(found, vectors[:, :5], strict=True):
        np.testing.assert_allclose(row * np.sqrt((first.astype(float) ** 2).sum()), first, atol=1e-6)


def test_zeros_alone_stay_zeros():
    assert not cut(np.array([[0, 0, 1]], np.float32), 2).any()


@pytest.mark.parametrize("dimensions", [0, -1, 12, 13])
def test_dimensions_that_cut_nothing_off_are_an_error(dimensions):
    with pytest.raises(ValueError, match="of vectors with 12 numbers; fewer are right"):
        cut(np.ones((2, 12), np.float32), dimensions)
