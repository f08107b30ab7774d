"""Local data sets as records: what is known of them is counted from their files.

A section of the config with `set: local` names the files. Their contents are the identity of the set, and
where they are is not.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from langscale.core.errors import UserError
from langscale.core.files import write_json
from langscale.data.benchmarks.common import frames, sample
from langscale.data.local.collection import Collection, read
from langscale.data.local.layout import SPLITS, LocalSet, Options, SourceOptions, locate
from langscale.data.local.parallel import problems
from langscale.data.records import (
    BenchmarkRecord,
    BenchmarkSize,
    Frames,
    PairTables,
    SourceRecord,
    SourceSize,
)
from langscale.data.sources.common import check_part, part_of, rank, tables

TOKEN = 5.2  # bytes of UTF-8 in a token of XLM-R: questions and paragraphs of XQuAD-R in 11 languages
COUNTED = Path("resources/local")  # what was counted, until a file changes
FORMAT = 2  # of what is kept there


@dataclass(frozen=True)
class Counted:
    """Numbers of a set, from its files.

    queries, passages: number of texts by language. pairs: number of pairs in the training set. holdings:
    number of pairs with query and passage in exactly these languages, written "de en". query, passage: mean
    tokens, estimated from the bytes. negatives: most hard negatives of a pair.
    """

    queries: dict[str, int]
    passages: dict[str, int]
    pairs: int
    holdings: dict[str, int]
    query: float
    passage: float
    negatives: int

    def with_languages(self, languages: Sequence[str]) -> int:
        """Number of pairs with query and passage in all these languages."""
        wanted = set(languages)
        return sum(number for key, number in self.holdings.items() if wanted <= set(key.split()))


def source(name: str, options: SourceOptions) -> SourceRecord:
    """The record of a local training set. With `validation` a share of its pairs is kept for validation.

    Raises UserError, with the key, for missing and malformed files.
    """
    chosen, counted = _counted(f"sources.{name}", options, "source")
    return SourceRecord(
        name=name,
        languages={code: code for code in sorted(counted.queries)},
        locate=None,
        licence=options.licence,
        size=SourceSize(counted.pairs, counted.query, counted.passage, counted.negatives),
        reader=lambda: _builder(name, chosen, options.validation),
        counted=counted.with_languages,
    )


def benchmark(name: str, options: Options) -> BenchmarkRecord:
    """The record of a local evaluation set. Raises UserError, with the key, as `source`."""
    chosen, counted = _counted(f"benchmarks.{name}", options, "benchmark")
    codes = sorted({*counted.queries, *counted.passages})
    return BenchmarkRecord(
        name=name,
        languages={code: code for code in codes},
        locate=None,
        licence=options.licence,
        candidate_text="passage",
        size=BenchmarkSize(
            {code: counted.queries.get(code, 0) for code in codes},
            {code: counted.passages.get(code, 0) for code in codes},
            counted.query,
            counted.passage,
        ),
        reader=lambda: _evaluation(name, chosen),
    )


# --- the tables


def _builder(name: str, chosen: LocalSet, validation: bool) -> Callable[..., PairTables]:
    def build(
        part: str, languages: Sequence[str], raw: object, pairs: int | None = None, seed: int = 0
    ) -> PairTables:
        check_part(name, part)
        found = read(chosen, evaluation=False)
        group = found.groups()
        ids = [
            (f"{name}:{query}" if len(passages) == 1 else f"{name}:{query}:{passage}", query, passage)
            for query, passages in found.relevant.items()
            if not validation or part_of(name, group[query]) == part
            for passage in passages
        ]
        kept = sorted(ids, key=lambda pair: (rank(name, pair[0], seed), pair[0]))[:pairs]
        used = {one for _, query, passage in kept for one in (passage, *found.negatives.get(query, ()))}
        codes = [code for code in languages if code in found.queries or code in found.passages]
        return tables(
            (
                (i, code, found.queries[code][query], f"{name}:{passage}", _negatives(name, found, query))
                for code in codes
                for i, query, passage in kept
                if query in found.queries.get(code, ())
            ),
            (
                (f"{name}:{passage}", code, text)
                for code in codes
                for passage, text in found.passages.get(code, {}).items()
                if passage in used
            ),
        )

    return build


def _negatives(name: str, found: Collection, query: str) -> list[str]:
    return [f"{name}:{passage}" for passage in found.negatives.get(query, ())]


def _evaluation(name: str, chosen: LocalSet) -> Callable[..., Frames]:
    def build(languages: Sequence[str], queries: int | None, raw: object) -> Frames:
        found = read(chosen, evaluation=True)
        codes = [code for code in languages if code in found.queries or code in found.passages]
        there = {query for code in codes for query in found.queries.get(code, ()) if query in found.relevant}
        kept, group = sample(name, there, queries), found.groups()
        asked = [
            (query, group[query], code, text)
            for code in codes
            for query, text in found.queries.get(code, {}).items()
            if query in kept
        ]
        home: dict[str, list[str]] = {}
        for code in codes:
            for passage in found.passages.get(code, ()):
                home.setdefault(passage, []).append(code)
        pool = [
            (f"{code}:{passage}", passage, code, text)
            for code in codes
            for passage, text in found.passages.get(code, {}).items()
        ]
        relevant = [
            (query, code, f"{other}:{passage}")
            for query, _, code, _ in asked
            for passage in found.relevant[query]
            for other in home.get(passage, ())
        ]
        return frames(asked, pool, relevant)

    return build


# --- counts


def _counted(key: str, options: Options, kind: str) -> tuple[LocalSet, Counted]:
    try:
        chosen = locate(options, SPLITS[kind])
        known = tuple((f.path, f.path.stat().st_size, f.path.stat().st_mtime_ns) for f in chosen.files)
        return chosen, _of_files(_Hashed(chosen), known, kind)
    except UserError as error:
        joint = "." if str(error).split(": ")[0] in KEYS else ": "
        raise UserError(f"{key}{joint}{error}") from None


KEYS = ("path", "split")


class _Hashed:
    """A set as an argument of a cached function: equal sets have equal values."""

    def __init__(self, chosen: LocalSet) -> None:
        self.chosen, self.facts = chosen, json.dumps(_facts(chosen), sort_keys=True)

    def __hash__(self) -> int:
        return hash(self.facts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and other.facts == self.facts


def _facts(chosen: LocalSet) -> dict[str, Any]:
    facts = asdict(chosen)
    facts["files"] = [[f.name, f.role, f.language] for f in chosen.files]
    return facts


@cache
def _of_files(chosen: _Hashed, known: tuple[tuple[Path, int, int], ...], kind: str) -> Counted:
    """The numbers of a set, counted anew if a file has another size or time than at the last start."""
    state = json.dumps([FORMAT, kind, chosen.facts, [[str(p.resolve()), s, t] for p, s, t in known]])
    kept = COUNTED / f"{hashlib.sha256(state.encode()).hexdigest()[:16]}.json"
    with suppress(OSError, ValueError, TypeError):
        return Counted(**json.loads(kept.read_text(encoding="utf-8")))
    texts = read(chosen.chosen, kind == "benchmark")
    if chosen.chosen.parallel and chosen.chosen.check:
        _parallel(texts, chosen.chosen)
    found = _count(texts, kind)
    with suppress(OSError):  # a folder that is read-only
        write_json(kept, asdict(found))
    return found


def _parallel(texts: Collection, chosen: LocalSet) -> None:
    """Raise UserError, with file and language, for texts that are no translations of each other."""
    for role, code, problem in problems(texts):
        its = [file for file in chosen.files if file.role == role] or list(chosen.files)
        names = [file.name for file in its if file.language == code] or [file.name for file in its]
        file = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        kind = "queries" if role == "queries" else "passages"
        raise UserError(f"{file}: {kind}: {problem}; if they are right, set check: false")


def _count(found: Collection, kind: str) -> Counted:
    queries = {code: sum(i in found.relevant for i in texts) for code, texts in found.queries.items()}
    holdings: Counter[str] = Counter()
    for query, passages in found.relevant.items() if kind == "source" else ():
        for passage in passages:
            both = (
                code
                for code, texts in found.queries.items()
                if query in texts and passage in found.passages.get(code, ())
            )
            holdings[" ".join(sorted(both))] += 1
    asked = [text for texts in found.queries.values() for i, text in texts.items() if i in found.relevant]
    return Counted(
        {code: number for code, number in queries.items() if number},
        {code: len(texts) for code, texts in found.passages.items()},
        sum(map(len, found.relevant.values())),
        dict(holdings),
        _tokens(asked),
        _tokens([text for texts in found.passages.values() for text in texts.values()]),
        max(map(len, found.negatives.values()), default=0),
    )


def _tokens(texts: Sequence[str]) -> float:
    """Mean tokens of texts, estimated, with the two of begin and end."""
    return round(sum(len(text.encode()) for text in texts) / max(len(texts), 1) / TOKEN + 2, 1)
