import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.toy_training import LANGUAGES, MODEL, TRAINING, data_of, sampler_of, step_of, tables, world

from langscale.core.errors import UserError
from langscale.data.subsets import build
from langscale.data.tokens import fingerprint
from langscale.models.encoder import Encoder
from langscale.training.batches import Batch
from langscale.training.encoder import chunks
from langscale.training.loop import learning_rate, optimiser
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


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), st.integers(1, 2000))
def test_chunks_hold_every_text_once_and_little_padding(lengths, tokens):
    lengths = np.array(lengths)
    found = list(chunks(lengths, tokens))
    assert sorted(np.concatenate(found)) == list(range(len(lengths)))
    for rows in found:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= tokens
        assert lengths[rows].min() >= 0.8 * lengths[rows].max()
    longest = [lengths[rows].max() for rows in found]
    assert longest == sorted(longest, reverse=True)


def gradients(encoder) -> dict[str, torch.Tensor]:
    """A copy of the gradients, which are then dropped."""
    found = {n: p.grad.clone() for n, p in encoder.named_parameters() if p.grad is not None}
    encoder.zero_grad(set_to_none=True)
    return found


@pytest.mark.parametrize("noise", [None, (1, 7)])
def test_gradient_caching_gives_the_same_loss_and_gradient(toy, noise):
    """Dropout included: it is of (seed, step, chunk)."""
    data = data_of(toy)[0]
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1).train(noise is not None)
    batch = sampler_of([data], "x-y").batch(0)
    found = []
    for cached in (False, True):
        settings = TRAINING.model_copy(update={"chunk_tokens": 40, "gradient_cache": cached})
        loss, masked = step_of(encoder, settings).backward(data, batch, noise)
        found.append((loss.item(), masked, gradients(encoder)))
    (loss, masked, direct), (again, same, cached) = found
    assert loss == pytest.approx(again, abs=1e-6) and masked == same and direct.keys() == cached.keys()
    for name, gradient in direct.items():
        torch.testing.assert_close(cached[name], gradient, atol=1e-6, rtol=1e-4)


def test_chunks_do_not_change_the_gradient(toy):
    data = data_of(toy)[0]
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1).eval()
    batch = sampler_of([data], "x-y").batch(0)
    found = []
    for tokens in (1, 50, 100_000):
        step = step_of(encoder, TRAINING.model_copy(update={"chunk_tokens": tokens}))
        found.append((step.backward(data, batch)[0].item(), gradients(encoder)))
    for loss, gradient in found[1:]:
        assert loss == pytest.approx(found[0][0], abs=1e-6)
        for name, value in gradient.items():
            torch.testing.assert_close(value, found[0][1][name], atol=1e-6, rtol=1e-4)


class SmallMemory:
    """Makes an encoder run out of memory where more than `tokens` go through it with activations kept."""

    def __init__(self, encoder, tokens):
        self.tokens, self.original, self.kept = tokens, encoder.encode, 0

    def __call__(self, embeddings, mask):
        held = mask.numel() if torch.is_grad_enabled() else 0
        self.kept = self.kept + held
        if self.kept > self.tokens:
            self.kept = 0
            raise torch.OutOfMemoryError("no memory")
        out = self.original(embeddings, mask)
        if held:
            out.register_hook(lambda gradient: self._free(held))
        return out

    def _free(self, held):
        self.kept -= held


def test_out_of_memory_turns_caching_on_then_halves_the_chunks(toy, monkeypatch, capsys):
    data = data_of(toy)[0]
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1).train()
    batch = sampler_of([data], "x-y").batch(0)
    settings = TRAINING.model_copy(update={"chunk_tokens": 200})
    step = step_of(encoder, settings)
    monkeypatch.setattr(encoder, "encode", SmallMemory(encoder, 100))
    loss, _ = step.backward(data, batch, (1, 0))
    small = gradients(encoder)
    assert step.cached and step.chunk <= 100
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "out of memory: gradient caching with chunks of 200 tokens from here on"
    assert told[-1] == f"out of memory: gradient caching with chunks of {step.chunk} tokens from here on"
    monkeypatch.undo()
    again = step_of(encoder, settings.model_copy(update={"chunk_tokens": step.chunk}))
    assert again.backward(data, batch, (1, 0))[0].item() == pytest.approx(loss.item(), abs=1e-6)
    for name, value in gradients(encoder).items():
        torch.testing.assert_close(value, small[name], atol=1e-6, rtol=1e-4)
    assert step.tokens == again.tokens  # what was tried in vain does not count


