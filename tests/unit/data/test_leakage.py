"""The leakage audit against a slow reference, on planted leaks of every kind, and on clean data."""

import random
import string

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langscale.core.errors import UserError
from langscale.data import leakage as audit
from langscale.data.leakage import check, drop, overlaps, units

TEXTS = st.lists(st.lists(st.sampled_from("ab"), max_size=24).map(" ".join), max_size=8)


def grams(its):
    return {tuple(its[i : i + 13]) for i in range(len(its) - 12)}


def reference(left, right, containment):
    """Every pair of texts, with sets."""
    found = {}
    for i, a in enumerate(map(units, left)):
        for j, b in enumerate(map(units, right)):
            fewest = min(len(grams(a)), len(grams(b)))
            if a and a == b:
                found[i, j, True] = 1.0
            elif fewest and len(grams(a) & grams(b)) / fewest >= containment:
                found[i, j, False] = len(grams(a) & grams(b)) / fewest
    return found


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from([0.01, 0.3, 0.5, 1.0]))
def test_overlaps_by_a_slow_reference(left, right, containment):
    """Two words only, so that texts overlap in all ways; blocks of three texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "BLOCK", 3)
        found = overlaps(left, right, containment)
    rows = {(r.left, r.right, r.exact): r.containment for r in found.itertuples()}
    assert len(rows) == len(found)
    assert rows == pytest.approx(reference(left, right, containment))


@given(st.text(max_size=60), st.text(max_size=60))
def test_exact_is_equality_of_units(a, b):
    found = overlaps([a, a], [b, a], 0.5)
    right = {(i, 1) for i in (0, 1) if units(a)} | {
        (i, 0) for i in (0, 1) if units(a) and units(a) == units(b)
    }
    assert {(r.left, r.right) for r in found[found["exact"]].itertuples()} == right


def test_units():
    """Words, but characters where a script does not space words; case, punctuation and width do not count."""
    assert units("  The QUICK, brown—fox's №1!") == ["the", "quick", "brown", "fox", "s", "no1"]
    assert units("Straße ΣΊΣΥΦΟΣ ﬁnd Ａ１") == ["strasse", "σίσυφοσ", "find", "a1"]
    assert units("हिन्दी में, العَرَبِيَّة") == ["हिन्दी", "में", "العَرَبِيَّة"]
    assert units("2018年,東京カ") == ["2018", "年", "東", "京", "カ"]
    assert units("ไทย ที่") == ["ไ", "ท", "ย", "ท", "ี", "่"]
    assert units("ລາວ ខ្មែរ မြန်မာ") == list("ລາວ") + list("ខ្មែរ") + list("မြန်မာ")
    assert units("한국어 བོད་ཡིག") == ["한국어", "བོད", "ཡིག"]
    assert units("?! …") == []


# 60 texts of each language from small alphabets, so that grams repeat but texts do not
ALPHABETS = {
    "en": [f"{a}{b}" for a in string.ascii_lowercase for b in "aeiou"],
    "zh": [chr(0x4E00 + i) for i in range(130)],
    "th": [chr(0x0E01 + i) for i in range(46)],
}


def text(language, seed, length=40):
    draw = random.Random(f"{language} {seed}")
    return ("" if language in ("zh", "th") else " ").join(draw.choices(ALPHABETS[language], k=length))


def source(languages=("en", "zh", "th"), count=30, negatives=False):
    ids = [(f"s:{i}", code) for code in languages for i in range(count)]
    pairs = pd.DataFrame(
        [(i, code, text(code, f"query {i}", 20), f"p{i}", [f"n{i}"] if negatives else []) for i, code in ids],
        columns=["pair_id", "language", "query", "passage_id", "negative_ids"],
    )
    kinds = ("p", "n") if negatives else ("p",)
    passages = pd.DataFrame(
        [(f"{k}{i}", code, text(code, f"passage {k} {i}")) for i, code in ids for k in kinds],
        columns=["passage_id", "language", "text"],
    )
    return pairs, passages


def benchmark(languages=("en", "zh", "th"), count=20):
    questions = [
        (f"q{i}", "c", code, text(code, f"question {i}", 20)) for code in languages for i in range(count)
    ]
    candidates = [
        (f"{code}_{i}", "", code, text(code, f"candidate {i}")) for code in languages for i in range(count)
    ]
    return (
        pd.DataFrame(questions, columns=["question_id", "cluster", "language", "text"]),
        pd.DataFrame(candidates, columns=["candidate_id", "key", "language", "text"]),
    )


def put(table, key, value, language, column, content):
    row = table[key].eq(value) & table["language"].eq(language)
    assert row.sum() == 1
    table.loc[row, column] = content


def run(pairs, passages, its, **options):
    summary, offending = audit.audit([("squad", "train", pairs, passages)], {"xquad-r": its}, **options)
    assert list(summary) == audit.SOURCE + audit.COUNTS and list(offending) == audit.SOURCE + audit.HIT
    return summary.set_index("language"), offending


def test_clean_data_gives_nothing():
    summary, offending = run(*source(negatives=True), benchmark())
    assert offending.empty and list(summary.index) == ["en", "th", "zh", "all"]
    assert summary.loc["all", audit.COUNTS].tolist() == [30, 120, 0, 0, 0, 0, 0.0]
    check(summary.reset_index(), 0.0)


def test_texts_of_a_code_for_private_use_are_those_of_its_language():
    pairs, passages = source()
    (
        questions,
        candidates,
    ) = benchmark()
    candidates.loc[candidates["language"] == "en", "language"] = "en-x-de"
    put(pairs, "pair_id", "s:3", "en", "query", candidates["text"][0])
    summary, offending = run(pairs, passages, (questions, candidates))
    assert summary["benchmark_texts"].to_dict() == {"en": 40, "th": 40, "zh": 40, "all": 120}
    assert list(offending["pair_id"]) == ["s:3"]


LEAKS = {
    # what the source's text becomes, given the benchmark's: match and containment
    "exact": (lambda its: its, "exact", 1.0),
    "case and punctuation": (lambda its: f"«{its.upper()}»!", "exact", 1.0),
    "inside of a longer text": (
        lambda its: f"{text('en', 'before', 30)} {its} {text('en', 'after')}",
        "near",
        1.0,
    ),
    "three quarters of it": (lambda its: " ".join(its.split()[:30]), "near", 1.0),
    "one word changed": (lambda its: " ".join([*its.split()[:32], "x", *its.split()[33:]]), "near", 20 / 28),
}


@pytest.mark.parametrize("kind", LEAKS)
@pytest.mark.parametrize("place", ["query", "passage", "negative"])
def test_planted_leaks_in_english(kind, place):
    """One leak in one text: one pair, flagged in English by its text and in the other languages by its id."""
    change, match, share = LEAKS[kind]
    pairs, passages = source(negatives=True)
    its = benchmark()
    leaked = change(text("en", "candidate 4"))
    if place == "query":
        put(pairs, "pair_id", "s:7", "en", "query", leaked)
    else:
        put(passages, "passage_id", f"{place[0]}s:7", "en", "text", leaked)
    summary, offending = run(pairs, passages, its)
    row = ["squad", "train", "xquad-r", "en", "s:7", place, match, pytest.approx(share), "passage", "en_4"]
    assert offending.values.tolist() == [row]
    exact = int(match == "exact")
    assert summary.loc["en", audit.COUNTS].tolist() == [30, 40, exact, 1 - exact, 0, 1, 1 / 30]
    for language in ("th", "zh"):
        assert summary.loc[language, audit.COUNTS].tolist() == [30, 40, 0, 0, 1, 1, 1 / 30]
    assert summary.loc["all", audit.COUNTS].tolist() == [30, 120, exact, 1 - exact, 0, 1, 1 / 30]


@pytest.mark.parametrize("language", ["zh", "th"])
def test_planted_leaks_without_spaces(language):
    """By characters: a part of a candidate is found inside of a passage that has no space in it."""
    pairs, passages = source()
    its = benchmark()
    leaked = text(language, "before") + text(language, "candidate 4")[5:35] + text(language, "after")
    put(passages, "passage_id", "ps:7", language, "text", leaked)
    summary, offending = run(pairs, passages, its)
    assert offending[["language", "pair_id", "match", "benchmark_id"]].values.tolist() == [
        [language, "s:7", "near", f"{language}_4"]
    ]
    assert offending["containment"].tolist() == pytest.approx([18 / 28])
    assert summary.loc["en", "through_ids"] == 1 and summary.loc[language, "near"] == 1


def test_short_texts_only_leak_exactly():
    """Twelve units have no 13-gram: the same twelve are found, the same twelve and one more are not."""
    pairs, passages = source(["en"])
    questions, candidates = benchmark(["en"])
    short = text("en", "short", 12)
    put(questions, "question_id", "q3", "en", "text", short + "?")
    put(pairs, "pair_id", "s:1", "en", "query", short)
    put(pairs, "pair_id", "s:2", "en", "query", short + " more")
    _, offending = run(pairs, passages, (questions, candidates))
    assert offending[["pair_id", "text", "match", "benchmark_text", "benchmark_id"]].values.tolist() == [
        ["s:1", "query", "exact", "question", "q3"]
    ]


def test_languages_are_compared_with_themselves_alone():
    """An English text in a Chinese row is no leak of the English one; Chinese has nothing to compare with."""
    pairs, passages = source()
    put(pairs, "pair_id", "s:1", "zh", "query", text("en", "candidate 4"))
    summary, offending = run(pairs, passages, benchmark(["en", "th"]))
    assert offending.empty and summary.loc["zh", ["pairs", "benchmark_texts"]].tolist() == [30, 0]


def test_the_closest_text_is_named_and_pairs_share_passages():
    """A passage of two pairs leaks both; of two candidates that it holds, the fuller one is named."""
    pairs, passages = source(["en"])
    pairs.loc[pairs["pair_id"] == "s:8", "passage_id"] = "ps:7"
    parts = text("en", "candidate 5").split()[:30], text("en", "candidate 4").split()
    put(passages, "passage_id", "ps:7", "en", "text", " ".join([*parts[0], *parts[1]]))
    _, offending = run(pairs, passages, benchmark(["en"]))
    assert offending[["pair_id", "benchmark_id", "containment"]].values.tolist() == [
        ["s:7", "en_4", 1.0],
        ["s:8", "en_4", 1.0],
    ]


def test_exact_comes_before_near_and_the_first_of_equals():
    """A passage that is a candidate and the most of others; of two equal ones the first is named."""
    pairs, passages = source(["en"])
    questions, candidates = benchmark(["en"])
    leaked = text("en", "candidate 9")
    put(candidates, "candidate_id", "en_2", "en", "text", leaked + " and more")
    put(candidates, "candidate_id", "en_12", "en", "text", leaked)
    put(passages, "passage_id", "ps:7", "en", "text", leaked)
    _, offending = run(pairs, passages, (questions, candidates))
    assert offending[["pair_id", "match", "benchmark_id"]].values.tolist() == [["s:7", "exact", "en_9"]]


def test_containment_is_the_threshold():
    pairs, passages = source(["en"])
    put(passages, "passage_id", "ps:7", "en", "text", LEAKS["one word changed"][0](text("en", "candidate 4")))
    assert len(run(pairs, passages, benchmark(["en"]), containment=20 / 28)[1]) == 1
    assert len(run(pairs, passages, benchmark(["en"]), containment=0.72)[1]) == 0


def test_sources_and_benchmarks_are_all_compared():
    """A generator of sources, two benchmarks: four rows of `all`, and one pair of one part offends."""
    its = {"xquad-r": benchmark(["en", "th"]), "mlqa-r": benchmark(["en"], 3)}

    def sources():
        for part in ("train", "validation"):
            pairs, passages = source(["en", "th"])
            pairs = pairs.iloc[:-20]  # ten pairs are in Thai as well
            if part == "validation":
                put(pairs, "pair_id", "s:2", "en", "query", text("en", "question 9", 20))
            yield "squad", part, pairs, passages

    summary, offending = audit.audit(sources(), its)
    every = summary[summary["language"] == "all"]
    assert every[["part", "benchmark", "offending"]].values.tolist() == [
        ["train", "xquad-r", 0], ["train", "mlqa-r", 0], ["validation", "xquad-r", 1], ["validation",
        "mlqa-r", 0],
    ]  # fmt: skip
    assert offending[["part", "benchmark", "pair_id", "benchmark_id"]].values.tolist() == [
        ["validation", "xquad-r", "s:2", "q9"]
    ]
    found = r"squad \(validation\) and xquad-r: 1 of 30 pairs \(3.33%\)"
    right = "at most 1.00% may overlap: drop them or leave the source out"
    with pytest.raises(UserError, match=f"^leakage: {found}; {right}$"):
        check(summary, 0.01)
    check(summary, 0.04)


def test_drop_takes_pairs_in_all_languages_and_their_passages():
    """Then nothing offends. A passage that a kept pair has too stays, and so does one that no pair has."""
    pairs, passages = source(negatives=True)
    pairs.loc[pairs["pair_id"] == "s:8", "passage_id"] = "ns:7"
    passages.loc[len(passages)] = ["unused", "en", "a text"]
    put(pairs, "pair_id", "s:7", "th", "query", text("th", "question 1", 20))
    _, offending = run(pairs, passages, benchmark())
    kept, texts = drop(pairs, passages, offending)
    assert len(pairs) - len(kept) == 3 and "s:7" not in set(kept["pair_id"])
    assert set(passages["passage_id"]) - set(texts["passage_id"]) == {"ps:7"}
    assert run(kept, texts, benchmark())[1].empty
    same = drop(pairs, passages, offending.iloc[:0])
    assert same[0].equals(pairs) and same[1].equals(passages)


def test_no_sources():
    summary, offending = audit.audit([], {"xquad-r": benchmark()})
    assert summary.empty and offending.empty
    check(summary, 0.0)
