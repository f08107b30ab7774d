"""Arrays in .npy files, against numpy's own reading and writing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from langscale.core import arrays as npy

NUMBERS = st.sampled_from((-1, 0, 1))


def test_a_saved_array_has_the_bytes_of_numpy_and_replaces_the_former(tmp_path):
    file = tmp_path / "folder/a.npy"
    for array in (np.arange(5), np.ones((2, 3), np.float32)):
        npy.save(file, array)
        np.save(tmp_path / "b.npy", array)
        assert file.read_bytes() == (tmp_path / "b.npy").read_bytes()
    assert [path.name for path in file.parent.iterdir()] == ["a.npy"]


@given(arrays(np.float32, st.tuples(st.integers(0, 9), st.integers(0, 3)), elements=NUMBERS), st.data())
@settings(deadline=None)
def test_rows_of_a_file(tmp_path_factory, array, data):
    file = tmp_path_factory.mktemp("rows") / "a.npy"
    np.save(file, array)
    begin = data.draw(st.integers(0, len(array)))
    end = data.draw(st.integers(begin, len(array)))
    found = npy.rows(file, begin, end)
    assert found.dtype == array.dtype and found.shape == array[begin:end].shape
    np.testing.assert_array_equal(found, array[begin:end])
    with pytest.raises(ValueError, match=f"a.npy: rows {begin} to {len(array) + 1}; there are {len(array)}"):
        npy.rows(file, begin, len(array) + 1)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32])
@pytest.mark.parametrize("parts", [[], [0], [3], [1, 0, 1000, 7]])
def test_a_growing_file_has_the_bytes_of_a_saved_one(tmp_path, dtype, parts):
    arrays = [np.arange(n) * (i + 1) for i, n in enumerate(parts)]
    with npy.growing(tmp_path / "grown.npy", dtype) as append:
        for array in arrays:
            append(array)
    np.save(tmp_path / "saved.npy", np.concatenate([np.empty(0), *arrays]).astype(dtype))
    assert (tmp_path / "grown.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()


@pytest.mark.parametrize("n, bytes_", [(1, 1), (128, 1), (129, 2), (32_768, 2), (32_769, 4), (2**31, 4)])
def test_stored_rankings_hold_every_index_and_minus_one(n, bytes_):
    kind = npy.index_type(n)
    assert kind.itemsize == bytes_
    assert np.array([-1, n - 1]).astype(kind).tolist() == [-1, n - 1]
