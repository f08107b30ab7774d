"""Common parts of the readers of training sets: parts, samples and the two tables.

A reader has `build(part, languages, raw, pairs, seed)`, with `raw` the folder of fetched files. Languages
outside a set are skipped, because a pool may be larger than a set. A set with none of the languages is an
error. The choice of pairs depends on no language, so the tables of several languages are the tables of each
language, one below the other.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from langscale.core.errors import UserError
from langscale.core.random import key
from langscale.data import download as fetch
from langscale.data.records import PARTS
from langscale.data.remote_files import Entry

SHARE = 0.05  # of a source's groups validate


@dataclass(frozen=True)
class Pair:
    """A query and its passage, with hard negatives as (passage id, text).

    group: unit of the split into parts, such as the article of the passage.
    """

    pair_id: str
    group: str
    query: str
    passage_id: str
    text: str
    negatives: tuple[tuple[str, str], ...] = ()


def local(entry: Entry, raw: str | Path) -> Path:
    """The fetched file of an entry for one file. Raises UserError if it is missing."""
    return fetch.local(entry, raw)[0]


def part_of(source: str, group: object, share: float = SHARE) -> str:
    """The part of a group, by hash: "validation" for a share of all groups, else "train"."""
    return PARTS[key(source, "part", group) / 2**64 < share]


def check_part(source: str, part: str, parts: tuple[str, ...] = PARTS) -> None:
    """Raise UserError for a part outside the set."""
    if part not in parts:
        raise UserError(f"{source}: it has no part {part}; right: {', '.join(parts)}")


def rank(source: str, pair_id: str, seed: int) -> int:
    """The place of a pair in the order of samples: a hash."""
    return key(source, "sample", seed, pair_id)


def sample(source: str, found: Iterable[Pair], pairs: int | None, seed: int) -> list[Pair]:
    """The `pairs` pairs of lowest rank (None: all), the first pair of each pair id.

    A larger number gives a superset. At most `pairs` + 1 pairs are held.
    """
    kept: dict[str, Pair] = {}
    heap: list[tuple[int, str]] = []
    for pair in found:
        if pair.pair_id in kept:
            continue
        kept[pair.pair_id] = pair
        if pairs is not None:
            heapq.heappush(heap, (-rank(source, pair.pair_id, seed), pair.pair_id))
            if len(heap) > pairs:
                del kept[heapq.heappop(heap)[1]]
    return list(kept.values())


def tables(pairs: Iterable[tuple], passages: Iterable[tuple]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames (pair_id, language, query, passage_id, negative_ids) and (passage_id, language, text).

    Sorted by language, then id. Of a repeated passage the first text stays.
    """
    first: dict[tuple[str, str], str] = {}
    for passage_id, language, text in passages:
        first.setdefault((language, passage_id), text)
    pair_table = pd.DataFrame(pairs, columns=["pair_id", "language", "query", "passage_id", "negative_ids"])
    passage_table = pd.DataFrame(
        [(passage_id, language, text) for (language, passage_id), text in sorted(first.items())],
        columns=["passage_id", "language", "text"],
    )
    return pair_table.sort_values(["language", "pair_id"], ignore_index=True), passage_table


def clean(text: str | None) -> str:
    """The text with every run of white space as one space; "" for None."""
    return " ".join((text or "").split())


def digest(*texts: str) -> str:
    """A content key for texts without a key of their own: 16 hex digits."""
    return f"{key(*texts):016x}"
