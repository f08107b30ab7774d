import math

import numpy as np
import pytest
import torch
from support.toy_training import LANGUAGES, MODEL, TRAINING, data_of, sampler_of, step_of, tables, world

from langscale.data.subsets import build
from langscale.data.tokens import fingerprint
from langscale.models.encoder import Encoder
from langscale.training.batches import Batch
from langscale.training.step import Data, examples


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("training"), hard=2)


def test_examples_are_rows_of_the_drawn_languages(toy):
    data = data_of(toy)[0]
    for step in range(20):
        batch = sampler_of([data], "x-y").batch(step)
        for hard in (0, 1, 2, 5):
            e = examples(data, batch, hard)
            asked, given = toy.pairs.iloc[e.queries], toy.passages.iloc[e.documents]
            expected, owner = [], list(range(8))
            for query, language in zip(asked.itertuples(), batch.passage_language, strict=True):
                expected.append((query.passage_id, LANGUAGES[language]))
            for i, query in enumerate(asked.itertuples()):
                for negative in query.negative_ids[:hard]:
                    expected.append((negative, expected[i][1]))
                    owner.append(i)
            assert asked["language"].tolist() == [LANGUAGES[i] for i in batch.query_language]
            assert list(given[["passage_id", "language"]].itertuples(index=False, name=None)) == expected
            assert e.owner.tolist() == owner
            same = given["passage_id"].to_numpy()
            assert np.array_equal(e.passages[:, None] == e.passages, same[:, None] == same)


def test_a_hard_negative_that_the_language_lacks_is_left_out(toy):
    pairs, passages = tables(hard=2)
    gone = (passages["language"] == "de") & (passages["passage_id"].str[1:].astype(int) % 2 == 0)
    passages = passages[~gone].reset_index(drop=True)
    data = Data(build("toy", pairs, passages, LANGUAGES, LANGUAGES, 2), None, None)
    rows = np.flatnonzero(data.subset.available.all(1))[:6]
    for language in range(3):
        e = examples(data, Batch("mono", 0, rows, np.full(6, language), np.full(6, language)), 2)
        given = passages.iloc[e.documents]
        assert set(given["language"]) == {LANGUAGES[language]}
        # each pair has an odd positive, hence one even and one odd negative
        assert len(given) == (6 + 6 if language == 0 else 6 + 12)
        assert e.owner[6:].tolist() == np.repeat(range(6), 1 if language == 0 else 2).tolist()


def test_loss_and_masked_share_agree_with_loops(toy):
    data = data_of(toy)[0]
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1).eval()
    for negatives, hard in (("batch", 2), ("batch", 0), ("hard-only", 2)):
        settings = TRAINING.model_copy(update={"negatives": negatives, "hard_negatives": hard})
        step = step_of(encoder, settings)
        for i in range(4):
            batch = sampler_of([data], "x-y").batch(i)
            with torch.no_grad():
                loss, masked = step.loss(data, batch)
                e = examples(data, batch, hard)
                queries, documents = (
                    encoder(*map(torch.from_numpy, tokens.padded(rows, encoder.padding)))
                    for tokens, rows in ((data.queries, e.queries), (data.passages, e.documents))
                )
            ids, possible, left_out, losses = toy.passages.iloc[e.documents]["passage_id"].tolist(), 0, 0, []
            for q in range(8):
                rivals = [d for d in range(len(ids)) if d != q and (negatives == "batch" or e.owner[d] == q)]
                kept = [d for d in rivals if ids[d] != ids[q]]
                possible, left_out = possible + len(rivals), left_out + len(rivals) - len(kept)
                scores = [20 * float(queries[q] @ documents[d]) for d in [q, *kept]]
                losses.append(math.log(sum(map(math.exp, scores))) - scores[0])
            assert loss.item() == pytest.approx(np.mean(losses), abs=1e-4)
            assert masked == pytest.approx(left_out / possible)
    assert left_out == 0 and possible == 16  # hard-only: two negatives each, none of them a positive


def test_masked_share_counts_positives_in_the_batch(toy):
    data = data_of(toy)[0]
    rows = np.array([0, 0, 1, 2])  # the same pair in two languages
    batch = Batch("cross", 0, rows, np.array([0, 1, 0, 1]), np.array([1, 2, 1, 2]))
    step = step_of(
        Encoder.initial(toy.base, "tiny", MODEL, 1), TRAINING.model_copy(update={"hard_negatives": 0})
    )
    assert step.loss(data, batch)[1] == pytest.approx(2 / 12)


def test_loss_leaves_out_the_other_answers_to_a_question(toy):
    """Pairs 0-9 ask one question in German alone, so in every language their passages answer each other's
    query.
    """
    pairs = toy.pairs.copy()
    many = (pairs["language"] == "de") & (pairs["pair_id"] < "q10")
    pairs.loc[many, "query"] = "wer?"
    prints = np.array([fingerprint(text) for text in pairs["query"]])
    subset = build("toy", pairs, toy.passages, LANGUAGES, LANGUAGES, 2, frozenset(), prints)
    plain = data_of(toy)[0]
    data = Data(subset, plain.queries, plain.passages)
    names = pairs["pair_id"].iloc[subset.queries[:, 0]].to_numpy()
    step = step_of(Encoder.initial(toy.base, "tiny", MODEL, 1).eval(), TRAINING)
    touched = 0
    for i in range(12):
        batch = sampler_of([data], "x-y").batch(i)
        e = examples(data, batch, 1)
        with torch.no_grad():
            (loss, masked), (before, _) = step.loss(data, batch), step.loss(plain, batch)
            queries, documents = (
                step.encoder(*map(torch.from_numpy, tokens.padded(rows, step.encoder.padding)))
                for tokens, rows in ((data.queries, e.queries), (data.passages, e.documents))
            )
        ids, losses, left_out = toy.passages.iloc[e.documents]["passage_id"].tolist(), [], 0
        for q in range(8):
            positives = {f"p{names[batch.pairs[q]][1:]}"}
            if names[batch.pairs[q]] < "q10":
                positives = {f"p{k:02}" for k in range(10)}
            kept = [d for d in range(len(ids)) if d != q and ids[d] not in positives]
            left_out += len(ids) - 1 - len(kept)
            scores = [20 * float(queries[q] @ documents[d]) for d in [q, *kept]]
            losses.append(math.log(sum(map(math.exp, scores))) - scores[0])
        assert loss.item() == pytest.approx(np.mean(losses), abs=1e-4)
        assert masked == pytest.approx(left_out / (8 * (len(ids) - 1)))
        touched += loss.item() != before.item()
    assert touched > 3  # so the mask did something
