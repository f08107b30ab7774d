"""Embeddings of all texts of a benchmark by one checkpoint."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from langscale.core import arrays
from langscale.core.files import atomic
from langscale.data.tokens import Tokens

if TYPE_CHECKING:
    import torch

BLOCK = 1024
"""Tokens that are encoded together, padding included: on a CPU the activations should stay in its cache."""
GPU_BLOCK = 65_536
SHARD = 64
"""Blocks that a killed embedding loses at most: half a minute with a base model."""
SIDES = ("questions", "candidates")


class Encoder(Protocol):
    """The interface of an encoder to embedding. `langscale.models.encoder.Encoder` has it.

    Called with token ids and mask [B, T] it gives float32 unit vectors [B, d].
    """

    padding: int

    def __call__(self, ids: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        """Unit vectors of texts."""
        ...

    def eval(self) -> Any:
        """Turn dropout off."""
        ...

    def parameters(self) -> "Iterator[torch.Tensor]":
        """The weights, whose device is that of the computation."""
        ...


def embed(encoder: Encoder, tokens: Tokens, state: Path | None = None) -> np.ndarray:
    """Unit vectors of all texts, float32 [N, d], on the device of the encoder.

    Distinct token sequences are encoded once, in `blocks`, so a vector depends on the set of texts and not on
    their order.

    Args:
        encoder: it is switched to evaluation.
        tokens: token ids of N texts.
        state: folder for the vectors of every SHARD blocks. A stopped embedding goes on from there. Its name
            must identify the texts and the encoder, and it stays afterwards.

    Raises:
        ValueError: if there are no texts.
    """
    import torch

    encoder.eval()
    device = next(encoder.parameters()).device
    most = BLOCK if device.type == "cpu" else GPU_BLOCK
    first, inverse = tokens.distinct()

    def encoded(rows: np.ndarray) -> np.ndarray:
        ids, mask = (torch.from_numpy(a).to(device) for a in tokens.padded(rows, encoder.padding))
        return encoder(ids, mask).cpu().numpy()

    left = blocks(tokens, first, most)
    vectors: np.ndarray | None = None
    with torch.inference_mode():
        for number, shard in enumerate(iter(lambda: list(islice(left, SHARD)), [])):
            kept = state and state / f"{number}-of-{most}.npy"
            if kept and kept.exists():
                made = np.load(kept)
            else:
                made = np.concatenate([encoded(rows) for rows in shard])
                if kept and len(shard) == SHARD:
                    arrays.save(kept, made)
            if vectors is None:
                vectors = np.empty((len(tokens), made.shape[1]), dtype=np.float32)
            vectors[np.concatenate(shard)] = made
    if vectors is None:
        raise ValueError("there are no texts to embed")
    return vectors[first[inverse]]


def blocks(tokens: Tokens, rows: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """The texts at `rows` in blocks of at most `most` tokens, padding included, or of a single text.

    They are sorted by token count, then by the ids.
    """
    order = np.array(sorted(rows, key=lambda row: (tokens.lengths[row], tokens[row].tobytes())))
    lengths, start = tokens.lengths[order], 0
    while start < len(order):
        padded = np.arange(1, min(most, len(order) - start) + 1)
        padded *= lengths[start : start + len(padded)]
        size = max(1, int(np.searchsorted(padded, most, side="right")))
        yield order[start : start + size]
        start += size


def embed_benchmark(encoder: Encoder, folder: str | Path, tokens: str | Path, state: Path) -> None:
    """Write questions.npy and candidates.npy, the vectors of a benchmark, to `folder`.

    A killed embedding goes on from `state`, see `embed`. `tokens` is the benchmark's folder of tokens.
    Vectors depend on torch's number of threads.
    """
    with atomic(folder) as partial:
        partial.mkdir()
        for side in SIDES:
            arrays.save(
                partial / f"{side}.npy", embed(encoder, Tokens.load(Path(tokens) / side), state / side)
            )
