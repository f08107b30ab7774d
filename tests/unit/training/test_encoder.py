"""The step of an encoder: chunks, gradient caching, memory that runs out, counts of tokens."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.toy_training import MODEL, TRAINING, data_of, sampler_of, step_of, world

from langscale.core.errors import UserError
from langscale.models.encoder import Encoder
from langscale.training.encoder import chunks
from langscale.training.step import examples


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return world(tmp_path_factory.mktemp("training"), hard=2)


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


def test_tokens_are_counted_without_padding(toy):
    data = data_of(toy)[0]
    step = step_of(Encoder.initial(toy.base, "tiny", MODEL, 1), TRAINING)
    batch = sampler_of([data], "x-y").batch(0)
    step.loss(data, batch)
    e = examples(data, batch, TRAINING.hard_negatives)
    assert step.tokens == data.queries.lengths[e.queries].sum() + data.passages.lengths[e.documents].sum()
