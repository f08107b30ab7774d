"""Vectors of a benchmark through the adapters of runs, from base vectors that are read once."""

from functools import cache
from pathlib import Path

import numpy as np

from langscale.data.vector_store import Store, Vectors
from langscale.models.adapter import Adapter


class AdaptedVectors:
    """Vectors of benchmarks in a folder of base vectors, for one adapter after another."""

    def __init__(self, store: str | Path) -> None:
        """`store`: folder of the base vectors of all models."""
        self.store = store
        self._read = cache(self._load)

    def of(self, checkpoint: Path | None, index: Path) -> tuple[np.ndarray, np.ndarray]:
        """Unit vectors of queries [Q, d] and candidates [N, d].

        checkpoint: folder of an adapter, None for the encoder before training. index: folder of the
        benchmark's base vectors. Raises UserError for a store that was deleted.
        """
        adapter = Adapter.load(checkpoint) if checkpoint else Adapter()
        queries, candidates = (self._read(index / side) for side in ("questions", "candidates"))
        return (
            adapter.apply(queries.table, "query")[queries.rows],
            adapter.apply(candidates.table, "passage")[candidates.rows],
        )

    def _load(self, folder: Path) -> Vectors:
        return Vectors.load(folder, Store.of(folder, self.store))
