"""SQuAD and its translations on small files of their format, contexts worded anew for each question."""

import json
import re

import pytest
from support.raw_files import put

from langscale.core.errors import UserError
from langscale.data.sources import squad
from langscale.data.sources.common import part_of

TITLES = [f"Article_{i}" for i in range(40)]


def qa(i, question):
    answers = [{"text": "x", "answer_start": 0}]
    return {"id": i, "question": question, "answers": answers}


def article(title, *paragraphs):
    return {"title": title, "paragraphs": [{"context": c, "qas": qas} for c, qas in paragraphs]}


def english():
    """40 articles of two paragraphs with two questions each."""
    return [
        article(
            title,
            *(
                (
                    f"{title} context  {n}\n",
                    [qa(f"{title}-{n}-{k}", f"{title} question {n} {k}?") for k in (0, 1)],
                )
                for n in (0, 1)
            ),
        )
        for title in TITLES
    ]


def german():
    """The same questions in another order, each with a context of its own wording; one has none."""
    return [
        article(
            f"DE {title}",
            *(
                (f"{title} Kontext {n} wie zu {k}", [qa(f"{title}-{n}-{k}", f"{title} Frage {n} {k}?")])
                for n in (1, 0)
                for k in (1, 0)
                if (title, n, k) != ("Article_7", 0, 0)
            ),
        )
        for title in reversed(TITLES)
    ]


def write(raw, code, data):
    return put(raw, squad.SQUAD.files_of([code])[0], json.dumps({"data": data, "version": "1.1"}))


@pytest.fixture
def raw(tmp_path):
    write(tmp_path, "en", english())
    write(tmp_path, "de", german())
    return tmp_path


def test_pairs_and_passages_by_hand(raw):
    """All languages share ids; a translated passage is the context of its first question that there is."""
    pairs, passages = squad.build("train", ["en", "de", "xx"], raw)
    titles = [title for title in TITLES if part_of("squad", title) == "train"]
    assert "Article_7" in titles and len(titles) < 40
    rows = {(r.pair_id, r.language): (r.query, r.passage_id) for r in pairs.itertuples()}
    right = {}
    for t in titles:
        for n in (0, 1):
            for k in (0, 1):
                right[f"squad:{t}-{n}-{k}", "en"] = (f"{t} question {n} {k}?", f"squad:{t}:{n}")
                right[f"squad:{t}-{n}-{k}", "de"] = (f"{t} Frage {n} {k}?", f"squad:{t}:{n}")
    del right["squad:Article_7-0-0", "de"]
    assert rows == right
    texts = {(r.passage_id, r.language): r.text for r in passages.itertuples()}
    assert texts == {
        (f"squad:{t}:{n}", code): text
        for t in titles
        for n in (0, 1)
        for code, text in (
            ("en", f"{t} context {n}"),
            ("de", f"{t} Kontext {n} wie zu {int((t, n) == ('Article_7', 0))}"),
        )
    }
    assert all(len(negatives) == 0 for negatives in pairs["negative_ids"])


def test_parts_have_different_articles(raw):
    ids = [set(squad.build(part, ["de"], raw)[0]["passage_id"]) for part in ("train", "validation")]
    articles = [{i.split(":")[1] for i in its} for its in ids]
    assert ids[1] and not articles[0] & articles[1] and articles[0] | articles[1] == set(TITLES)


def test_samples_are_nested_and_shared_by_languages(raw):
    """A sample is one of ids; a passage's text does not depend on which of its questions were drawn."""
    whole = squad.build("train", ["de"], raw)[1].set_index("passage_id")["text"]
    last = set()
    for size in (5, 20, 60):
        pairs, passages = squad.build("train", ["de", "en"], raw, size)
        its = pairs.groupby("language")["pair_id"].apply(set)
        assert len(its["en"]) == size and its["de"] == its["en"] - {"squad:Article_7-0-0"}
        assert last <= its["en"]
        last = its["en"]
        texts = passages[passages["language"] == "de"].set_index("passage_id")["text"]
        assert (texts == whole[texts.index]).all()
        assert set(passages["passage_id"]) == set(pairs["passage_id"])
    assert set(squad.build("train", ["en"], raw, 20, seed=1)[0]["pair_id"]) != set(
        squad.build("train", ["en"], raw, 20)[0]["pair_id"]
    )


def test_empty_texts_are_left_out(raw):
    data = german()
    data[-1]["paragraphs"][0]["qas"][0]["question"] = " "
    data[-1]["paragraphs"][2]["context"] = ""
    write(raw, "de", data)
    title = TITLES[0]
    part = part_of("squad", title)
    pairs, passages = squad.build(part, ["de"], raw)
    mine = set(pairs.loc[pairs["passage_id"].str.startswith(f"squad:{title}:"), "pair_id"])
    assert mine == {f"squad:{title}-1-0", f"squad:{title}-0-0"}
    assert f"{title} Kontext 1 wie zu 0" in set(passages["text"])


def test_errors(raw):
    path = write(raw, "de", [article("A", ("c", [qa("other", "q")]))])
    with pytest.raises(
        UserError, match=rf"^squad: {re.escape(str(path))}: no question id is one of SQuAD v1.1's "
    ):
        squad.build("train", ["de"], raw)
    path = write(raw, "de", [{"title": "A"}])
    with pytest.raises(
        UserError,
        match=rf"^{re.escape(str(path))}: article 1: not in SQuAD's format; a list `para",
    ):
        squad.build("train", ["de"], raw)
    path.write_text('{"data": [')
    with pytest.raises(UserError, match="no JSON"):
        squad.build("train", ["de"], raw)
    with pytest.raises(UserError, match=r"^squad: .*en-th.json is missing; run `snakemake download`$"):
        squad.build("train", ["th"], raw)
    with pytest.raises(UserError, match="^squad has none of the languages fr; it has "):
        squad.build("train", ["fr"], raw)


def test_files():
    """English is there in any case, from SQuAD itself and pinned; all eleven languages of XQuAD-R are."""
    entries = squad.SQUAD.files(["th", "xx"])
    assert [e.path.rsplit("/", 1)[1] for e in entries] == [
        "train-v1.1.json",
        "squad.translate.train.en-th.json",
    ]
    assert entries[0].sha256.startswith("3527663986b8295a") and entries[0].size == 30288272
    assert len(squad.SQUAD.files(["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"])) == 11
