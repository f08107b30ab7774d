"""Embeddings of all texts of a benchmark by one checkpoint."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from langscale.core import arrays
from langscale.core.files import atomic
from langscale.data.tokens import Tokens

# tokens that are encoded together, padding included: on a CPU what passes between layers should stay in its cache
BLOCK = 1024
GPU_BLOCK = 65_536
SHARD = 64  # blocks that a killed embedding loses at most: half a minute with a base model on its hardware
SIDES = ("questions", "candidates")


def embed(encoder, tokens: Tokens, state: Path | None = None) -> np.ndarray:
    """float32 [N, d] unit vectors of all texts, by an `encoder.Encoder` in its place of computing.

    Distinct token sequences are encoded once, in `blocks`, so a vector depends on the set of texts and not on their
    order. `state`: a folder that gets the vectors of every SHARD blocks, from which an embedding that was stopped
    goes on; its name must say what is embedded. It stays.
    """
    import torch

    encoder.eval()
    device = next(encoder.parameters()).device
    most = BLOCK if device.type == "cpu" else GPU_BLOCK
    first, inverse = tokens.distinct()

    def encoded(rows: np.ndarray) -> np.ndarray:
        ids, mask = (torch.from_numpy(a).to(device) for a in tokens.padded(rows, encoder.padding))
        return encoder(ids, mask).cpu().numpy()

    vectors, left = None, blocks(tokens, first, most)
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


def embed_benchmark(encoder, folder: str | Path, tokens: str | Path, state: Path) -> None:
    """Write questions.npy and candidates.npy, the vectors of a benchmark, to `folder`; goes on where it was killed.

    `tokens`: the benchmark's folder of tokens; `state`: see `embed`. Vectors depend on torch's number of threads.
    """
    with atomic(folder) as partial:
        partial.mkdir()
        for side in SIDES:
            arrays.save(
                partial / f"{side}.npy", embed(encoder, Tokens.load(Path(tokens) / side), state / side)
            )
