import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.toy_training import LANGUAGES, tables

from langscale.core.errors import UserError
from langscale.data import subsets
from langscale.data.subsets import Subset, build
from langscale.data.tokens import fingerprint

FIELDS = ("queries", "positives", "negatives", "passage", "negative_passage", "whole", "question")


def by_hash(ids):
    """The order of pairs, from its definition: the little-endian number in the first 8 bytes of sha256."""
    return sorted(ids, key=lambda i: hashlib.sha256(f"pair\x1f{i}".encode()).digest()[:8][::-1])


def by_loops(pairs, passages, languages, pool, hard):
    """Slow twin of `build`: the rows that each cell points to, as texts; None where there is none."""
    asked = {(row.pair_id, row.language): row.query for row in pairs.itertuples()}
    given = {(row.passage_id, row.language): row.text for row in passages.itertuples()}
    found = []
    for pair in by_hash(set(pairs["pair_id"])):
        row = next(row for row in pairs.itertuples() if row.pair_id == pair)
        found.append(
            {
                "queries": [asked.get((pair, c)) for c in languages],
                "positives": [given.get((row.passage_id, c)) for c in languages],
                "negatives": [[given.get((n, c)) for c in languages] for n in row.negative_ids[:hard]],
                "whole": all((pair, c) in asked and (row.passage_id, c) in given for c in pool),
            }
        )
    return found


def as_texts(subset, pairs, passages):
    """The same of a subset, by looking its rows up."""

    def text(table, column, row):
        return None if row < 0 else table[column].iloc[row]

    return [
        {
            "queries": [text(pairs, "query", row) for row in subset.queries[p]],
            "positives": [text(passages, "text", row) for row in subset.positives[p]],
            "negatives": [[text(passages, "text", row) for row in rows] for rows in subset.negatives[p]],
            "whole": bool(subset.whole[p]),
        }
        for p in range(len(subset.queries))
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sets(st.sampled_from(LANGUAGES), min_size=1),
)
def test_build_agrees_with_loops_on_tables_with_holes_in_any_order(seed, hard, most, languages):
    draw = np.random.default_rng(seed)
    pairs, passages = tables(pairs=8, hard=hard)
    # some negatives lack a passage altogether, and pairs differ in how many they have
    lists = {
        i: [*ids[: draw.integers(hard + 1)], "gone"][: int(draw.integers(hard + 2))]
        for i, ids in zip(pairs["pair_id"], pairs["negative_ids"], strict=True)
    }
    pairs["negative_ids"] = [lists[i] for i in pairs["pair_id"]]
    pairs, passages = (
        t.sample(frac=draw.uniform(0.5, 1), random_state=int(draw.integers(10**6))).reset_index(drop=True)
        for t in (pairs, passages)
    )
    languages = sorted(languages)
    built = build("toy", pairs, passages, languages[::-1], LANGUAGES, most)
    expected = by_loops(pairs, passages, languages, LANGUAGES, most)
    width = max(len(row["negatives"]) for row in expected)
    for row in expected:
        row["negatives"] += [[None] * len(languages)] * (width - len(row["negatives"]))
    assert as_texts(built, pairs, passages) == expected
    assert built.negatives.shape == (len(expected), width, len(languages))
    # passage numbers stand for ids: equal where the ids are
    once = pairs.drop_duplicates("pair_id").set_index("pair_id")
    ids = [once.loc[i, "passage_id"] for i in by_hash(once.index)]
    known = set(passages["passage_id"])
    for i in range(len(ids)):
        assert (built.passage[i] >= 0) == (ids[i] in known)
        negatives = once.loc[by_hash(once.index)[i], "negative_ids"][:most]
        for column, negative in enumerate(negatives):
            assert (built.negative_passage[i, column] >= 0) == (negative in known)
            for j in range(len(ids)):
                if built.passage[j] >= 0:
                    assert (built.negative_passage[i, column] == built.passage[j]) == (negative == ids[j])


def order(pairs, passages, languages=LANGUAGES):
    built = build("toy", pairs, passages, languages, LANGUAGES, 0)
    return pairs["pair_id"].iloc[built.queries[:, 0]].tolist()


def test_order_is_of_the_ids_alone():
    pairs, passages = tables()
    first = order(pairs, passages)
    assert first == by_hash(first) and first != sorted(first) and len(first) == 60
    assert order(pairs[::-1].reset_index(drop=True), passages) == first
    for languages in (["en"], ["de", "es"]):
        assert order(pairs, passages, languages) == first
    fewer = pairs[pairs["pair_id"] < "q40"].reset_index(drop=True)
    assert order(fewer, passages) == [i for i in first if i < "q40"]


