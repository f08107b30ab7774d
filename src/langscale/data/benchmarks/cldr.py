"""Entity descriptions (cards) of the Unicode CLDR as a parallel benchmark.

A query names two values, and its card is the only card with both. The candidates are all cards of
`langscale.data.sources.cldr`, of every part, in each language. The queries are those of the evaluation part.
No query is ambiguous, because a query is accepted only if a single card holds both values under any name of
theirs in any roster language.
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
    """(query id, card, values) of the whole evaluation part, in the order in which benchmarks take queries.

    First one query of each card, then a second query of each and so on, by hash of the id. So a benchmark
    contains all smaller ones, and has as many cards (the clusters) as its size allows.
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
    cluster = card id, group = home territory, candidate_id such as "de:territory:DE" and key = card id. The
    card of a query is relevant in every language. Raises UserError for a language that the source lacks and
    for too many queries.
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
