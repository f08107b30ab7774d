"""The benchmark of entity cards on the real CLDR data; test_cldr.py is about the cards themselves."""

import hashlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langscale.core.errors import UserError
from langscale.data.benchmarks import cldr as benchmark
from langscale.data.sources import cldr

CARDS = {card.card_id: card for card in cldr.cards()}
TOTAL = len(benchmark.ranked_queries())


def test_benchmark_finds_the_questions_card_in_every_language_and_nothing_else():
    questions, candidates, qrels = benchmark.build(["th", "de"], 60)
    assert list(questions) == ["question_id", "cluster", "language", "text", "group"]
    assert list(candidates) == ["candidate_id", "key", "language", "text"]
    assert list(qrels) == ["question_id", "language", "candidate_id"]
    assert len(questions) == 120 and not questions.duplicated(["question_id", "language"]).any()
    assert {cldr.part_of(CARDS[i]) for i in questions.cluster} == {"evaluation"}
    assert [CARDS[i].home for i in questions.cluster] == list(questions.group)
    assert set(candidates.candidate_id) == {f"{code}:{i}" for code in ("de", "th") for i in CARDS}
    hashes = [hashlib.sha256(i.encode()).hexdigest() for i in candidates.candidate_id]
    assert hashes == sorted(hashes)
    joined = qrels.merge(candidates, on="candidate_id", suffixes=("", "_candidate"))
    joined = joined.merge(questions, on=["question_id", "language"], suffixes=("", "_question"))
    assert len(joined) == len(qrels) == 240 and (joined.key == joined.cluster).all()
    assert (joined.groupby(["question_id", "language"]).language_candidate.nunique() == 2).all()
    assert all(r.text == cldr.passage(CARDS[r.key], r.language_candidate) for r in joined.itertuples())


def test_all_questions_are_the_evaluation_parts_pairs():
    questions = benchmark.build(["en", "ko"], None)[0].drop(columns=["cluster", "group"])
    pairs = cldr.build("evaluation", ["en", "ko"])[0].drop(columns=["passage_id", "negative_ids"])
    pd.testing.assert_frame_equal(questions, pairs.set_axis(questions.columns, axis=1))
    assert len(questions) == 2 * TOTAL >= 800


@given(st.tuples(st.integers(1, TOTAL), st.integers(1, TOTAL)))
@settings(max_examples=20, deadline=None)
def test_more_questions_contain_fewer_and_spread_over_cards(sizes):
    small, large = (benchmark.build(["en"], n)[0] for n in sorted(sizes))
    assert set(small.question_id) <= set(large.question_id)
    assert [len(small), len(large)] == sorted(sizes)
    cards = sum(bool(cldr.queries(card)) for card in CARDS.values() if cldr.part_of(card) == "evaluation")
    assert cards > 100 and large.cluster.nunique() == min(len(large), cards)


@pytest.mark.parametrize("n", [0, -1, TOTAL + 1])
def test_too_many_questions_are_refused(n):
    with pytest.raises(UserError, match=f"queries is {n}; right: 1 to {TOTAL}"):
        benchmark.build(["en"], n)
