"""What all readers of downloaded sources share, against the obvious way of doing it."""

import weakref

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langscale.core.errors import UserError
from langscale.data.sources.common import (
    PARTS,
    Pair,
    check_part,
    clean,
    digest,
    part_of,
    rank,
    sample,
    tables,
)

IDS = st.lists(st.integers(0, 40).map(str), max_size=60)


def pair(pair_id, text="text"):
    return Pair(pair_id, "group", "query", "passage", text)


@given(IDS, st.one_of(st.none(), st.integers(0, 50)), st.integers(0, 2))
def test_sample_is_the_head_of_the_sorted_distinct_ids(ids, pairs, seed):
    """Streaming with a bounded heap gives what sorting everything gives; of equal ids the first one stays."""
    found = sample("s", (pair(i, f"{n}") for n, i in enumerate(ids)), pairs, seed)
    right = sorted(set(ids), key=lambda i: rank("s", i, seed))[:pairs]
    assert sorted(p.pair_id for p in found) == sorted(right)
    assert all(p.text == str(ids.index(p.pair_id)) for p in found)


@given(IDS, st.integers(0, 50), st.integers(0, 50))
def test_samples_are_nested_and_do_not_depend_on_the_order(ids, one, two):
    few, more = sorted((one, two))
    a = {p.pair_id for p in sample("s", map(pair, ids), few, 0)}
    b = {p.pair_id for p in sample("s", map(pair, reversed(ids)), more, 0)}
    assert a <= b


def test_sample_holds_no_more_than_it_returns():
    """Pairs that lost are let go of at once: counted by a generator that makes 20,000 of them."""
    alive: weakref.WeakSet[Pair] = weakref.WeakSet()
    most = 0

    def stream():
        nonlocal most
        for i in range(20_000):
            one = pair(str(i))
            alive.add(one)
            most = max(most, len(alive))
            yield one

    assert len(sample("s", stream(), 100, 0)) == 100
    assert most <= 110


def test_seeds_and_sources_draw_differently():
    ids = [str(i) for i in range(300)]

    def drawn(source, seed):
        return {p.pair_id for p in sample(source, map(pair, ids), 100, seed)}

    assert drawn("a", 0) != drawn("a", 1) and drawn("a", 0) != drawn("b", 0)


def test_parts_are_fixed_and_have_their_shares():
    """A group's part is written in stone: 5 % of all, or another share, whose sets are nested."""
    groups = range(20_000)
    five = {g for g in groups if part_of("squad", g) == "validation"}
    two = {g for g in groups if part_of("squad", g, 0.02) == "validation"}
    assert 0.045 < len(five) / 20_000 < 0.055 and 0.017 < len(two) / 20_000 < 0.023
    assert two < five
    assert [part_of("squad", t) for t in ("Beyoncé", "Frédéric_Chopin")] == ["validation", "train"]
    assert {part_of("ntrex", g) for g in groups} == set(PARTS)


def test_check_part():
    check_part("x", "train")
    with pytest.raises(UserError, match="^x: it has no part evaluation; right: train, validation$"):
        check_part("x", "evaluation")
    with pytest.raises(UserError, match="^x: it has no part train; right: validation$"):
        check_part("x", "train", ("validation",))


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["en", "de"]), st.integers(0, 3)), max_size=12)
)
def test_tables_are_sorted_with_one_text_per_passage(rows):
    pairs, passages = tables(
        ((f"{i}{n}", language, "q", i, []) for n, (i, language, _) in enumerate(rows)),
        ((i, language, str(text)) for i, language, text in rows),
    )
    assert list(pairs) == ["pair_id", "language", "query", "passage_id", "negative_ids"]
    assert list(passages) == ["passage_id", "language", "text"]
    for table, key in ((pairs, "pair_id"), (passages, "passage_id")):
        keys = list(zip(table["language"], table[key], strict=True))
        assert keys == sorted(keys) and isinstance(table.index, pd.RangeIndex)
    right = {}
    for i, language, text in rows:
        right.setdefault((i, language), str(text))
    assert {(r.passage_id, r.language): r.text for r in passages.itertuples()} == right
    assert len(pairs) == len(rows)


def test_clean_and_digest():
    assert clean(" a\n\tb\u00a0 c\u2028") == "a b c" and clean(None) == clean("") == ""
    assert digest("a", "bc") != digest("ab", "c") and len(digest("x")) == 16
