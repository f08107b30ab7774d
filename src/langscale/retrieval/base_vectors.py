"""Base vectors: each distinct text of sources and benchmarks embedded once per model, before
normalisation.

The vector of a text depends on its token ids and the model alone. All blocks of one width have one
shape, and in a matrix product of fixed shape a row does not depend on the other rows. So the texts may
come in any order and with any other texts, and several processes may share the work.
"""

import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from tqdm import tqdm

from langscale.data.tokens import Tokens
from langscale.data.vector_store import KEY, Store, token_keys

if TYPE_CHECKING:
    from torch import Tensor, nn

BLOCK = (
    1024  # tokens of a block, padding included: on a CPU what passes between layers should stay in its cache
)
GPU_BLOCK = 65_536
SHARD = 64  # blocks that a killed job loses at most
OF_TEXTS = ("token", "reading.json", "config_sentence_transformers.json")  # ids, prefixes, lengths, prompts
WAIT = 0.1  # seconds between looks at the processes that embed


class Encoder(Protocol):
    """A langscale.models.encoder.Encoder, or another module with padding and pooled vectors."""

    @property
    def padding(self) -> int:
        """Token id that fills up short texts."""

    def pooled(self, input_ids: "Tensor", attention_mask: "Tensor") -> "Tensor":
        """int64 [B, T] ids and mask to float32 [B, d] vectors before normalisation."""

    def eval(self) -> "nn.Module":
        """Turn dropout off."""

    def parameters(self) -> "Iterator[nn.Parameter]":
        """The weights."""


def store_key(digests: Mapping[str, str], values: Any, device: str = "cpu") -> str:
    """Digest of all that base vectors depend on besides token ids, 16 hex: it names the store of a model.

    digests: SHA-256 of the encoder's files by name. Files about texts (OF_TEXTS) do not count, because
    a text is known by its ids. values: JSON, such as the pooling and the code; device: cpu or cuda.
    """
    weights = {
        name: digest
        for name, digest in digests.items()
        if not any(part in name.rpartition("/")[2] for part in OF_TEXTS)
    }
    facts = json.dumps([weights, values, _block(device)], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def embed_missing(
    encoder: Encoder, texts: Sequence[Tokens], store: Store, workers: int = 1, positions: int | None = None
) -> int:
    """Embed the distinct texts without a vector in `store`, and return their number. Finished shards
    survive a kill.

    workers: processes that share the work, each with one torch thread (on a GPU there is always one
    process); positions: longest input of the encoder (None: no limit). Raises RuntimeError where a
    process fails.
    """
    import torch

    encoder.eval()
    device = next(encoder.parameters()).device.type
    shards = _shards(missing(texts, store), texts, _block(device), positions)
    workers = min(workers, len(shards)) if device == "cpu" and sys.platform != "darwin" else 1
    if device == "cpu":
        torch.set_num_threads(1)  # 1 and 2 threads differ in bits
    if workers > 1:
        _fork(encoder, texts, shards, store, workers)
    else:
        for shard in tqdm(shards, unit="shard", disable=None, leave=False):
            _embed(encoder, texts, shard, store)
    return sum(len(np.unique(block.keys)) for shard in shards for block in shard)


def missing(texts: Sequence[Tokens], store: Store) -> dict[bytes, tuple[int, int]]:
    """(number of its Tokens, row) of each distinct text that has no vector in `store`, by key."""
    found: dict[bytes, tuple[int, int]] = {}
    for number, tokens in enumerate(texts):
        keys = token_keys(tokens)
        for row in np.flatnonzero(store.find(keys)[1] < 0).tolist():
            found.setdefault(bytes(keys[row]), (number, row))
    return found


def width(length: int, positions: int | None = None) -> int:
    """Padded length of a text of `length` tokens: the next of 8, 12, .. 32, 40, .. 64, 80, .. 128, 160, ..

    `positions` bounds it.
    """
    step = max(4, 1 << max(0, (length - 1).bit_length() - 3))
    wide = max(8, -(-length // step) * step)
    return wide if positions is None else max(length, min(wide, positions))


@dataclass(frozen=True)
class _Block:
    """Texts that are encoded together: keys S16 [rows], (number of Tokens, row) of each, padded length."""

    keys: np.ndarray
    places: list[tuple[int, int]]
    width: int


def _block(device: str) -> int:
    return BLOCK if device == "cpu" else GPU_BLOCK


def _shards(
    found: dict[bytes, tuple[int, int]], texts: Sequence[Tokens], most: int, positions: int | None
) -> list[list[_Block]]:
    """All texts in blocks of like width, SHARD blocks each. A block that is not full repeats its first
    text.
    """
    wide: dict[int, list[bytes]] = {}
    for key, (number, row) in found.items():
        wide.setdefault(width(int(texts[number].lengths[row]), positions), []).append(key)
    blocks = []
    for size in sorted(wide):
        keys, rows = sorted(wide[size]), max(1, most // size)
        for start in range(0, len(keys), rows):
            part = keys[start : start + rows]
            part += part[:1] * (rows - len(part))
            blocks.append(_Block(np.array(part, dtype=KEY), [found[key] for key in part], size))
    return [blocks[start : start + SHARD] for start in range(0, len(blocks), SHARD)]


def _embed(
    encoder: Encoder, texts: Sequence[Tokens], shard: list[_Block], store: Store, parent: int | None = None
) -> None:
    """Write the vectors of one shard; end where `parent`, the process that started this one, has ended."""
    import torch

    device, made = next(encoder.parameters()).device, []
    for block in shard:
        ids = np.full((len(block.keys), block.width), encoder.padding, dtype=np.int64)
        mask = np.zeros_like(ids)
        for place, (number, row) in enumerate(block.places):
            text = texts[number][row]
            ids[place, : len(text)], mask[place, : len(text)] = text, 1
        with torch.inference_mode():
            made.append(
                encoder.pooled(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))
                .cpu()
                .numpy()
            )
        if parent not in (None, os.getppid()):
            raise SystemExit("the process that shares out the work has ended")
    keys, first = np.unique(np.concatenate([block.keys for block in shard]), return_index=True)
    store.add(keys, np.concatenate(made)[first])


def _fork(
    encoder: Encoder, texts: Sequence[Tokens], shards: list[list[_Block]], store: Store, workers: int
) -> None:
    """Embed the shards in several processes, which share the memory of the weights."""
    parent = os.getpid()

    def work(mine: Iterable[list[_Block]]) -> None:
        for shard in mine:
            _embed(encoder, texts, shard, store, parent)

    context, before = multiprocessing.get_context("fork"), len(store.names())
    processes = [context.Process(target=work, args=(shards[i::workers],)) for i in range(workers)]
    for process in processes:
        process.start()
    try:
        with tqdm(total=len(shards), unit="shard", disable=None, leave=False) as bar:
            while any(process.is_alive() for process in processes):
                bar.update(len(store.names()) - before - bar.n)
                if any(process.exitcode for process in processes):
                    break
                time.sleep(WAIT)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"{store.folder}: a process that embeds has failed; its error is above")