@pytest.fixture
def holes():
    """60 pairs in three languages. Every third lacks German queries, every fifth a Spanish passage."""
    pairs, passages = tables()
    number = pairs["pair_id"].str[1:].astype(int)
    pairs = pairs[~((pairs["language"] == "de") & (number % 3 == 0))].reset_index(drop=True)
    number = passages["passage_id"].str[1:].astype(int)
    passages = passages[~((passages["language"] == "es") & (number % 5 == 0))].reset_index(drop=True)
    return pairs, passages


def test_take_is_a_prefix(holes):
    pairs, passages = holes
    built = build("toy", pairs, passages, ["de", "en"], LANGUAGES, 0)
    whole = built.take(whole_pool=True)
    ids = pairs["pair_id"].iloc[whole.queries[:, 1]].tolist()
    assert ids == [i for i in by_hash({f"q{i:02}" for i in range(60)}) if int(i[1:]) % 3 and int(i[1:]) % 5]
    assert len(built.take(whole_pool=False).queries) == 60
    german = build("toy", pairs, passages, ["de"], LANGUAGES, 0)
    assert len(german.take(whole_pool=False).queries) == 40
    for count in (1, 17, 32):
        for share in (1, 2, 5):
            part = built.take(whole_pool=True, pairs=count, share=share)
            for field in FIELDS:
                assert np.array_equal(getattr(part, field), getattr(whole, field)[: count // share])
            assert np.array_equal(part.answers, whole.answers)
    assert len(built.take(whole_pool=True, share=3).queries) == 32 // 3
    with pytest.raises(UserError, match="budgets: pairs: found 33; toy has 32 in these languages"):
        built.take(whole_pool=True, pairs=33)


def test_budgets_hold_the_same_pairs_at_every_n(holes):
    pairs, passages = holes
    taken = []
    for languages in (["en"], ["de", "en"], LANGUAGES):
        subset = build("toy", pairs, passages, languages, LANGUAGES, 0).take(whole_pool=True, pairs=20)
        column = sorted(languages).index("en")
        taken.append(pairs["pair_id"].iloc[subset.queries[:, column]].tolist())
        assert subset.available.all()
    assert taken[0] == taken[1] == taken[2]


def test_available_needs_query_and_positive(holes):
    pairs, passages = holes
    built = build("toy", pairs, passages, LANGUAGES, LANGUAGES, 0)
    numbers = np.array([int(i[1:]) for i in by_hash(set(pairs["pair_id"]))])
    expected = np.stack([numbers % 3 != 0, numbers >= 0, numbers % 5 != 0], axis=1)
    assert np.array_equal(built.available, expected)
    assert built.whole.sum() == expected.all(1).sum() == 32


def test_a_pair_without_a_passage_is_not_in_the_whole_pool():
    pairs, passages = tables(pairs=4)
    for gone in sorted(set(passages["passage_id"])):
        left = passages[passages["passage_id"] != gone].reset_index(drop=True)
        built = build("toy", pairs, left, LANGUAGES, LANGUAGES, 0)
        expected = [f"p{i[1:]}" != gone for i in by_hash(set(pairs["pair_id"]))]
        assert built.whole.tolist() == expected and (built.available == built.whole[:, None]).all()
        assert ((built.passage < 0) == ~built.whole).all()


def test_write_and_load(tmp_path, holes):
    pairs, passages = holes
    built = build("toy", pairs, passages, LANGUAGES, LANGUAGES, 0)
    empty = build("toy", pairs[:0], passages[:0], LANGUAGES, LANGUAGES, 0)
    subsets.write(tmp_path / "set", {("toy", "train"): built, ("toy", "validation"): empty}, LANGUAGES[::-1])
    loaded = Subset.load(tmp_path / "set", "toy", "train")
    for field in FIELDS:
        array = getattr(loaded, field)
        assert isinstance(array, np.memmap) and not array.flags.writeable
        assert np.array_equal(array, getattr(built, field))
    summary = json.loads((tmp_path / "set/summary.json").read_text())
    assert summary["languages"] == list(LANGUAGES)
    assert summary["sources"]["toy"] == {
        "train": {"pairs": 60, "in_whole_pool": 32, "by_language": {"de": 40, "en": 60, "es": 48}},
        "validation": {"pairs": 0, "in_whole_pool": 0, "by_language": {"de": 0, "en": 0, "es": 0}},
    }


def test_tables_of_a_source_without_negatives_may_come_from_arrow():
    pairs, passages = tables(pairs=4)
    pairs["negative_ids"] = [np.array([], dtype=object) for _ in range(len(pairs))]
    built = build("toy", pd.DataFrame(pairs), passages, LANGUAGES, LANGUAGES, 1)
    assert built.negatives.shape == (4, 0, 3) and built.negative_passage.shape == (4, 0)


def prints(pairs):
    return np.array([fingerprint(text) for text in pairs["query"]], dtype=np.int64)


def answers_by_search(pairs):
    """Slow twin: pair id -> passage ids of all pairs with the same query, by steps from text to text."""
    texts = {(row.pair_id, row.language, " ".join(row.query.lower().split())) for row in pairs.itertuples()}
    passage = dict(zip(pairs["pair_id"], pairs["passage_id"], strict=True))
    found = {}
    for start in passage:
        reached, waiting = {start}, [start]
        while waiting:
            mine = {text[1:] for text in texts if text[0] == waiting[-1]}
            waiting.pop()
            near = {text[0] for text in texts if text[1:] in mine} - reached
            reached |= near
            waiting += sorted(near)
        found[start] = {passage[pair] for pair in reached}
    return found


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.sets(st.sampled_from(LANGUAGES), min_size=1))
def test_other_positives_are_those_of_all_pairs_that_ask_the_same(seed, few, languages):
    draw = np.random.default_rng(seed)
    pairs, passages = tables(pairs=12, hard=2)
    asked = draw.integers(12 * few, size=len(pairs))  # a text is asked by one pair or several, per language
    pairs["query"] = [(" Who  is %d" if draw.random() < 0.5 else "who is %d ") % i for i in asked]
    some = draw.random(len(pairs)) < 0.8
    pairs = pairs[some].reset_index(drop=True)
    names = {f"p{i:02}": f"p{draw.integers(8):02}" for i in range(12)}  # several pairs may share a passage
    pairs["passage_id"] = [names[i] for i in pairs["passage_id"]]
    without = {i for i in sorted(set(pairs["pair_id"])) if draw.random() < 0.2}
    built = build("toy", pairs, passages, languages, LANGUAGES, 2, without, prints(pairs))
    expected, ids = answers_by_search(pairs), by_hash(set(pairs["pair_id"]) - without)
    numbers = {name: i for i, name in enumerate(sorted(set(passages["passage_id"])))}
    rows = draw.integers(len(ids), size=7) if ids else np.empty(0, dtype=int)
    documents = draw.integers(-1, 12, size=20)
    found = built.other_positives(rows, documents)
    own = {
        i: numbers[expected_passage]
        for i, expected_passage in zip(pairs["pair_id"], pairs["passage_id"], strict=True)
    }
    several = [len(expected[ids[row]]) > 1 for row in rows]
    assert (found is None) == (not any(several))
    for i, row in enumerate(rows if found is not None else []):
        positives = {numbers[name] for name in expected[ids[row]]} if several[i] else set()
        assert found[i].tolist() == [d in positives for d in documents]
        assert not several[i] or own[ids[row]] in positives
    # the languages of the subset do not matter, nor does what else is taken
    again = build("toy", pairs, passages, LANGUAGES, LANGUAGES, 0, without, prints(pairs))
    assert np.array_equal(again.question, built.question) and np.array_equal(again.answers, built.answers)
    half = built.take(whole_pool=False, share=2)
    assert np.array_equal(half.question, built.question[(built.queries >= 0).any(1)][: len(half.question)])


def test_without_equal_queries_nothing_changes():
    pairs, passages = tables(hard=1)
    plain = build("toy", pairs, passages, LANGUAGES, LANGUAGES, 1)
    looked = build("toy", pairs, passages, LANGUAGES, LANGUAGES, 1, frozenset(), prints(pairs))
    assert all(
        np.array_equal(getattr(plain, field), getattr(looked, field)) for field in (*FIELDS, "answers")
    )
    assert (looked.question == -1).all() and not len(looked.answers)
    assert looked.other_positives(np.arange(60), np.arange(60)) is None
    # the same query with the same passage is one positive, which its passage id masks already
    twice = pd.concat([pairs, pairs.assign(pair_id=pairs["pair_id"] + "b")], ignore_index=True)
    assert not len(build("toy", twice, passages, LANGUAGES, LANGUAGES, 1, frozenset(), prints(twice)).answers)
