"""The English-only sets on small files of their formats: each set by hand, and what holds for all of them."""

import gzip
import io
import json
import re
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.raw_files import put

from langscale.core.errors import UserError
from langscale.data import catalogue
from langscale.data.sources import english
from langscale.data.sources.common import digest, part_of

COUNT = 120  # rows or groups, so that both parts have some


def parquet(rows):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def json_lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def named(name):
    """The file name of a hub entry with its pattern filled in, None where it is no pattern."""
    return [
        (e, e.file.replace("*", "train-00000-of-00001") if e.pattern else None)
        for e in catalogue.source(name).files(["en"])
    ]


def write_nq(raw):
    rows = [{"query": f"who is n {i}", "answer": f"n {i // 2} is a\n name."} for i in range(COUNT)]
    for entry, file in named("nq"):
        put(raw, entry, parquet(rows), file)


def write_yahoo(raw):
    rows = [{"question": f"Title {i} question?", "answer": f"best answer {i}"} for i in range(COUNT)]
    for entry, file in named("yahoo-qa"):
        put(raw, entry, parquet(rows), file)


def write_wikiqa(raw):
    rows = [
        {"question_id": f"Q{i}", "question": f"what is {i}?", "document_title": f"D{i // 3}",
         "answer": f"{i} {k}.", "label": int(k == 1)}
        for i in range(COUNT) for k in range(3)
    ]  # fmt: skip
    (entry, _), *_ = named("wikiqa")
    for split, its in (("train", rows[:180]), ("validation", rows[180:240]), ("test", rows[240:])):
        put(raw, entry, parquet(its), entry.file.replace("*", f"{split}-00000-of-00001"))


def plot(i):
    return " ".join(f"word{i}x{k}" for k in range(400))  # windows of 133 and 134 words


def write_duorc(raw):
    for entry, _ in named("duorc"):
        for split in ("train", "test"):
            rows = [
                {"plot_id": f"/m/{i}", "plot": plot(i), "title": "T", "question_id": f"{split}{i}-{k}",
                 "question": f"{split}: what {i} {k}?", "answers": answers, "no_answer": not answers}
                for i in range(COUNT)
                for k, answers in enumerate(
                    [[f"word{i}x7"], ["not there", f"WORD{i}x390 word{i}x391"], [f"word{i}x132 word{i}x133"],
                    [], ["no"]]
                )
            ]  # fmt: skip
            put(raw, entry, parquet(rows), entry.file.replace("*", f"{split}-00000-of-00001"))


def write_newsqa(raw):
    rows = [
        {"context": f"(CNN) -- {plot(i)}", "question": f"what {i} {k}?", "answers": [f"word{i}x{k}"], "key":
        f"{i}{k}x",
         "labels": [{"start": [3], "end": [4]}]}
        for i in range(COUNT) for k in (5, 6, 399)
    ]  # fmt: skip
    (entry, _), *_ = named("newsqa")
    put(raw, entry, parquet(rows), entry.file.replace("*", "train-00000-of-00001-ec54fbe500fc3b5c"))
    rows = [rows[0] | {"question": "of the validation split", "key": "other"}]
    put(raw, entry, parquet(rows), entry.file.replace("*", "validation-00000-of-00001-3cf888b12fff1dd6"))


def write_mfaq(raw):
    rows = [
        {"id": i, "domain": f"www.d{i // 2}.org", "language": "en", "num_pairs": 2,
         "qa_pairs": [{"question": f"Can I {i} {k // 2}?", "answer": f"Yes {i} {k}."} for k in range(4)]}
        for i in range(COUNT)
    ]  # fmt: skip
    put(raw, catalogue.source("mfaq").files(["en"])[0], json_lines(rows))


