"""Filling a source: against a slow reference, killed in the middle, shared by studies."""

import shutil

import pandas as pd
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from support.kept_shards import state
from support.tiny_translators import madlad

from langscale.core.errors import UserError
from langscale.data import subsets
from langscale.data.sources import built as sources
from langscale.data.translation import fill as filling
from langscale.data.translation.cache import Memory, digests, identity
from langscale.data.translation.translator import Translator

PAIRS = pd.DataFrame(
    [
        ("q1", "en", "One one. Two two?", "p1", ["p2", "p3"]),
        ("q2", "en", "Three", "p2", []),
        ("q3", "en", "One one.", "p1", ["p3"]),
        ("q1", "de", "eins", "p1", ["p2", "p3"]),
        ("q9", "de", "neun", "p9", []),
    ],
    columns=["pair_id", "language", "query", "passage_id", "negative_ids"],
)
PASSAGES = pd.DataFrame(
    [
        ("p1", "en", "Four four. Five. One one."),
        ("p2", "en", "Six"),
        ("p3", "en", "Seven seven! Five."),
        ("p2", "de", "sechs"),
        ("p9", "de", "Neun."),
    ],
    columns=["passage_id", "language", "text"],
)
PIECES = {"One one.", "Two two?", "Three", "Four four.", "Five.", "Six", "Seven seven!"}


def source(folder, parts=("train",), pairs=PAIRS, passages=PASSAGES):
    for part in parts:
        for name, table in (("pairs", pairs), ("passages", passages)):
            table = table.sort_values(["language", table.columns[0]])
            Dataset.from_pandas(table, preserve_index=False).save_to_disk(folder / part / name)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return madlad(tmp_path_factory.mktemp("mt") / "tiny")


class Counting(Translator):
    """Counts what the model is asked, and dies after some calls."""

    def __init__(self, folder, dies_after=None):
        super().__init__(folder, "en", batch_tokens=32)
        self.asked, self.dies_after = [], dies_after

    def translate(self, pieces, target):
        if len(self.asked) == self.dies_after:
            raise KeyboardInterrupt
        self.asked.append((target, list(pieces)))
        return super().translate(pieces, target)


def fill(folder, output, translator, root, languages=("de", "en", "zh"), model="m", shard=2):
    filling.fill_source(
        folder, output, "en", languages, translator, lambda to: Memory(root, model, "en", to), shard
    )
    return {name: sources.table(output, "train", name).to_pandas() for name in filling.TABLES}


rows = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["en", "de", "zh", "ru"]), st.text(max_size=3)),
    unique_by=lambda row: row[:2],
)


@given(rows)
def test_fill_is_what_it_says(found):
    table = pd.DataFrame(found, columns=["passage_id", "language", "text"])
    english = {key: text for key, language, text in found if language == "en"}
    slow = {(language, key): (text, False) for key, language, text in found}
    for target in ("zh", "de"):
        for key, text in english.items():
            if text:
                slow.setdefault((target, key), (f"{target}:{text}", True))

    def translate(texts, target):
        return [text and f"{target}:{text}" for text in texts]

    filled = filling.fill(table, "passage_id", "text", "en", ["zh", "de"], translate)
    keys = zip(filled["language"], filled["passage_id"], strict=True)
    values = zip(filled["text"], filled["translated"], strict=True)
    assert list(zip(keys, values, strict=True)) == sorted(slow.items())


def test_a_filled_source(model, tmp_path):
    """Ids stay, what is there stays, every pair is in every language; the parts are filled alike."""
    translator = Counting(model)
    folder = source(tmp_path / "in", ("train", "validation"))
    tables = fill(folder, tmp_path / "out", translator, tmp_path / "memory")
    pairs, passages = tables["pairs"], tables["passages"]
    found = [
        (r.language, r.pair_id, r.passage_id, list(r.negative_ids), r.translated) for r in pairs.itertuples()
    ]
    assert found == [
        ("de", "q1", "p1", ["p2", "p3"], False), ("de", "q2", "p2", [], True),
        ("de", "q3", "p1", ["p3"], True),
        ("de", "q9", "p9", [], False),
        ("en", "q1", "p1", ["p2", "p3"], False), ("en", "q2", "p2", [], False),
        ("en", "q3", "p1", ["p3"], False),
        ("zh", "q1", "p1", ["p2", "p3"], True), ("zh", "q2", "p2", [], True),
        ("zh", "q3", "p1", ["p3"], True),
    ]  # fmt: skip
    assert [(r.language, r.passage_id, r.translated) for r in passages.itertuples()] == [
        ("de", "p1", True), ("de", "p2", False), ("de", "p3", True), ("de", "p9", False),
        ("en", "p1", False), ("en", "p2", False), ("en", "p3", False),
        ("zh", "p1", True), ("zh", "p2", True), ("zh", "p3", True),
    ]  # fmt: skip
    before = pd.concat([PAIRS.assign(text=PAIRS["query"]), PASSAGES])[["language", "text"]]
    after = pd.concat([pairs.assign(text=pairs["query"]), passages])
    old = after[~after["translated"]][["language", "text"]]
    assert sorted(old.itertuples(index=False)) == sorted(before.itertuples(index=False))
    # each text is its pieces' translations, joined
    chinese = passages[(passages["language"] == "zh") & (passages["passage_id"] == "p1")]["text"].item()
    assert chinese == "".join(translator.translate(["Four four.", "Five.", "One one."], "zh"))
    # both parts hold the same texts, and each piece was translated once
    translator.asked.pop()
    asked = [(target, piece) for target, pieces in translator.asked for piece in pieces]
    assert sorted(asked) == sorted(
        {("zh", piece) for piece in PIECES} | {("de", piece) for piece in PIECES - {"Two two?", "Six"}}
    )
    other = sources.table(tmp_path / "out", "validation", "pairs").to_pandas()
    pd.testing.assert_frame_equal(other, pairs)
    # the sampler's index finds every pair with English in the whole pool, with all its negatives
    subset = subsets.build("s", pairs, passages, ["de", "en", "zh"], ["de", "en", "zh"], 2)
    assert subset.whole.sum() == 3 and subset.available.sum() == 3 * 3 + 1
    assert (subset.negatives[subset.negative_passage >= 0] >= 0).all()


