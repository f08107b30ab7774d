"""Leakage audit: training and validation texts equal to benchmark texts, in full or for the most part.

Two texts of one language are compared as sequences of units: without invisible characters, NFKC, case folded,
only letters, marks and digits. Units are words, and single characters in scripts without spaces between
words. Two texts overlap

- exactly, if their units are the same, or
- nearly, if both have at least 13 units and their containment is at least a threshold: the share of the
  13-grams of the shorter text (the text with fewer distinct 13-grams) in the other text, |G(a) & G(b)| /
  min(|G(a)|, |G(b)|), with G(x) the set of 13-grams of x. Brown et al. 2020 (arXiv:2005.14165, appendix C)
  search for overlaps of 13 words.

Queries and passages of a source are compared with queries and passages of a benchmark, each with each. A pair
offends by its query, its passage or a hard negative. A pair id means the same in every language, so a hit in
one language flags the pair in all.

13-grams are 64-bit hashes in sorted arrays. A false match of two texts needs a collision in most of their
13-grams. Memory: the 13-grams of the side with fewer texts, and of a block of the other side.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from langscale.core.errors import UserError
from langscale.data.visible import visible
from langscale.languages.codes import spoken

N = 13
BLOCK = 4096  # texts at a time
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "THAI", "LAO", "KHMER", "MYANMAR")
SOURCE = ["source", "part", "benchmark", "language"]
HIT = ["pair_id", "text", "match", "containment", "benchmark_text", "benchmark_id"]
COUNTS = ["pairs", "benchmark_texts", "exact", "near", "through_ids", "offending", "share"]
ALL = "all"  # in the column `language`. config.terms has it too, and data imports no config


class _Separated(dict):
    """Code point -> its replacement in a text that is cut at spaces, computed once per character."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        if unicodedata.category(character)[0] not in "LMN":
            self[point] = " "
        elif unicodedata.name(character, "").startswith(UNSPACED):
            self[point] = f" {character} "
        else:
            self[point] = character
        return self[point]


_SEPARATED = _Separated()


def units(text: str) -> list[str]:
    """The words of a text without case and punctuation. Scripts without spaces: its characters."""
    # casefold undoes NFKC for a few characters, such as U+0345
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible(text)).casefold())
    return folded.translate(_SEPARATED).split()


@dataclass(frozen=True)
class Grams:
    """Hashed 13-grams of T texts.

    gram: uint64 [G], sorted, and text: int64 [G]: a 13-gram of a text, each once.
    size: int64 [T], number of 13-grams of a text.
    whole: uint64 [T], hash of all units of a text.
    units: int64 [T], number of units of a text.
    """

    gram: np.ndarray
    text: np.ndarray
    size: np.ndarray
    whole: np.ndarray
    units: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Grams":
        """The 13-grams of texts."""
        split = [units(text) for text in texts]
        lengths = np.array([len(its) for its in split], dtype=np.int64)
        # Python's hash of a string has 64 bits and differs between processes, which is all the same in here
        flat = np.fromiter((hash(unit) for its in split for unit in its), np.int64, lengths.sum()).view(
            np.uint64
        )
        whole = np.fromiter((hash(tuple(its)) for its in split), np.int64, len(split)).view(np.uint64)
        owner = np.repeat(np.arange(len(split)), lengths)
        count = max(len(flat) - N + 1, 0)
        gram = np.zeros(count, dtype=np.uint64)
        for k in range(N):
            gram = gram * np.uint64(0x9E3779B97F4A7C15) + flat[k : k + count]
        inside = owner[:count] == owner[len(flat) - count :]
        gram, text = gram[inside], owner[:count][inside]
        order = np.lexsort((text, gram))
        gram, text = gram[order], text[order]
        new = np.ones(len(gram), dtype=bool)
        new[1:] = (gram[1:] != gram[:-1]) | (text[1:] != text[:-1])
        gram, text = gram[new], text[new]
        return cls(gram, text, np.bincount(text, minlength=len(split)), whole, lengths)


