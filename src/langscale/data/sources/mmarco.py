"""mMARCO: MS MARCO's passages and queries in 14 languages, by Google Translate.

Bonifacio et al. 2021 (arXiv:2108.13897).

Format: collections and queries are lines `id <tab> text`, triples are lines `query <tab> positive <tab>
negative` of ids, equal in all languages. A pair is a triple: the paper's 39,780,811 pairs are the number of
triples, so each pair has one hard negative.

The set is larger than memory (some 4 GB per language), so every file is streamed: the triples twice, once for
the groups and once for the choice, then of every language the lines of the chosen triples. Memory holds the
ids of distinct positives and of chosen triples, a byte per passage id, and the returned texts. To hold the
texts of one language at a time, build the languages one by one.

Groups are the connected components of queries and their positives, because some queries have several
positives. A component draws its part by hash, and so does a passage outside of all components. A triple with
a negative in the other part is left out (4 % of them), so that no passage is in both parts.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from langscale.core.errors import UserError
from langscale.core.random import key
from langscale.data.records import PARTS, SourceRecord, SourceSize
from langscale.data.remote_files import Hub
from langscale.data.sources.common import check_part, local
from langscale.data.text_files import TextFile

MMARCO = SourceRecord(
    name="mmarco",
    languages={
        "ar": "arabic", "zh": "chinese", "nl": "dutch", "en": "english", "fr": "french", "de": "german",
        "hi": "hindi", "id": "indonesian", "it": "italian", "ja": "japanese", "pt": "portuguese",
        "ru": "russian", "es": "spanish", "vi": "vietnamese",
    },
    locate=Hub(
        "unicamp-dl/mmarco",
        "6d039c4638c0ba3e46a9cb7b498b145e7edc6230",
        ("data/google/collections/{}_collection.tsv", "data/google/queries/train/{}_queries.train.tsv"),
        ("data/triples.train.ids.small.tsv",),
    ),
    licence="LicenseRef-MS-MARCO",
    restricted=True,
    note="the card says Apache-2.0, its maintainer that the terms of MS MARCO apply",
    needs_pairs=True,
    machine_translated=True,
    size=SourceSize(pairs=39_780_811, query=11, passage=85, negatives=1, download=4.5e9),
    reader=lambda: build,
)  # fmt: skip

SHARE = 0.02  # of groups and of other passages validates
CHUNK = 1 << 18  # triples at a time


def build(
    part: str, languages: Sequence[str], raw: str | Path, pairs: int | None = None, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs and passages of a part, as of `langscale.data.sources.common`; `pairs` counts triples.

    Raises UserError without `pairs`, for another part, for languages outside the set, and for a missing or
    malformed file.
    """
    check_part("mmarco", part)
    if pairs is None:
        raise UserError(
            f"sources.mmarco.pairs: give a number; all {MMARCO.size.pairs:,} triples do not fit into memory"
        )
    languages = sorted(MMARCO.chosen(languages))
    found = choose(local(MMARCO.files(languages)[-1], raw), part, pairs, seed)
    frames = [_language(language, found, raw) for language in languages]
    return tuple(pd.concat(tables, ignore_index=True) for tables in zip(*frames, strict=True))


def choose(path: Path, part: str, pairs: int, seed: int) -> np.ndarray:
    """The `pairs` distinct triples of lowest hash of a part, int64 [pairs, 3], sorted by hash."""
    validates = _validates(path)
    best, hashes = np.empty((0, 3), dtype=np.int64), np.empty(0, dtype=np.uint64)
    for triples in _triples(path):
        its = triples[(validates[triples[:, 1:]] == (part == PARTS[1])).all(1)]
        drawn = mix(key("mmarco", "sample", seed), *its.T)
        if len(hashes) == pairs:
            its, drawn = its[drawn < hashes[-1]], drawn[drawn < hashes[-1]]
        # equal triples have equal hashes, so that distinct hashes are distinct triples
        hashes, first = np.unique(np.concatenate([hashes, drawn]), return_index=True)
        best, hashes = np.concatenate([best, its])[first[:pairs]], hashes[:pairs]
    return best


