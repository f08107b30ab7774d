"""Entity descriptions (class `Card`) of the Unicode CLDR as a parallel benchmark.

A query is two values. Its description is the only one with both, under any of their names in any language of
the data set, so no query is ambiguous. The candidates are the descriptions of `langscale.data.sources.cldr`,
of every part, in each language. The queries are from the evaluation part.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

from langscale.core.errors import UserError
from langscale.core.random import key
from langscale.data.benchmarks.common import frames
from langscale.data.records import BenchmarkRecord, BenchmarkSize, Frames
from langscale.data.sources import cldr

CLDR = BenchmarkRecord(
    name="cldr",
    languages=cldr.CLDR.languages,
    locate=None,
    every_language=True,
    candidate_text="card",
    own_training_part=True,
    size=BenchmarkSize(queries=2_900, candidates=1_165, query=10, candidate=15),
    reader=lambda: build,
)


def ranked_queries() -> list[tuple[str, cldr.Card, tuple[str, str]]]:
    """(query id, description, values) of the whole evaluation part, in the order of benchmarks.

    First one query of each description, then a second query of each and so on, by hash of the id. So a
    benchmark contains all smaller ones, and has as many descriptions (the clusters) as its size allows.
    """
    ranked: list[tuple[int, tuple[str, cldr.Card, tuple[str, str]]]] = []
    for card in cldr.cards():
        if cldr.part_of(card) == "evaluation":
            own = [(cldr.pair_id(card, pair), card, pair) for pair in cldr.queries(card)]
            own.sort(key=lambda query: key("cldr", "question", query[0]))
            ranked += enumerate(own)
    ranked.sort(key=lambda turn: (turn[0], key("cldr", "question", turn[1][0])))
    return [query for _, query in ranked]


def build(languages: Sequence[str], queries: int | None, raw: str | Path | None = None) -> Frames:
    """Queries, candidates and qrels in BCP 47 `languages`; `queries` per language, None for all.

    `raw` is not read: CLDR comes with babel. Returns the tables of `langscale.data.benchmarks.common` with
    cluster = entity id, group = home territory, candidate_id such as "de:territory:DE" and key = entity id.
    The description of a query is relevant in every language. Raises UserError for an unknown language and for
    too many queries.
    """
    languages = sorted(set(CLDR.chosen(languages)))
    found = ranked_queries()
    if queries is not None and not 1 <= queries <= len(found):
        raise UserError(f"cldr: queries is {queries}; right: 1 to {len(found)}, or null for all")
    chosen = found[:queries]
    rows = (
        (i, card.card_id, language, cldr.query_text(pair, language), card.home)
        for language, (i, card, pair) in itertools.product(languages, chosen)
    )
    pool = (
        (f"{language}:{card.card_id}", card.card_id, language, cldr.passage(card, language))
        for language, card in itertools.product(languages, cldr.cards())
    )
    relevant = (
        (i, language, f"{other}:{card.card_id}")
        for language, (i, card, _), other in itertools.product(languages, chosen, languages)
    )
    return frames(rows, pool, relevant, "group")
