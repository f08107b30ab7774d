"""Entity cards of the Unicode CLDR as a parallel benchmark: which card holds these two values?

The pool is all cards of `langscale.data.sources.cldr`, of every part, in each language; the questions are the
queries of the evaluation part. None is ambiguous: a query is accepted only if a single card holds both
values under any name that they have in any roster language, so a second card of the same text would have
ruled it out.
"""

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from langscale.core.errors import UserError
from langscale.core.random import key
from langscale.data.records import BenchmarkRecord, BenchmarkSize
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


def questions() -> list[tuple[str, cldr.Card, tuple[str, str]]]:
    """(question id, card, values) of the whole evaluation part, in the order in which benchmarks take them.

    First a question of each card, then a second of each and so on, every time by hash of the id: a benchmark
    contains all smaller ones, and has as many cards, which are the clusters, as its size allows.
    """
    ranked = []
    for card in cldr.cards():
        if cldr.part_of(card) == "evaluation":
            its = [(cldr.pair_id(card, pair), card, pair) for pair in cldr.queries(card)]
            its.sort(key=lambda question: key("cldr", "question", question[0]))
            ranked += enumerate(its)
    ranked.sort(key=lambda turn: (turn[0], key("cldr", "question", turn[1][0])))
    return [question for _, question in ranked]


def build(
    languages: Sequence[str], n_questions: int | None, raw: str | Path | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Questions, candidates and qrels in BCP 47 languages; `n_questions` per language, None for all.

    `raw` is not looked at: CLDR comes with babel.

    Returns (questions: question_id, cluster = card id, language, text, group = home territory,
    sorted by language, then id; candidates: candidate_id such as "de:territory:DE", key = card id, language, text, sorted by SHA-256 of
    candidate_id; qrels: question_id, language of the question, candidate_id). Relevant is the question's
    card in every language. Raises UserError for a language that the source lacks and for more questions than
    there are.
    """
    languages = sorted(set(CLDR.chosen(languages)))
    asked = questions()
    if n_questions is not None and not 1 <= n_questions <= len(asked):
        raise UserError(f"cldr: n_questions is {n_questions}; right: 1 to {len(asked)}, or null for all")
    asked = sorted(asked[:n_questions], key=lambda question: question[0])
    rows = [
        (i, card.card_id, language, cldr.query_text(pair, language), card.home)
        for language in languages
        for i, card, pair in asked
    ]
    pool = [
        (f"{language}:{card.card_id}", card.card_id, language, cldr.passage(card, language))
        for language in languages
        for card in cldr.cards()
    ]
    pool.sort(key=lambda row: hashlib.sha256(row[0].encode()).digest())
    relevant = [
        (i, language, f"{other}:{card.card_id}")
        for language, (i, card, _), other in itertools.product(languages, asked, languages)
    ]
    return (
        pd.DataFrame(rows, columns=["question_id", "cluster", "language", "text", "group"]),
        pd.DataFrame(pool, columns=["candidate_id", "key", "language", "text"]),
        pd.DataFrame(relevant, columns=["question_id", "language", "candidate_id"]),
    )