def _validates(path: Path) -> np.ndarray:
    """Bool [largest passage id + 1]: whether the passage is in the validation part."""
    distinct, size = np.empty(0, dtype=np.int64), 0
    for triples in _triples(path):
        distinct = np.union1d(distinct, triples[:, 0] << 32 | triples[:, 1])
        size = max(size, int(triples[:, 1:].max()) + 1)
    query_ids, queries = np.unique(distinct >> 32, return_inverse=True)
    passage_ids, passages = np.unique(distinct & 0xFFFFFFFF, return_inverse=True)
    nodes = len(query_ids) + len(passage_ids)
    edges = (np.ones(len(distinct), dtype=bool), (queries, passages + len(query_ids)))
    count, component = connected_components(coo_array(edges, shape=(nodes, nodes)), directed=False)
    names = np.full(count, -1)  # the smallest query id names a component
    names[component[: len(query_ids)][::-1]] = query_ids[::-1]
    validates = _drawn("passage", np.arange(size))
    validates[passage_ids] = _drawn("group", names)[component[len(query_ids) :]]
    return validates


def _drawn(kind: str, ids: np.ndarray) -> np.ndarray:
    return mix(key("mmarco", "part", kind), ids) < np.uint64(SHARE * 2**64)


def mix(seed: int, *values: np.ndarray) -> np.ndarray:
    """uint64 hashes of the rows of int64 arrays, by the finaliser of splitmix64 (Steele, Lea, Flood 2014)."""
    mixed = np.full(len(values[0]), seed, dtype=np.uint64)
    for value in values:
        mixed = (mixed ^ value.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def _triples(path: Path) -> Iterator[np.ndarray]:
    """int64 [at most CHUNK, 3]: query, positive, negative."""
    try:
        for chunk in pd.read_csv(path, sep="\t", header=None, chunksize=CHUNK, dtype=np.int64):
            if chunk.shape[1] != 3:
                raise UserError(
                    f"mmarco: {path} has {chunk.shape[1]} columns; right: query, positive, negative"
                )
            yield chunk.to_numpy()
    except UserError:
        raise
    except ValueError as error:  # what pandas raises for text and for lines of unequal length
        raise UserError(f"mmarco: {path}: lines must be three ids with tabs ({error})") from None


def _language(language: str, triples: np.ndarray, raw: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of one language, without triples that lack a query or a positive text in it."""
    collection, queries, _ = (local(entry, raw) for entry in MMARCO.files_of([language]))
    query_texts = _texts(queries, triples[:, 0], language)
    passage_texts = _texts(collection, triples[:, 1:], language)
    rows = sorted(
        (f"mmarco:{q}-{p}-{n}", q, p, n)
        for q, p, n in triples.tolist()
        if q in query_texts and p in passage_texts
    )
    passages = sorted((f"mmarco:{passage}", text) for passage, text in passage_texts.items())
    pairs = {
        "pair_id": [row[0] for row in rows],
        "language": language,
        "query": [query_texts[row[1]] for row in rows],
        "passage_id": [f"mmarco:{row[2]}" for row in rows],
        "negative_ids": [[f"mmarco:{row[3]}"] for row in rows],
    }
    texts = {
        "passage_id": [passage for passage, _ in passages],
        "language": language,
        "text": [text for _, text in passages],
    }
    return pd.DataFrame(pairs), pd.DataFrame(texts)


def _texts(path: Path, ids: np.ndarray, language: str) -> dict[int, str]:
    """Id -> text of the lines with these ids, without empty texts. The file is streamed."""
    wanted = bytearray(int(ids.max(initial=0)) + 1)
    for i in ids.ravel().tolist():
        wanted[i] = 1
    found: dict[int, str] = {}
    file = TextFile(path, language)
    for number, line in enumerate(file.raw_lines(), 1):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        start, tab, text = line.partition(b"\t")
        if not tab or not start.isdigit():
            if not line.strip():
                file.count("empty")
                continue
            raise file.error(number, f"not `id <tab> text`: {line[:40]!r}")
        i = int(start)
        if i >= len(wanted) or not wanted[i]:
            continue
        file.count("rows")
        cleaned = file.clean(file.decoded(text, number), number)
        if cleaned and file.once(i, cleaned, number):
            found[i] = cleaned
    return found
