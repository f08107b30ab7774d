"""Mewsli-X (Ruder et al. 2021, XTREME-R): find the entity of a marked mention in a news sentence.

The corpus is a million descriptions of Wikidata entities, each in one of 50 languages. A query has one gold
entity, mostly with a description in another language. XTREME-R's measure is mAP@20 (equal to MRR@20 here) in
the multi setting, macro over the 11 query languages.

The hub holds parquet copies: per language `mention`, the sentence with its mention marked ("Smith: The
verdict for { Smith } ..."), and `entity_id`; in candidate_entities `entity_id`, `description` and
`description_language`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from langscale.core.errors import UserError
from langscale.data.benchmarks.common import frames, sample
from langscale.data.download import local
from langscale.data.records import BenchmarkRecord, BenchmarkSize, Frames, XtremeTask
from langscale.data.remote_files import Entry, Hub
from langscale.data.text_files import TextFile
from langscale.languages.codes import same

MEWSLI_X = BenchmarkRecord(
    name="mewsli-x",
    languages=same("ar de en es fa ja pl ro ta tr uk"),
    locate=Hub(
        "izhx/mewsli-x",
        "refs/convert/parquet",
        ("{}/test/*.parquet",),
        ("candidate_entities/test/*.parquet",),
    ),
    note="columns as in code that loads them; a parquet copy of no fixed revision; licence unknown",
    candidate_text="description",
    size=BenchmarkSize(
        queries=1_365, candidates=90_000, query=60, candidate=60
    ),  # 15,000 and 1 million in 11
    reader=lambda: build,
    xtreme_r=XtremeTask("Mewsli-X", "description", "multi"),
)

MENTION = ("mention", "entity_id")
ENTITY = ("entity_id", "description", "description_language")


def build(languages: Sequence[str], queries: int | None, raw: str | Path) -> Frames:
    """Queries in BCP 47 `languages`, all candidates, and qrels. Languages outside Mewsli-X are skipped.

    queries: mentions per language, a fixed sample by hash; None: all. A sample keeps all candidates.
    raw: folder of raw files.

    Returns the tables of `langscale.data.benchmarks.common`: question_id = example_id, or a hash of the
    content in files without it, cluster = the gold entity; candidate_id = key = Wikidata id. The gold entity
    is relevant. Raises UserError for a missing or malformed file, and for a gold entity without a
    description.
    """
    codes = MEWSLI_X.chosen(languages)
    *mentions, entities = MEWSLI_X.files(codes)
    pool = list(_entities(entities, raw))
    known = {row[0] for row in pool}
    query_rows = []
    for code, entry in zip(codes, mentions, strict=True):
        rows = _queries(entry, raw, code)
        chosen = sample(MEWSLI_X.name, rows, None if queries is None else min(queries, len(rows)))
        query_rows += [(i, gold, code, text) for i, (text, gold) in rows.items() if i in chosen]
    lost = sorted({gold for _, gold, _, _ in query_rows} - known)
    if lost:
        raise UserError(
            f"mewsli-x: {len(lost)} gold entities, such as {lost[0]}, are not among the candidates"
        )
    return frames(query_rows, pool, [(i, code, gold) for i, gold, code, _ in query_rows])


def _queries(entry: Entry, raw: str | Path, code: str) -> dict[str, tuple[str, str]]:
    """Query id -> (text, gold entity) of one language."""
    found: dict[str, tuple[str, str]] = {}
    copies: Counter[str] = Counter()
    file = None
    for path in local(entry, raw):
        file = TextFile(path, code, together=file)
        for place, row in file.parquet(MENTION, ["example_id"]):
            text, gold = file.text(row["mention"], place, "mention"), file.ident(row["entity_id"], place)
            if row["example_id"] is None:
                i = hashlib.sha256(f"{code}\x1f{text}\x1f{gold}".encode()).hexdigest()[:32]
                copies[i] += 1
                i = i if copies[i] == 1 else f"{i}-{copies[i]}"
            else:
                i = file.ident(row["example_id"], place, "example_id")
            if file.once(i, (text, gold), place):
                found[i] = text, gold
    return found


def _entities(entry: Entry, raw: str | Path) -> Iterator[tuple[str, str, str, str]]:
    """(Id, id, language, description) of each entity."""
    file = None
    for path in local(entry, raw):
        file = TextFile(path, language_of=lambda row: str(row[ENTITY[2]] or ""), together=file)
        for place, row in file.parquet(ENTITY):
            i = file.ident(row["entity_id"], place, "entity_id")
            language = file.ident(row["description_language"], place, "description_language")
            text = file.text(row["description"], place, "description")
            if file.once(i, (language, text), place):
                yield i, i, language, text