def test_memory_that_holds_no_text_is_an_error(toy, monkeypatch):
    data = data_of(toy)[0]
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1)
    monkeypatch.setattr(encoder, "encode", SmallMemory(encoder, 0))
    with pytest.raises(UserError, match="out of memory with a single text at a time"):
        step_of(encoder, TRAINING).backward(data, sampler_of([data], "x-y").batch(0))


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


def test_tokens_are_counted_without_padding(toy):
    data = data_of(toy)[0]
    step = step_of(Encoder.initial(toy.base, "tiny", MODEL, 1), TRAINING)
    batch = sampler_of([data], "x-y").batch(0)
    step.loss(data, batch)
    e = examples(data, batch, TRAINING.hard_negatives)
    assert step.tokens == data.queries.lengths[e.queries].sum() + data.passages.lengths[e.documents].sum()


def test_schedule_known_values():
    assert [learning_rate(step, 20, 0.1) for step in range(20)] == pytest.approx(
        [0.5, 1.0] + [float(Fraction(k, 18)) for k in range(18, 0, -1)]
    )
    rates = [learning_rate(step, 20000, 0.1) for step in range(20000)]
    assert (
        rates[0] == 1 / 2000
        and rates[1999] == rates[2000] == 1
        and rates[10999] == pytest.approx(9001 / 18000)
    )
    assert [learning_rate(step, 4, 0.0) for step in range(4)] == pytest.approx([1, 1, 2 / 3, 1 / 3])
    assert [learning_rate(step, 4, 1.0) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert learning_rate(0, 1, 0.1) == 1


@given(st.integers(1, 500), st.floats(0, 1))
def test_schedule_rises_then_falls_and_never_stands_still(steps, warmup):
    rates = [learning_rate(step, steps, warmup) for step in range(steps)]
    assert min(rates) > 0 and max(rates) == pytest.approx(1)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)


def test_schedule_stretches_with_the_steps():
    for step in range(200):
        assert abs(learning_rate(step, 200, 0.1) - learning_rate(10 * step + 5, 2000, 0.1)) < 0.03


def test_decay_spares_biases_and_norms(toy):
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1)
    adam = optimiser(encoder, TRAINING.model_copy(update={"weight_decay": 0.3}))
    assert [group["weight_decay"] for group in adam.param_groups] == [0.3, 0.0]
    decayed, spared = ({id(p) for p in group["params"]} for group in adam.param_groups)
    named = dict(encoder.named_parameters())
    assert len(named) == len(decayed) + len(spared) and not decayed & spared
    for name, parameter in named.items():
        assert (id(parameter) in spared) == (name.endswith("bias") or "LayerNorm" in name)


def test_optimiser_is_adamw(toy):
    """Loshchilov and Hutter 2019, algorithm 2: decay is apart from the moments; bias-corrected, eps 1e-8."""
    encoder = Encoder.initial(toy.base, "tiny", MODEL, 1)
    settings = TRAINING.model_copy(update={"weight_decay": 0.1, "learning_rate": 0.01})
    adam = optimiser(encoder, settings)
    named = dict(encoder.named_parameters())
    names = [n for n in named if n.endswith(("query.weight", "query.bias", "word_embeddings.weight"))]
    slow = {n: (named[n].detach().double().clone(), 0.0, 0.0) for n in names}
    draw = torch.Generator().manual_seed(0)
    for t in range(1, 6):
        for n in names:
            named[n].grad = torch.randn(named[n].shape, generator=draw)
            value, m, v = slow[n]
            g = named[n].grad.double()
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            decay = 0.1 if named[n].ndim == 2 else 0.0
            move = (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
            slow[n] = value - 0.01 * decay * value - 0.01 * move, m, v
        adam.step()
    for n in names:
        torch.testing.assert_close(named[n].detach().double(), slow[n][0], atol=1e-6, rtol=1e-5)
