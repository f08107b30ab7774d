"""Arrays in .npy files: saved whole, read in part, or written row by row."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from langscale.core.files import atomic


def save(path: str | Path, array: np.ndarray) -> None:
    """Write a .npy file that is complete when it exists."""
    with atomic(path) as partial, partial.open("wb") as file:
        np.save(file, array)


def rows(file: str | Path, begin: int, end: int) -> np.ndarray:
    """Rows begin to end of the array in a .npy file, read-only; only this part of the file is mapped into
    memory.

    Raises ValueError for rows that the array does not have.
    """
    with Path(file).open("rb") as opened:
        np.lib.format.read_magic(opened)
        shape, _, dtype = np.lib.format.read_array_header_1_0(opened)
        if not 0 <= begin <= end <= shape[0]:
            raise ValueError(f"{file}: rows {begin} to {end}; there are {shape[0]}")
        shape, size = (int(end - begin), *shape[1:]), int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
        if not shape[0]:  # nothing cannot be mapped
            return np.empty(shape, dtype)
        return np.memmap(opened, dtype, "r", opened.tell() + int(begin) * size, shape)


@contextmanager
def growing(file: str | Path, dtype: type) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends to a one-dimensional array in a new .npy file.

    The file has the bytes of np.save: numpy leaves room in the header for any number of rows.
    """
    facts = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
    count = 0

    def header() -> None:
        opened.seek(0)
        np.lib.format.write_array_header_1_0(opened, facts | {"shape": (count,)})

    def append(values: np.ndarray) -> None:
        nonlocal count
        count += len(values)
        opened.write(np.ascontiguousarray(values, dtype).data)

    with Path(file).open("wb") as opened:
        header()
        yield append
        header()


def index_type(size: int) -> np.dtype:
    """The smallest signed integers that hold -1 and every index below `size`, as in stored rankings."""
    return np.min_scalar_type(-size)
