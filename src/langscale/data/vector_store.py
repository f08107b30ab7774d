"""Base vectors of texts, in a store that all runs and studies of a model share.

A base vector is the pooled output of a frozen encoder before normalisation. The store of a model is a
folder of shards, each complete when it exists: `keys.npy` (16 bytes per text) and `vectors.npy`
(float32 [n, d]). An index says where the vectors of a list of texts lie; it has the digests of all
shards that it needs.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from langscale.core.arrays import save
from langscale.core.errors import UserError
from langscale.core.files import atomic, sha256, write_json
from langscale.data.tokens import Tokens

KEY = "S16"
"""numpy type of a key. It hides zero bytes at the end, which changes nothing between keys of equal length."""


def token_keys(tokens: Tokens) -> np.ndarray:
    """S16 [N], the content of each text as an encoder sees it: a hash of its token ids."""
    return keys(np.ascontiguousarray(tokens[row], np.int32).tobytes() for row in range(len(tokens)))


def keys(contents: Iterable[bytes]) -> np.ndarray:
    """S16 [N], a hash of each content."""
    return np.array([hashlib.blake2b(part, digest_size=16).digest() for part in contents], dtype=KEY)


@dataclass(frozen=True)
class Vectors:
    """Base vectors of N texts: text i has `table[rows[i]]`.

    table: float32 [distinct, d]; rows: int64 [N]; fingerprints: int64 [N], hashes of the normalised texts.
    """

    table: np.ndarray
    rows: np.ndarray
    fingerprints: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def width(self) -> int:
        """Numbers per vector."""
        return int(self.table.shape[1])

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Base vectors float32 [n, d] of the texts at `rows` [n]."""
        return self.table[self.rows[rows]]

    @classmethod
    def load(cls, index: str | Path, store: "Store") -> "Vectors":
        """The texts of an index that `write_index` wrote.

        Raises UserError where a shard is missing from the store or does not have the content that the
        index names.
        """
        folder = Path(index)
        facts = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        places, inverse = np.unique(np.load(folder / "places.npy"), return_inverse=True)
        table = np.empty((len(places), facts["width"]), dtype=np.float32)
        shard, row = places >> 32, places & 0xFFFFFFFF
        for number, (name, digest) in enumerate(facts["shards"]):
            here = shard == number
            table[here] = store.vectors(name, digest)[row[here]]
        return cls(table, inverse, np.load(folder / "fingerprints.npy"))


class Store:
    """The base vectors of one model in `folder`."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @classmethod
    def of(cls, index: str | Path, root: str | Path) -> "Store":
        """The store of an index, below the folder of all stores; the index names it in its fact `store`."""
        facts = json.loads((Path(index) / "index.json").read_text(encoding="utf-8"))
        return cls(Path(root) / facts["store"])

    def names(self) -> list[str]:
        """Names of the shards, sorted."""
        return sorted(path.parent.name for path in self.folder.glob("[!.]*/keys.npy"))

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> str:
        """Write a shard of keys S16 [n] and vectors [n, d]. Returns its name, a hash of the keys."""
        name = hashlib.sha256(np.ascontiguousarray(keys, KEY).tobytes()).hexdigest()[:16]
        with atomic(self.folder / name) as partial:
            partial.mkdir()
            save(partial / "keys.npy", keys.astype(KEY))
            save(partial / "vectors.npy", vectors.astype(np.float32))
        return name

    def vectors(self, name: str, digest: str | None = None) -> np.ndarray:
        """float32 [n, d] of a shard, memory-mapped.

        Raises UserError where it is missing, or where its SHA-256 is not `digest` (None: not checked).
        """
        file = self.folder / name / "vectors.npy"
        found = sha256(file) if digest and file.is_file() else digest
        if not file.is_file() or found != digest:
            what = f"SHA-256 {found}, not {digest}" if file.is_file() else "missing"
            raise UserError(f"{file}: {what}; delete {self.folder}, so that its base vectors are made again")
        return np.load(file, mmap_mode="r")

    def find(self, keys: np.ndarray) -> tuple[list[str], np.ndarray]:
        """(names of all shards, place int64 [N] of each key: shard << 32 | row, -1 where there is none)."""
        names = self.names()
        held = [np.load(self.folder / name / "keys.npy") for name in names]
        places = [(shard << 32) + np.arange(len(part)) for shard, part in enumerate(held)]
        if not held:
            return [], np.full(len(keys), -1, dtype=np.int64)
        known, where = np.concatenate(held), np.concatenate(places)
        order = np.argsort(known, kind="stable")
        at = np.searchsorted(known[order], keys).clip(max=len(known) - 1)
        found = order[at]
        return names, np.where(known[found] == keys, where[found], -1)


def write_index(
    folder: str | Path, keys: np.ndarray, fingerprints: np.ndarray, store: Store, facts: dict[str, object]
) -> None:
    """Write where the store has the vectors of N texts: `index.json`, `places.npy` and `fingerprints.npy`.

    keys: S16 [N]; fingerprints: int64 [N]; facts: for index.json. Raises KeyError for a key without a vector.
    """
    names, places = store.find(keys)
    if (places < 0).any():
        raise KeyError(f"{int((places < 0).sum())} of {len(places)} texts have no vector in {store.folder}")
    used = np.unique(places >> 32)
    shards = [(names[number], sha256(store.folder / names[number] / "vectors.npy")) for number in used]
    widths = {int(store.vectors(name).shape[1]) for name, _ in shards}
    numbers = np.searchsorted(used, places >> 32)
    with atomic(folder) as partial:
        partial.mkdir()
        save(partial / "places.npy", (numbers << 32) + (places & 0xFFFFFFFF))
        save(partial / "fingerprints.npy", np.asarray(fingerprints, dtype=np.int64))
        write_json(
            partial / "index.json",
            {**facts, "shards": shards, "texts": len(keys), "width": max(widths, default=0)},
        )
