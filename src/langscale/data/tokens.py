"""Texts as token ids, made once per model and data set, in flat memory-mapped arrays.

Training and embedding start without a tokenizer, and no text is tokenised twice.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from langscale.core.arrays import growing, rows
from langscale.core.files import atomic
from langscale.data.visible import visible

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHUNK = 10_000
ARRAYS = {"ids": np.int32, "offsets": np.int64, "fingerprints": np.int64}


def fingerprint(text: str) -> int:
    """64-bit hash of the normalised text: equal texts have equal numbers.

    Normalised: without invisible characters, NFKC, case-folded, white space collapsed. A document of a batch
    with the text of the positive is no negative (docs/METHOD.md, Loss).
    """
    plain = " ".join(unicodedata.normalize("NFKC", visible(text)).casefold().split())
    return int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=8).digest(), "little", signed=True)


@dataclass(frozen=True)
class Tokens:
    """Token ids of N texts: text i is `ids[offsets[i]:offsets[i + 1]]`, with prefix and special tokens.

    ids: int32 [total].
    offsets: int64 [N + 1].
    fingerprints: int64 [N] of the texts without prefix.
    """

    ids: np.ndarray
    offsets: np.ndarray
    fingerprints: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        """Token ids of one text."""
        return self.ids[self.offsets[row] : self.offsets[row + 1]]

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens per text, int64 [N]."""
        return np.diff(self.offsets)

    def flat(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(Ids of the texts at `rows` in a row, int32 [total]; their lengths, int64 [len(rows)])."""
        lengths = self.lengths[rows]
        starts = np.repeat(self.offsets[rows] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        return self.ids[starts + np.arange(len(starts))], lengths

    def padded(self, rows: np.ndarray, pad: int) -> tuple[np.ndarray, np.ndarray]:
        """(Ids, attention mask), both int64 [len(rows), longest], of the texts at `rows`."""
        starts, lengths = self.offsets[rows], self.lengths[rows]
        position = np.arange(lengths.max())
        mask = position < lengths[:, None]
        ids = np.full(mask.shape, pad, dtype=np.int64)
        ids[mask] = self.ids[(starts[:, None] + position)[mask]]
        return ids, mask.astype(np.int64)

    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """(First, inverse): rows of the distinct sequences by first appearance; sequence of each text."""
        seen: dict[bytes, int] = {}
        first: list[int] = []
        inverse = np.empty(len(self), dtype=np.int64)
        for row in range(len(self)):
            key = self[row].tobytes()
            if key not in seen:
                seen[key] = len(first)
                first.append(row)
            inverse[row] = seen[key]
        return np.array(first, dtype=np.int64), inverse

    @classmethod
    def load(cls, folder: str | Path) -> "Tokens":
        """The arrays of `tokenise`, memory-mapped."""
        return cls(*(np.load(Path(folder) / f"{name}.npy", mmap_mode="r") for name in ARRAYS))

    @classmethod
    def part(cls, folder: str | Path, begin: int, end: int) -> "Tokens":
        """Texts begin to end of the arrays of `tokenise`, in memory."""
        ids, offsets, prints = (Path(folder) / f"{name}.npy" for name in ARRAYS)
        places = rows(offsets, begin, end + 1)
        return cls(rows(ids, places[0], places[-1]), places - places[0], rows(prints, begin, end))


def tokenise(
    folder: str | Path,
    texts: Iterable[str],
    tokenizer: "PreTrainedTokenizerBase",
    prefix: str,
    length: int,
) -> None:
    """Write `Tokens` of `texts` to `folder`, cut at `length` tokens. The texts are read in chunks.

    tokenizer: a fast transformers tokenizer. Its special tokens are added.
    """
    total = 0
    with atomic(folder) as partial, ExitStack() as files:
        partial.mkdir()
        ids, offsets, prints = (
            files.enter_context(growing(partial / f"{name}.npy", dtype)) for name, dtype in ARRAYS.items()
        )
        offsets(np.zeros(1))
        for chunk in chunks(texts):
            encoded = tokenizer([prefix + text for text in chunk], truncation=True, max_length=length)[
                "input_ids"
            ]
            flat = np.fromiter((i for text in encoded for i in text), dtype=np.int32)
            ids(flat)
            offsets(total + np.cumsum([len(text) for text in encoded], dtype=np.int64))
            prints(np.array([fingerprint(text) for text in chunk], dtype=np.int64))
            total += len(flat)


def chunks(texts: Iterable[str], size: int = CHUNK) -> Iterable[Sequence[str]]:
    """Lists of at most `size` texts, in order."""
    chunk = []
    for text in texts:
        chunk.append(text)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