def write_mrtydi(raw):
    def passage(article, n):
        return {"docid": f"{article}#{n}", "title": f"Title {article}", "text": f"text {article} {n}"}

    rows = [
        {"query_id": str(i), "query": f"when was {i}?",
         "positive_passages": [passage(i, 0), passage(i, 1), passage(i + 1, 0)],
         "negative_passages": [passage((i + k) % COUNT, 2) for k in range(30)]}
        for i in range(COUNT)
    ]  # fmt: skip
    rows.append({"query_id": "x", "query": "unanswered", "positive_passages": [], "negative_passages": []})
    put(raw, catalogue.source("mr-tydi").files(["en"])[0], gzip.compress(json_lines(rows).encode()))


def write_entity_questions(raw):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for relation in ("P17", "P19"):
            rows = [
                {"question": f"{relation} of {i}?", "answers": [f"City {i // 2}", "Town"]}
                for i in range(COUNT)
            ]
            archive.writestr(f"dataset/train/{relation}.train.json", json.dumps(rows))
            archive.writestr(
                f"dataset/dev/{relation}.dev.json", json.dumps([{"question": "dev", "answers": ["a"]}])
            )
    put(raw, catalogue.source("entity-questions").files(["en"])[0], buffer.getvalue())


def write_squadshifts(raw):
    for entry in catalogue.source("squadshifts").files(["en"]):
        kind = entry.path.rsplit("/", 1)[1].split("_v")[0]
        qas = [{"id": f"q{i}", "question": f"{kind} {i}?", "answers": []} for i in range(2)]
        data = [{"title": "T", "paragraphs": [{"context": f"{kind} context", "qas": qas}]}]
        put(raw, entry, json.dumps({"data": data}))


SETS = {
    "nq": (english.NQ, write_nq),
    "yahoo-qa": (english.YAHOO_QA, write_yahoo),
    "wikiqa": (english.WIKIQA, write_wikiqa),
    "duorc": (english.DUORC, write_duorc),
    "newsqa": (english.NEWSQA, write_newsqa),
    "mfaq": (english.MFAQ, write_mfaq),
    "mr-tydi": (english.MR_TYDI, write_mrtydi),
    "entity-questions": (english.ENTITY_QUESTIONS, write_entity_questions),
    "squadshifts": (english.SQUADSHIFTS, write_squadshifts),
}


def rows(reader, raw, part="train", **options):
    """{(query, text)}, and the tables."""
    pairs, passages = reader.build(part, ["de", "en"], raw, **options)
    texts = passages.set_index("passage_id")["text"]
    return {(q, texts[p]) for q, p in zip(pairs["query"], pairs["passage_id"], strict=True)}, pairs, passages


def everything(name, raw):
    reader, write = SETS[name]
    write(raw)
    return set().union(*(rows(reader, raw, part)[0] for part in reader.parts))


@pytest.mark.parametrize("name", SETS)
def test_contract(name, tmp_path):
    """Sorted, English, no passage without a pair, none in two parts; samples are nested."""
    reader, write = SETS[name]
    assert reader.name == name
    write(tmp_path)
    parts = {part: rows(reader, tmp_path, part) for part in reader.parts}
    for _, pairs, passages in parts.values():
        assert len(pairs) and set(pairs["language"]) == set(passages["language"]) == {"en"}
        assert list(pairs["pair_id"]) == sorted(set(pairs["pair_id"]))
        assert list(passages["passage_id"]) == sorted(set(passages["passage_id"]))
        assert {*pairs["passage_id"], *pairs["negative_ids"].explode().dropna()} == set(
            passages["passage_id"]
        )
        assert pairs["pair_id"].str.startswith(f"{name}:").all() and passages["text"].str.len().all()
    ids = [set(passages["passage_id"]) for _, _, passages in parts.values()]
    assert len(set.union(*ids)) == sum(map(len, ids))
    first = reader.parts[0]
    sizes = [set(reader.build(first, ["en"], tmp_path, n, 3)[0]["pair_id"]) for n in (2, 4)]
    assert len(sizes[0]) == 2 and sizes[0] < sizes[1] <= set(parts[first][1]["pair_id"])


