"""Vectors by any encoder, of the user's own: the texts that have to be embedded, and what comes back.

`write_texts` writes JSON lines with id, role, language and text, prefix included. `read_vectors` takes
a folder with parquet files (columns id and vector), or with vectors.npy [N, d] and ids.txt, an id in
each line.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from langscale.core.errors import UserError
from langscale.core.files import atomic
from langscale.data.vector_store import keys

ROLES = ("query", "passage")


def text_keys(role: str, prefix: str, texts: Iterable[str]) -> np.ndarray:
    """S16 [N], the content of each text as an encoder gets it: its role and the text with the prefix."""
    return keys(f"{role}\n{prefix}{text}".encode() for text in texts)


def text_id(key: bytes) -> str:
    """The id of a text in files: 32 hex digits."""
    return key.ljust(16, b"\0").hex()


def write_texts(file: str | Path, texts: Iterable[tuple[str, str, str, str]]) -> int:
    """Write the distinct texts of (role, language, prefix, text) as JSON lines, and return their number.

    A text in several languages stands once, with its first language.
    """
    seen = set()
    with atomic(file) as partial, partial.open("w", encoding="utf-8") as out:
        for role, language, prefix, text in texts:
            (key,) = text_keys(role, prefix, [text])
            if key not in seen:
                seen.add(key)
                row = {"id": text_id(key), "role": role, "language": language, "text": prefix + text}
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return len(seen)


def read_vectors(folder: str | Path, wanted: np.ndarray) -> np.ndarray:
    """float32 [N, d], the vectors of the texts with keys `wanted`, S16 [N]; vectors of other texts are
    passed over.

    Raises UserError, one line, for a missing folder or file, a text without a vector, an id with two
    vectors, vectors of unequal length, and a vector with a number that is not finite or with zeros
    alone.
    """
    folder = Path(folder)
    places = {text_id(key): i for i, key in enumerate(wanted)}
    found, length, origin = np.full(len(wanted), -1), 0, ""
    vectors = np.empty((0, 0), dtype=np.float32)
    for file, name, vector in _rows(folder):
        place = places.get(name)
        if place is None:
            continue
        if found[place] >= 0:
            raise UserError(f"{file}: two vectors with id {name}; right: one for each id")
        if not length:
            length, origin = len(vector), name
            vectors = np.empty((len(wanted), length), dtype=np.float32)
        if len(vector) != length:
            raise UserError(
                f"{file}: id {name} has {len(vector)} numbers, and id {origin} {length}; right: one length"
            )
        if not np.isfinite(vector).all():
            raise UserError(f"{file}: id {name} has a number that is not finite; right: numbers alone")
        if not vector.any():
            raise UserError(
                f"{file}: id {name} has zeros alone, which have no direction; embed its text again"
            )
        vectors[place] = vector
        found[place] = place
    lacking = [text_id(key) for key in wanted[found < 0]]
    if lacking:
        raise UserError(
            f"{folder}: {len(lacking)} of {len(wanted)} texts have no vector, such as id {lacking[0]}; "
            "`snakemake texts` writes all texts with their ids"
        )
    return vectors


def _rows(folder: Path) -> Iterator[tuple[Path, str, np.ndarray]]:
    """(file, id, vector) of all rows."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; models.<name>.vectors names one with vectors")
    parquet = sorted(folder.glob("*.parquet"))
    array, ids = folder / "vectors.npy", folder / "ids.txt"
    if parquet:
        for file in parquet:
            yield from _of_parquet(file)
    elif array.is_file() and ids.is_file():
        yield from _of_npy(array, ids)
    else:
        names = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise UserError(f"{folder}: found {names}; right: *.parquet, or vectors.npy and ids.txt")


def _of_parquet(file: Path) -> Iterator[tuple[Path, str, np.ndarray]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise UserError(f"{file}: no parquet file ({error})") from None
    columns = table.schema_arrow.names
    if not {"id", "vector"} <= set(columns):
        raise UserError(f"{file}: has columns {', '.join(columns)}; right: id and vector")
    for batch in table.iter_batches(8192, columns=["id", "vector"]):
        names, column = batch.column("id").to_pylist(), batch.column("vector")
        if not pa.types.is_floating(getattr(column.type, "value_type", column.type)):
            raise UserError(f"{file}: column vector is {column.type}; right: a list of floats in each row")
        for name, vector in zip(names, column, strict=True):
            values = vector.values
            if values is None or values.null_count:
                raise UserError(f"{file}: id {name} has an empty vector or number; right: numbers alone")
            yield file, str(name), values.to_numpy(zero_copy_only=False)


def _of_npy(array: Path, ids: Path) -> Iterator[tuple[Path, str, np.ndarray]]:
    try:
        vectors = np.load(array, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise UserError(f"{array}: no array of numbers ({error})") from None
    names = ids.read_text(encoding="utf-8").split()
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or len(vectors) != len(names):
        raise UserError(
            f"{array}: {vectors.dtype} {list(vectors.shape)} beside {len(names)} ids in {ids.name}; "
            "right: floats [N, d] and N ids"
        )
    for name, vector in zip(names, vectors, strict=True):
        yield array, name, vector