def overlaps(left: Sequence[str], right: Sequence[str], containment: float) -> pd.DataFrame:
    """All pairs of overlapping texts: left, right (positions), exact and containment, 1 for exact overlaps.

    The side with fewer texts is indexed, the other side is read in blocks.
    """
    swap = len(left) > len(right)
    few, many = (right, left) if swap else (left, right)
    index, found = Grams.of(few), []
    order = np.argsort(index.whole, kind="stable")
    for start in range(0, len(many), BLOCK):
        block = Grams.of(many[start : start + BLOCK])
        i, j = _join(index.whole[order], block.whole)
        i, j = order[i], j
        same = pd.DataFrame({"few": i, "many": j, "exact": True, "containment": 1.0})[block.units[j] > 0]
        i, j = _join(index.gram, block.gram)
        both, common = np.unique(index.text[i] * BLOCK + block.text[j], return_counts=True)
        i, j = both // BLOCK, both % BLOCK
        share = common / np.minimum(index.size[i], block.size[j])
        near = pd.DataFrame({"few": i, "many": j, "exact": False, "containment": share})[share >= containment]
        hits = pd.concat([same, near]).drop_duplicates(["few", "many"])
        found.append(hits.assign(many=hits["many"] + start))
    table = pd.concat(found) if found else pd.DataFrame(columns=["few", "many", "exact", "containment"])
    names = {"few": "right", "many": "left"} if swap else {"few": "left", "many": "right"}
    return table.rename(columns=names).sort_values(["left", "right"], ignore_index=True)