def test_killed_and_resumed(model, tmp_path):
    folder = source(tmp_path / "in")
    whole = Counting(model)
    tables = fill(folder, tmp_path / "whole", whole, tmp_path / "memory")
    assert len(whole.asked) > 4 and all(len(pieces) <= 2 for _, pieces in whole.asked)

    for after in (0, 3):
        killed = Counting(model, dies_after=after)
        memory = tmp_path / f"memory{after}"
        with pytest.raises(KeyboardInterrupt):
            fill(folder, tmp_path / "out", killed, memory)
        assert not (tmp_path / "out").exists()
        kept = state(memory)
        assert len(kept) == after

        resumed = Counting(model)
        again = fill(folder, tmp_path / "out", resumed, memory)
        assert killed.asked + resumed.asked == whole.asked  # nothing twice, nothing left out
        assert kept.items() <= state(memory).items()
        assert {f: h for f, (h, _) in state(memory).items()} == {
            f: h for f, (h, _) in state(tmp_path / "memory").items()
        }
        for name, table in tables.items():
            pd.testing.assert_frame_equal(again[name], table)
        shutil.rmtree(tmp_path / "out")


def test_a_second_study_translates_what_is_new(model, tmp_path):
    root = tmp_path / "memory"
    fill(source(tmp_path / "a"), tmp_path / "out", Counting(model), root)
    kept = state(root)

    # q1's German query is gone, and one sentence of it was in no other text
    second = Counting(model)
    fill(source(tmp_path / "b", pairs=PAIRS[:3]), tmp_path / "out", second, root)
    assert second.asked == [("de", ["Two two?"])]
    assert len(state(root)) == len(kept) + 1 and kept.items() <= state(root).items()

    # what is all there needs no weights
    bare = tmp_path / "bare"
    shutil.copytree(model, bare)
    (bare / "model.safetensors").unlink()
    third = Counting(bare)
    fill(source(tmp_path / "c", pairs=PAIRS[:2]), tmp_path / "out", third, root)
    assert third.asked == [] and "model" not in vars(third)


def test_a_model_is_known_by_its_files(model, tmp_path):
    """Where it lies is nothing, a revision is what is in it."""
    shutil.copytree(model, tmp_path / "copy")
    assert identity(digests(model)) == identity(digests(tmp_path / "copy"))
    config = tmp_path / "copy/config.json"
    config.write_text(config.read_text() + " ")
    assert identity(digests(model)) != identity(digests(tmp_path / "copy"))


def test_no_language_to_translate_from(model, tmp_path):
    german = source(
        tmp_path / "in",
        pairs=PAIRS[PAIRS["language"] == "de"],
        passages=PASSAGES[PASSAGES["language"] == "de"],
    )
    with pytest.raises(UserError, match=r"its train pairs have no en .* set `translate: false`"):
        fill(german, tmp_path / "out", Counting(model), tmp_path / "memory")


def test_a_language_that_the_model_lacks_stops_before_any_text(model, tmp_path):
    translator = Counting(model)
    with pytest.raises(UserError, match="tiny has no ru"):
        fill(source(tmp_path / "in"), tmp_path / "out", translator, tmp_path / "memory", ("en", "zh", "ru"))
    assert translator.asked == [] and "model" not in vars(translator)
    # a language that the source has whole needs no model
    full = PAIRS.assign(language="ru"), PASSAGES.assign(language="ru")
    both = [
        pd.concat([t, r]).drop_duplicates([t.columns[0], "language"])
        for t, r in zip((PAIRS, PASSAGES), full, strict=True)
    ]
    fill(
        source(tmp_path / "ru", pairs=both[0], passages=both[1]),
        tmp_path / "out",
        translator,
        tmp_path / "m",
        ("en", "ru"),
    )
    assert translator.asked == []
