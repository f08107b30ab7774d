"""The training step of an encoder: the texts of a batch, their vectors, the loss and its gradient.

All tokens of a batch are looked up in the embedding table at once. Then the texts go through the encoder in
chunks of similar length, with little padding.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from langscale.config.training import Training
from langscale.core.errors import UserError
from langscale.core.random import key
from langscale.data.tokens import Tokens
from langscale.models.encoder import Encoder
from langscale.training.batches import Batch
from langscale.training.step import Data, Examples, Noise, compare, device, examples

SIMILAR = 0.8  # the shortest text of a chunk has at least this share of the longest text's tokens


class EncoderStep:
    """The step of a whole encoder, or of the low-rank matrices inside of it.

    `chunk` is the number of tokens that go through the encoder at once. With `cached` the activations of
    one chunk at a time are kept (gradient caching: Gao, Zhang, Han, Callan 2021, arXiv:2101.06983): the
    same gradient for a second forward pass. Where memory runs out, `backward` turns `cached` on, then
    halves the chunks. `write` saves a checkpoint to a folder.
    """

    def __init__(
        self,
        encoder: Encoder,
        training: Training,
        write: Callable[[Path], None],
        on: torch.device | None = None,
    ) -> None:
        self.device = on or device()
        self.module = self.encoder = encoder.to(self.device)
        self.training, self.save = training, write
        self.bf16 = training.precision == "bf16" or (
            training.precision == "auto" and self.device.type == "cuda"
        )
        self.chunk, self.cached = training.chunk_tokens, training.gradient_cache
        self.tokens = 0
        trained = all(p.requires_grad for p in encoder.parameters())
        # a product forward, one for the gradient of its input, one for that of its matrix
        self._per_token = (6 if trained else 4) * encoder.matrix_parameters()
        if training.compile:
            encoder.transformer.compile(dynamic=True)

    @property
    def operations(self) -> float:
        """Operations of the matrix products for all tokens so far, without the second pass of `cached`."""
        return self._per_token * self.tokens

    @property
    def memory(self) -> dict[str, Any]:
        """Size of chunks, and whether gradients are cached."""
        return {"chunk": self.chunk, "cached": self.cached}

    @memory.setter
    def memory(self, values: dict[str, Any]) -> None:
        self.chunk, self.cached = values["chunk"], values["cached"]

    def loss(self, data: Data[Tokens], batch: Batch, noise: Noise | None = None) -> tuple[Tensor, float]:
        """(loss, share of the possible negatives that are masked as positives)."""
        e = examples(data, batch, self.training.hard_negatives)
        texts = self._look_up(data, e)
        vectors = torch.cat([self._encode(texts, rows, i, noise) for i, rows in enumerate(texts.chunks)])
        return self._compare(data, batch, e, vectors[texts.inverse])

    def backward(self, data: Data[Tokens], batch: Batch, noise: Noise | None = None) -> tuple[Tensor, float]:
        """The result of `loss`, detached. Sets the gradient of the parameters, which must be None before.

        Raises UserError if memory does not hold a single text.
        """
        tokens = self.tokens
        while True:
            try:
                loss, masked = (
                    self._cached(data, batch, noise) if self.cached else self.loss(data, batch, noise)
                )
                if not self.cached:
                    loss.backward()
                return loss.detach(), masked
            except torch.OutOfMemoryError:
                self.encoder.zero_grad(set_to_none=True)
                self.tokens = tokens
            # only now is the failed pass, which the exception held, out of memory
            self._save_memory()

    def _save_memory(self) -> None:
        if self.cached and self.chunk < 64:
            raise UserError(
                "out of memory with a single text at a time; a smaller model or shorter texts are needed"
            )
        if self.cached:
            self.chunk //= 2
        self.cached = True
        print(
            f"out of memory: gradient caching with chunks of {self.chunk} tokens from here on",
            file=sys.stderr,
        )
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _cached(self, data: Data[Tokens], batch: Batch, noise: Noise | None) -> tuple[Tensor, float]:
        e = examples(data, batch, self.training.hard_negatives)
        texts = self._look_up(data, e)
        looked_up, texts.embeddings = texts.embeddings, texts.embeddings.detach().requires_grad_()
        with torch.no_grad():
            encoded = [self._encode(texts, rows, i, noise) for i, rows in enumerate(texts.chunks)]
        vectors = torch.cat(encoded).requires_grad_()
        loss, masked = self._compare(data, batch, e, vectors[texts.inverse])
        (gradients,) = torch.autograd.grad(loss, vectors)
        sizes = [len(rows) for rows in texts.chunks]
        for i, (rows, gradient) in enumerate(zip(texts.chunks, gradients.split(sizes), strict=True)):
            self._encode(texts, rows, i, noise).backward(gradient)
        if looked_up.requires_grad:  # not where the embedding table is frozen
            looked_up.backward(texts.embeddings.grad)
        return loss, masked

    def _look_up(self, data: Data[Tokens], e: Examples) -> "_Texts":
        sides = [data.queries.flat(e.queries), data.passages.flat(e.documents)]
        ids, lengths = (np.concatenate(parts) for parts in zip(*sides, strict=True))
        self.tokens += len(ids)
        order = list(chunks(lengths, self.chunk))
        inverse = torch.from_numpy(np.argsort(np.concatenate(order))).to(self.device)
        table = self.encoder.transformer.get_input_embeddings()
        embeddings = table(torch.from_numpy(ids.astype(np.int64)).to(self.device))
        embeddings = torch.cat([embeddings, embeddings.new_zeros(1, embeddings.shape[1])])
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        return _Texts(embeddings, starts, lengths, order, inverse)

    def _encode(self, texts: "_Texts", rows: np.ndarray, chunk: int, noise: Noise | None) -> Tensor:
        if noise is not None:
            torch.manual_seed(key("dropout", *noise, chunk))
        position = np.arange(texts.lengths[rows].max())
        mask = position < texts.lengths[rows, None]
        place = np.where(mask, texts.starts[rows, None] + position, len(texts.embeddings) - 1)
        inputs = nn.functional.embedding(torch.from_numpy(place).to(self.device), texts.embeddings)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return self.encoder.encode(inputs, torch.from_numpy(mask.astype(np.int64)).to(self.device))

    def _compare(
        self, data: Data[Tokens], batch: Batch, e: Examples, vectors: Tensor
    ) -> tuple[Tensor, float]:
        size = len(e.queries)
        return compare(data, batch, e, vectors[:size], vectors[size:], self.training)


@dataclass
class _Texts:
    """The texts of a batch, queries first.

    embeddings: token embeddings [tokens + 1, d] of all texts in a row, the last row 0 for padding; starts
    and lengths: of each text in them; chunks: texts that are encoded together; inverse: place of each text
    in the order of chunks.
    """

    embeddings: Tensor
    starts: np.ndarray
    lengths: np.ndarray
    chunks: list[np.ndarray]
    inverse: Tensor


def chunks(lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """Texts in chunks of similar length, the longest first: arrays of positions in `lengths`.

    A chunk takes at most `tokens` tokens, padding included, or is a single text.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        alike = order[start : start + max(1, tokens // longest)]
        chunk = alike[lengths[alike] >= SIMILAR * longest]
        yield chunk
        start += len(chunk)