@pytest.mark.parametrize("name", SETS)
def test_errors(name, tmp_path):
    reader, _ = SETS[name]
    with pytest.raises(UserError, match=f"^{name}: .* is missing; run `snakemake download`$"):
        reader.build(reader.parts[-1], ["en"], tmp_path)
    with pytest.raises(UserError, match=f"^{name} has none of the languages de fr; it has en$"):
        reader.files(["de", "fr"])
    with pytest.raises(UserError, match=f"^{name}: it has no part evaluation; right: "):
        reader.build("evaluation", ["en"], tmp_path)


def test_squadshifts_never_trains(tmp_path):
    write_squadshifts(tmp_path)
    with pytest.raises(UserError, match="^squadshifts: it has no part train; right: validation$"):
        english.SQUADSHIFTS.build("train", ["en"], tmp_path)
    kinds = ("new_wiki", "nyt", "reddit", "amazon_reviews")
    assert rows(english.SQUADSHIFTS, tmp_path, "validation")[0] == {
        (f"{kind} {i}?", f"{kind} context") for kind in kinds for i in range(2)
    }


def test_nq_and_yahoo(tmp_path):
    """Two queries of one passage share its id, which is in one part."""
    assert everything("nq", tmp_path) == {(f"who is n {i}", f"n {i // 2} is a name.") for i in range(COUNT)}
    _, _, passages = rows(english.NQ, tmp_path)
    assert set(passages["passage_id"]) <= {f"nq:{digest(f'n {i} is a name.')}" for i in range(COUNT // 2)}
    assert everything("yahoo-qa", tmp_path) == {
        (f"Title {i} question?", f"best answer {i}") for i in range(COUNT)
    }


def test_wikiqa_takes_right_answers_of_all_splits(tmp_path):
    assert everything("wikiqa", tmp_path) == {(f"what is {i}?", f"{i} 1.") for i in range(COUNT)}


def test_duorc_takes_windows_with_an_answer(tmp_path):
    """An answer in the first window, one in the last; not one across windows, missing or none."""
    found = everything("duorc", tmp_path)
    words = [plot(i).split() for i in range(COUNT)]
    assert found == {
        pair
        for i, its in enumerate(words)
        for pair in (
            (f"train: what {i} 0?", " ".join(its[:133])),
            (f"train: what {i} 1?", " ".join(its[266:])),
        )
    }
    _, pairs, passages = rows(english.DUORC, tmp_path)
    films = {part_of("duorc", f"/m/{i}") for i in range(COUNT)}
    assert films == {"train", "validation"}
    assert set(pairs["pair_id"].str.split(":").str[1]) == {"ParaphraseRC", "SelfRC"}
    assert "duorc:SelfRC:train0-1" in set(pairs["pair_id"]) and "duorc:SelfRC:/m/0:2" in set(
        passages["passage_id"]
    )


def test_newsqa_shares_windows(tmp_path):
    """Questions on one place share a passage; 402 words with the agency's line are 3 windows of 134."""
    assert everything("newsqa", tmp_path) == {
        (f"what {i} {k}?", " ".join(f"(CNN) -- {plot(i)}".split()[begin : begin + 134]))
        for i in range(COUNT)
        for k, begin in ((5, 0), (6, 0), (399, 268))
    }


TEXT = st.lists(st.sampled_from(["a", "b", "c.", "(d)", "e-f", "É"]), max_size=60).map(" ".join)


@given(TEXT, st.lists(st.sampled_from(["a", "b", "c. (d)", "d", "é", "x", "", "a b c", "-"]), max_size=3))
def test_window_by_a_slow_reference(text, answers):
    """The windows are the words cut in equal pieces; the answer stands in the piece, or in none."""
    english_words = english.WORDS
    try:
        english.WORDS = 7
        found = english.window(text, answers)
    finally:
        english.WORDS = english_words
    words = text.split(" ") if text else []
    count = -(-len(words) // 7)
    pieces = [
        words[len(words) * i // max(count, 1) : len(words) * (i + 1) // max(count, 1)] for i in range(count)
    ]
    assert all(3 < len(piece) <= 7 for piece in pieces) or count < 2

    def holds(piece, answer):
        return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", " ".join(piece), re.IGNORECASE)

    present = [a for a in answers if a and holds(words, a)]
    if not present:
        assert found is None
    elif found is None:
        first = holds(words, present[0])
        before = " ".join(words)[: first.start()]
        start = before.count(" ")
        end = start + present[0].count(" ")
        piece = [i for i, its in enumerate(pieces) for _ in its]
        assert piece[start] != piece[end]
    else:
        number, its = found
        assert its == " ".join(pieces[number]) and holds(pieces[number], present[0])
        assert not any(holds(piece, present[0]) for piece in pieces[:number])


def test_window_takes_whole_words():
    assert english.window("Lately he was late", ["ate"]) is None
    assert english.window("He ate.", ["ate"]) == (0, "He ate.")
    assert english.window("It cost $5 (net)", ["no", "$5 (net)"]) == (0, "It cost $5 (net)")
    assert english.window("", ["x"]) is None


def test_mfaq_keeps_a_domain_together(tmp_path):
    """A question with two answers is two pairs."""
    assert everything("mfaq", tmp_path) == {
        (f"Can I {i} {k // 2}?", f"Yes {i} {k}.") for i in range(COUNT) for k in range(4)
    }
    asked = [
        {int(q.split()[2]) // 2 for q, _ in rows(english.MFAQ, tmp_path, part)[0]}
        for part in english.MFAQ.parts
    ]
    assert asked[0] and asked[1] and not asked[0] & asked[1]


def test_mrtydi_has_titles_and_negatives_of_its_own_part(tmp_path):
    """Every pair by hand: articles of the other part are neither positives nor negatives; five stay."""
    write_mrtydi(tmp_path)
    for part in english.MR_TYDI.parts:
        found, pairs, passages = rows(english.MR_TYDI, tmp_path, part)
        right, negatives = set(), {}
        for i in range(COUNT):
            if part_of("mr-tydi", str(i)) == part:
                positives = [(i, 0), (i, 1), (i + 1, 0)]
                kept = [p for p in positives if part_of("mr-tydi", str(p[0])) == part]
                right |= {(f"when was {i}?", f"Title {a} text {a} {n}") for a, n in kept}
                others = [f"mr-tydi:{(i + k) % COUNT}#2" for k in range(30)]
                others = [o for o in others if part_of("mr-tydi", o.split(":")[1].split("#")[0]) == part][:5]
                negatives |= {f"mr-tydi:{i}:{a}#{n}": others for a, n in kept}
        assert found == right
        assert {r.pair_id: list(r.negative_ids) for r in pairs.itertuples()} == negatives
        assert f"{COUNT}" not in set(pairs["query"])


def test_entity_questions_have_answers_for_passages(tmp_path):
    assert everything("entity-questions", tmp_path) == {
        (f"{r} of {i}?", f"City {i // 2}") for r in ("P17", "P19") for i in range(COUNT)
    }


def test_wrong_formats(tmp_path):
    for entry, file in named("nq"):
        path = put(tmp_path, entry, parquet([{"question": "q", "answer": "a"}]), file)
    with pytest.raises(
        UserError, match=rf"^{re.escape(str(path))}: no column query; found question, answer$"
    ):
        english.NQ.build("train", ["en"], tmp_path)
    entry = catalogue.source("mfaq").files(["en"])[0]
    path = put(tmp_path, entry, '{"domain": "d", "qa_pairs": []}\n{"domain": "d"}\n')
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: line 2: no qa_pairs; found domain; "):
        english.MFAQ.build("train", ["en"], tmp_path)
    put(tmp_path, entry, '{"domain": \n')
    with pytest.raises(UserError, match="line 1: no JSON"):
        english.MFAQ.build("train", ["en"], tmp_path)
