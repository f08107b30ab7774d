"""What the readers of downloaded sources share: local files, parts, samples, and the two tables.

A reader has `LANGUAGES` (the codes it has data in), `files(languages)` (what to download) and
`build(part, languages, raw, pairs, seed)` (the tables). Languages that it lacks are passed over, because a
study's pool may be larger than a set and translation may fill the rest; none at all is an error.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from langscale.errors import UserError
from langscale.registry import Entry
from langscale.streams import key

PARTS = ("train", "validation")
SHARE = 0.05  # of the groups of a source validate


@dataclass(frozen=True)
class Pair:
    """A query and its passage in one language, with hard negatives as (passage id, text).

    group: what may not be torn between the parts, such as the article that the passage is from.
    """

    pair_id: str
    group: str
    query: str
    passage_id: str
    text: str
    negatives: tuple[tuple[str, str], ...] = ()


def available(name: str, languages: Sequence[str], known: Iterable[str]) -> list[str]:
    """Those of `languages` that a source knows, sorted; raises UserError where it knows none of them."""
    found = sorted(set(languages) & set(known))
    if not found:
        raise UserError(f"{name}: no data in {', '.join(languages)}; there are {', '.join(sorted(known))}")
    return found


def local(raw: str | Path, entry: Entry) -> Path:
    """Where a file lies below the resources folder; raises UserError where it is not."""
    path = Path(raw) / entry.path
    if not path.is_file():
        raise UserError(f"{entry.name}: {path} is missing; `snakemake data` downloads it")
    return path


def part_of(source: str, group: object, share: float = SHARE) -> str:
    """The part of a group, by hash: "validation" for a fixed share of all groups, else "train"."""
    return PARTS[key(source, "part", group) / 2**64 < share]


def check_part(source: str, part: str, parts: Sequence[str] = PARTS) -> None:
    """Raises UserError for a part that a source does not have."""
    if part not in parts:
        raise UserError(f"{source}: has no part {part}; it has {', '.join(parts)}")


def sample(source: str, found: Iterable[Pair], pairs: int | None, seed: int) -> list[Pair]:
    """The `pairs` pairs of smallest hash (None: all), one for each pair id, in no particular order.

    A larger number gives a superset, and no more than `pairs` are held at a time.
    """
    kept: dict[str, Pair] = {}
    heap: list[tuple[int, str]] = []  # the largest hash first
    for pair in found:
        if pair.pair_id in kept:
            continue
        kept[pair.pair_id] = pair
        if pairs is not None:
            heapq.heappush(heap, (-key(source, "sample", seed, pair.pair_id), pair.pair_id))
            if len(heap) > pairs:
                del kept[heapq.heappop(heap)[1]]
    return list(kept.values())


def build(
    source: str,
    part: str,
    found: Iterable[tuple[str, Iterable[Pair]]],
    pairs: int | None,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of a source whose languages are no translations of each other.

    found: (language, its pairs in any order); `pairs` counts for each language. Pairs with an empty text are
    left out.
    """
    check_part(source, part)
    rows: list[tuple[str, Pair]] = []
    for language, its in found:
        chosen = (p for p in its if p.query and p.text and part_of(source, p.group) == part)
        rows += ((language, pair) for pair in sample(source, chosen, pairs, seed))
    return tables(
        ((p.pair_id, language, p.query, p.passage_id, [n for n, _ in p.negatives]) for language, p in rows),
        (
            (passage_id, language, text)
            for language, p in rows
            for passage_id, text in ((p.passage_id, p.text), *p.negatives)
        ),
    )


def tables(pairs: Iterable[tuple], passages: Iterable[tuple]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames (pair_id, language, query, passage_id, negative_ids) and (passage_id, language, text).

    Sorted by language, then id; of a passage that comes more than once in a language the first text stays.
    """
    asked = pd.DataFrame(pairs, columns=["pair_id", "language", "query", "passage_id", "negative_ids"])
    found = {(passage_id, language): text for passage_id, language, text in reversed(list(passages))}
    given = pd.DataFrame(
        [(passage_id, language, text) for (passage_id, language), text in found.items()],
        columns=["passage_id", "language", "text"],
    )
    return (
        asked.sort_values(["language", "pair_id"], ignore_index=True),
        given.sort_values(["language", "passage_id"], ignore_index=True),
    )


def clean(text: str | None) -> str:
    """The text with every run of white space as one space; "" for None."""
    return " ".join((text or "").split())


def digest(*texts: str) -> str:
    """A content key for texts that come without one: 16 hex digits."""
    return f"{key(*texts):016x}"


def records(path: Path, columns: Sequence[str]) -> Iterator[dict]:
    """The rows of a parquet file as dicts of `columns`, streamed; raises UserError for a missing column."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        missing = [column for column in columns if column not in file.schema_arrow.names]
        if missing:
            raise UserError(
                f"{path}: no column {', '.join(missing)}; found {', '.join(file.schema_arrow.names)}"
            )
        for batch in file.iter_batches(batch_size=4096, columns=list(columns)):
            yield from batch.to_pylist()
