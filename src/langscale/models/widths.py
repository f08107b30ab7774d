"""How many numbers the vectors of a model have, by config and folder, without the weights."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from langscale.config.model import Model
from langscale.models import known

MODULES = "modules.json"


def width(model: Model) -> int | None:
    """Numbers of a vector before anything is downloaded; None if only the `base` folder of the model has it.

    From the folder `path` or `vectors`, the record of the hub id or bundled encoder, or `architecture`.
    """
    if model.path is not None:
        return of_folder(model.path, model.pooling)
    if model.vectors is not None:
        return _of_vectors(Path(model.vectors))
    if model.architecture is not None:
        return _hidden(model.architecture)
    record = known.encoder(model.known_as)
    return record.hidden if record else None


def too_wide(key: str, dimensions: Sequence[int], width: int | None) -> list[str]:
    """A line behind `key` for the first of the dimensions that cuts nothing off `width` numbers."""
    wide = [k for k in dimensions if width is not None and k >= width]
    return [f"{key}: found {k}; its vectors have {width} numbers, fewer are right" for k in wide[:1]]


def of_folder(folder: str | Path, pooling: str | None = None) -> int | None:
    """Numbers of a vector from the files of a checkpoint: its last Dense, else its Pooling, else config.json.

    pooling: of the config, which goes before that of the folder. None if the folder has no width.
    """
    folder = Path(folder)
    modules = _read(folder / MODULES)
    paths = [(str(one.get("type")), str(one.get("path"))) for one in modules or ()]
    dense = [path for kind, path in paths if kind.endswith(".Dense")]
    if not modules and pooling == "cls-dense":
        dense = ["2_Dense"]
    if dense:
        return _number((_read(folder / dense[-1] / "config.json") or {}).get("out_features"))
    for path in [path for kind, path in paths if kind.endswith(".Pooling")]:
        fields = _read(folder / path / "config.json") or {}
        # the second name is older, and sentence-transformers reads it too
        found = _number(fields.get("embedding_dimension", fields.get("word_embedding_dimension")))
        return found and found * (1 if pooling else _modes(fields))
    return _hidden(_read(folder / "config.json") or {})


def _modes(pooling: Mapping[str, Any]) -> int:
    """How many ways of pooling stand beside each other in a vector; older files have a flag for each way."""
    modes = pooling.get("pooling_mode")
    if isinstance(modes, list):
        return len(modes)
    flags = [name for name, value in pooling.items() if name.startswith("pooling_mode_") and value is True]
    return max(1, len(flags))


def _hidden(config: Mapping[str, Any]) -> int | None:
    """The width of a transformers config, if it is under the usual name."""
    return _number(config.get("hidden_size", (config.get("text_config") or {}).get("hidden_size")))


def _number(found: Any) -> int | None:
    return found if isinstance(found, int) else None


def _of_vectors(folder: Path) -> int | None:
    """The width of the user's vectors, from one row; None before there are any, or where they are damaged."""
    parquet = sorted(folder.glob("*.parquet"))
    try:
        if parquet:
            import pyarrow.parquet as pq

            batch = next(pq.ParquetFile(parquet[0]).iter_batches(1, columns=["vector"]))
            return len(batch.column("vector")[0])
        if (folder / "vectors.npy").is_file():
            return int(np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False).shape[1])
    except (ValueError, TypeError, KeyError, IndexError, StopIteration, OSError):
        pass  # the job that reads all of them names the mistake
    return None


def _read(file: Path) -> Any:
    """The content of a JSON file; None where there is none, or it is damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
