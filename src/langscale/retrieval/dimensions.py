"""Vectors cut to their first dimensions, as Matryoshka embeddings are used (arXiv:2205.13147)."""

import numpy as np


def cut(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """float32 [N, d] to the first `dimensions` numbers of each vector, at length 1 again: [N, dimensions].

    As `truncate_dim` of sentence-transformers with `normalize_embeddings`. A vector that begins with zeros
    alone stays 0. Raises ValueError where nothing would be cut off.
    """
    width = vectors.shape[1]
    if not 0 < dimensions < width:
        raise ValueError(f"{dimensions} dimensions of vectors with {width} numbers; fewer are right")
    first = vectors[:, :dimensions]
    return first / np.maximum(np.linalg.norm(first, axis=1, keepdims=True), np.float32(1e-12))
