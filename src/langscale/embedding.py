"""Embeddings of all texts of a benchmark by one checkpoint."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from langscale.files import atomic, sha256
from langscale.tokens import Tokens

# tokens that are encoded together, padding included: on a CPU what passes between layers should stay in its cache
BLOCK = 4096
GPU_BLOCK = 65_536
SIDES = ("questions", "candidates")
CONFIGS = ("config.json", "1_Pooling/config.json")
DENSE = ("2_Dense/config.json", "2_Dense/model.safetensors")  # where the pooling has a dense layer
CODE = ("embedding.py", "encoder.py", "tokens.py")


def embed(encoder, tokens: Tokens) -> np.ndarray:
    """float32 [N, d] unit vectors of all texts, by an `encoder.Encoder` in its place of computing.

    Distinct token sequences are encoded once, in `blocks`, so a vector depends on the set of texts and not on their
    order.
    """
    import torch

    encoder.eval()
    device = next(encoder.parameters()).device
    first, inverse = tokens.distinct()
    vectors = None
    with torch.inference_mode():
        for rows in blocks(tokens, first, BLOCK if device.type == "cpu" else GPU_BLOCK):
            ids, mask = (torch.from_numpy(a).to(device) for a in tokens.padded(rows, encoder.padding))
            block = encoder(ids, mask).cpu().numpy()
            if vectors is None:
                vectors = np.empty((len(tokens), block.shape[1]), dtype=np.float32)
            vectors[rows] = block
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


def embed_benchmark(encoder, tokens: str | Path) -> dict[str, np.ndarray]:
    """Vectors of a benchmark's questions and candidates; `tokens` is its folder of tokens."""
    return {side: embed(encoder, Tokens.load(Path(tokens) / side)) for side in SIDES}


def save(folder: str | Path, vectors: dict[str, np.ndarray]) -> None:
    """Write questions.npy and candidates.npy."""
    with atomic(folder) as partial:
        partial.mkdir()
        for side, array in vectors.items():
            np.save(partial / f"{side}.npy", array)


def left_key(weights: str | Path, tokens: str | Path) -> str:
    """What embeddings depend on: bytes of weights and configs, token ids and code, as 16 hex."""
    digest = hashlib.sha256(sha256(weights).encode())
    folder = Path(weights).parent
    for name in (*CONFIGS, *(name for name in DENSE if (folder / name).exists())):
        digest.update((folder / name).read_bytes())
    for side in SIDES:
        digest.update(json.loads((Path(tokens) / side / "meta.json").read_text())["key"].encode())
    for name in CODE:
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()[:16]


def left_folder(checkpoint: str | Path, tokens: str | Path) -> Path:
    """Where training leaves a checkpoint's embeddings, beside it, for the embed rule to take without torch."""
    checkpoint = Path(checkpoint)
    key = left_key(checkpoint / "model.safetensors", tokens)
    return checkpoint.parent / ".left" / f"{checkpoint.name}-{key}"


def leave(encoder, checkpoint: str | Path, tokens: str | Path) -> None:
    """Embed a benchmark with a checkpoint that is in memory, and leave the vectors at `left_folder`."""
    save(left_folder(checkpoint, tokens), embed_benchmark(encoder, tokens))
