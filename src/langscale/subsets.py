"""Language subsets: for one set of training languages, where every pair stands in the tables of every source."""

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from langscale.errors import UserError
from langscale.files import atomic
from langscale.streams import key


@dataclass(frozen=True)
class Subset:
    """The P pairs of one part of a source in n languages, in hash order of their ids, so a prefix is a fair sample.

    queries: int32 [P, n], row in the pairs table; positives: int32 [P, n], row in the passages table; negatives:
    int32 [P, h, n], the same for hard negatives; each -1 where the language lacks it. passage: int32 [P] and
    negative_passage: int32 [P, h] number the passage ids, language-free (-1: none). whole: bool [P], query and
    positive exist in every language of the pool.
    """

    name: str
    queries: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    passage: np.ndarray
    negative_passage: np.ndarray
    whole: np.ndarray

    def take(self, whole_pool: bool, pairs: int | None = None, share: int = 1) -> "Subset":
        """The pairs of a budget: the first `pairs` (None: all) of those allowed, then the first 1/share of these.

        Raises UserError where the source has fewer pairs than asked for.
        """
        rows = np.flatnonzero(self.whole) if whole_pool else np.flatnonzero((self.queries >= 0).any(1))
        if pairs is not None and pairs > len(rows):
            raise UserError(
                f"budgets: pairs: {pairs} asked for, {self.name} has {len(rows)} in these languages"
            )
        rows = rows[: (len(rows) if pairs is None else pairs) // share]
        fields = ("queries", "positives", "negatives", "passage", "negative_passage", "whole")
        return Subset(self.name, *(getattr(self, field)[rows] for field in fields))

    @property
    def available(self) -> np.ndarray:
        """bool [P, n]: the pair has a query and a positive passage in the language."""
        return (self.queries >= 0) & (self.positives >= 0)

    @classmethod
    def load(cls, folder: str | Path, source: str, part: str) -> "Subset":
        """Memory-mapped, as `write` left it."""
        path = Path(folder) / source / part
        fields = ("queries", "positives", "negatives", "passage", "negative_passage", "whole")
        return cls(source, *(np.load(path / f"{field}.npy", mmap_mode="r") for field in fields))


def build(
    name: str,
    pairs: pd.DataFrame,
    passages: pd.DataFrame,
    languages: Sequence[str],
    pool: Sequence[str],
    hard: int,
    without: Set[str] = frozenset(),
) -> Subset:
    """Index one part of a source; `pairs` and `passages` are its tables, `hard` the most hard negatives per pair.

    The pair ids in `without` are left out. The rows are those of the whole tables all the same.
    """
    languages = sorted(languages)
    ids = sorted(set(pairs["pair_id"]) - without, key=lambda pair: (key("pair", pair), pair))
    queries = _matrix(pairs, "pair_id", ids, languages)

    numbers = pd.Index(sorted(passages["passage_id"].unique()))
    where = np.vstack([_matrix(passages, "passage_id", numbers, languages), np.full((1, len(languages)), -1)])
    once = pairs.drop_duplicates("pair_id").set_index("pair_id").loc[ids]
    passage = numbers.get_indexer(once["passage_id"])
    asked = (_matrix(pairs, "pair_id", ids, pool) >= 0).all(1)
    answered = (_matrix(passages, "passage_id", numbers, pool) >= 0).all(1)
    lists = [list(negatives)[:hard] for negatives in once["negative_ids"]]
    width = max(map(len, lists), default=0)
    flat = [n for negatives in lists for n in negatives + [None] * (width - len(negatives))]
    negative_passage = numbers.get_indexer(pd.Index(flat, dtype=object)).reshape(len(ids), width)
    return Subset(
        name,
        queries.astype(np.int32),
        where[passage].astype(np.int32),
        where[negative_passage].astype(np.int32),
        passage.astype(np.int32),
        negative_passage.astype(np.int32),
        asked & answered[passage] & (passage >= 0),
    )


def _matrix(table: pd.DataFrame, column: str, ids: Sequence[str], languages: Sequence[str]) -> np.ndarray:
    """Row number of every (id, language), -1 where there is none."""
    rows = np.full((len(ids), len(languages)), -1, dtype=np.int64)
    i = pd.Index(ids).get_indexer(table[column])
    j = pd.Index(languages).get_indexer(table["language"])
    known = (i >= 0) & (j >= 0)
    rows[i[known], j[known]] = np.flatnonzero(known)
    return rows


def write(folder: str | Path, subsets: dict[tuple[str, str], Subset], languages: Sequence[str]) -> None:
    """Save the subsets by (source, part), with a summary that a person can read."""
    summary: dict = {"languages": sorted(languages), "sources": {}}
    with atomic(folder) as partial:
        for (source, part), subset in subsets.items():
            path = partial / source / part
            path.mkdir(parents=True)
            for field, array in vars(subset).items():
                if field != "name":
                    np.save(path / f"{field}.npy", array)
            counts = dict(zip(sorted(languages), subset.available.sum(0).tolist(), strict=True))
            summary["sources"].setdefault(source, {})[part] = {
                "pairs": len(subset.queries),
                "in_whole_pool": int(subset.whole.sum()),
                "by_language": counts,
            }
        (partial / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