def _join(ordered: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All (i, j) with ordered[i] == values[j]."""
    low, high = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    count = high - low
    j = np.repeat(np.arange(len(values)), count)
    # the k-th match of values[j] is ordered[low[j] + k]
    i = np.arange(len(j)) - np.repeat(np.cumsum(count) - count - low, count)
    return i, j


def audit(
    sources: Iterable[tuple[str, str, pd.DataFrame, pd.DataFrame]],
    benchmarks: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    containment: float = 0.5,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Summary, offending): overlaps of every source with every benchmark.

    sources: (name, part, pairs, passages), one after the other, so that a generator needs to hold only one.
    benchmarks: name -> (queries, candidates).

    offending: a row per pair, language and overlapping text (query, passage, negative), with the benchmark
    text of the largest overlap: SOURCE and HIT columns. match is exact or near.

    summary: a row per source, part, benchmark and language, and `all`: number of pairs; number of benchmark
    texts in the language (0: no comparison was possible); pairs with an exact, else with a near hit in the
    language; pairs flagged through another language only; their sum and its share.
    """
    summary, offending = [], []
    for name, part, pairs, passages in sources:
        for benchmark, (questions, candidates) in benchmarks.items():
            key = (name, part, benchmark)
            hits: list[pd.DataFrame] = []
            compared: dict[str, int] = {}
            for language in sorted(pairs["language"].unique()):
                its = pairs[pairs["language"] == language]
                theirs = _stack(
                    language, question=(questions, "question_id"), passage=(candidates, "candidate_id")
                )
                ours = _stack(
                    language,
                    query=(pairs.rename(columns={"query": "text"}), "pair_id"),
                    passage=(passages, "passage_id"),
                )
                compared[language] = len(theirs)
                hits.append(_hits(its, ours, theirs, containment).assign(language=language))
            found = pd.concat(hits, ignore_index=True) if hits else pd.DataFrame(columns=[*HIT, "language"])
            summary += [(*key, *row) for row in _counts(pairs, found, compared)]
            offending.append(found.assign(source=name, part=part, benchmark=benchmark)[SOURCE + HIT])
    empty = pd.DataFrame(columns=SOURCE + HIT)
    return (
        pd.DataFrame(summary, columns=SOURCE + COUNTS),
        pd.concat(offending, ignore_index=True) if offending else empty,
    )


def _stack(language: str, **tables: tuple[pd.DataFrame, str]) -> pd.DataFrame:
    """Columns kind, id and text of the rows of one language, of en-x-de too if it is en.

    tables: kind -> (frame, its id column).
    """
    parts = []
    for kind, (table, column) in tables.items():
        its = table[(table["language"] == language) | (table["language"].map(spoken) == language)]
        parts.append(pd.DataFrame({"kind": kind, "id": its[column], "text": its["text"]}))
    return pd.concat(parts, ignore_index=True)


def _hits(pairs: pd.DataFrame, ours: pd.DataFrame, theirs: pd.DataFrame, containment: float) -> pd.DataFrame:
    """HIT columns of one language: the closest overlap of every query, passage and negative of a pair."""
    found = overlaps(ours["text"].tolist(), theirs["text"].tolist(), containment)
    found = found.sort_values(["exact", "containment", "right"], ascending=[False, False, True])
    found = found.drop_duplicates("left")
    mine, other = ours.iloc[found["left"]], theirs.iloc[found["right"]]
    hit = pd.DataFrame(
        {
            "kind": mine["kind"].array,
            "id": mine["id"].array,
            "match": np.where(found["exact"], "exact", "near"),
            "containment": found["containment"].array,
            "benchmark_text": other["kind"].array,
            "benchmark_id": other["id"].array,
        }
    )
    negatives = pairs[["pair_id", "negative_ids"]].explode("negative_ids").dropna()
    links = {
        "query": ("query", pairs[["pair_id"]].assign(id=pairs["pair_id"])),
        "passage": ("passage", pairs[["pair_id", "passage_id"]].set_axis(["pair_id", "id"], axis=1)),
        "negative": ("passage", negatives.set_axis(["pair_id", "id"], axis=1)),
    }
    rows = [
        link.merge(hit[hit["kind"] == kind], on="id").assign(text=text)
        for text, (kind, link) in links.items()
    ]
    table = pd.concat(rows).sort_values(["pair_id", "text", "containment"], ascending=[True, True, False])
    return table.drop_duplicates(["pair_id", "text"])[HIT]


def _counts(pairs: pd.DataFrame, hits: pd.DataFrame, compared: Mapping[str, int]) -> Iterable[tuple]:
    """Rows of the summary after the source's columns: language and COUNTS."""
    flagged = set(hits["pair_id"])
    for language in [*compared, ALL]:
        its = pairs if language == ALL else pairs[pairs["language"] == language]
        here = hits if language == ALL else hits[hits["language"] == language]
        ids = set(its["pair_id"])
        exact = set(here.loc[here["match"] == "exact", "pair_id"])
        near = set(here["pair_id"]) - exact
        offending = ids & flagged
        texts = sum(compared.values()) if language == ALL else compared[language]
        through = len(offending) - len(exact) - len(near)
        share = len(offending) / max(len(ids), 1)
        yield language, len(ids), texts, len(exact), len(near), through, len(offending), share


def check(summary: pd.DataFrame, allowed: float) -> None:
    """Raise UserError, on one line, if more than the share `allowed` of a source's pairs offends."""
    bad = summary[(summary["language"] == ALL) & (summary["share"] > allowed)]
    if len(bad):
        found = "; ".join(
            f"{r.source} ({r.part}) and {r.benchmark}: {r.offending} of {r.pairs} pairs ({r.share:.2%})"
            for r in bad.itertuples()
        )
        raise UserError(
            f"leakage: {found}; at most {allowed:.2%} may overlap: drop them or leave the source out"
        )


def drop(
    pairs: pd.DataFrame, passages: pd.DataFrame, offending: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables without the offending pairs, in all languages, and without their own passages."""
    bad = pairs["pair_id"].isin(offending["pair_id"])
    lost = _passages(pairs[bad]) - _passages(pairs[~bad])
    kept = ~passages["passage_id"].isin(lost)
    return pairs[~bad].reset_index(drop=True), passages[kept].reset_index(drop=True)


def _passages(pairs: pd.DataFrame) -> set[str]:
    """Ids of the passages and negatives of pairs."""
    return {*pairs["passage_id"], *pairs["negative_ids"].explode().dropna()}
