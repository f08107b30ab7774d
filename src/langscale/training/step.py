"""One training step: the texts of a batch, their vectors, the loss and its gradient.

All tokens of a batch are looked up in the embedding table at once; then the texts go through the encoder in chunks of
like length, so that little is padding.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from langscale.config.experiment import Training
from langscale.core.errors import UserError
from langscale.core.random import key
from langscale.data.subsets import Subset
from langscale.data.tokens import Tokens
from langscale.models.encoder import Encoder
from langscale.training.batches import Batch, SourceIndex
from langscale.training.loss import allowed, info_nce

ALIKE = 0.8  # the shortest text of a chunk has this share of the longest one's tokens, or more


@dataclass(frozen=True)
class Data:
    """One source as a run sees it: its subset and the tokens of its queries and passages."""

    subset: Subset
    queries: Tokens
    passages: Tokens

    def index(self, size: float | None = None) -> SourceIndex:
        """What the sampler needs to know; `size` is what it counts as beside other sources, None: its pairs."""
        return SourceIndex(self.subset.name, np.asarray(self.subset.available), size)


@dataclass
class Examples:
    """A batch of token rows: B queries and D >= B documents, positives first.

    queries: rows of the query tokens [B]; documents: rows of the passage tokens [D]; passages: language-free
    passage numbers [D]; owner: query that each document was drawn for [D].
    """

    queries: np.ndarray
    documents: np.ndarray
    passages: np.ndarray
    owner: np.ndarray


def examples(data: Data, batch: Batch, hard_negatives: int) -> Examples:
    """Look up a batch; a hard negative is in the language of the positive and is left out where that lacks it."""
    subset, rows, own = data.subset, batch.pairs, np.arange(len(batch.pairs))
    column = np.arange(min(hard_negatives, subset.negatives.shape[1]))
    negatives = subset.negatives[rows[:, None], column, batch.passage_language[:, None]]
    numbers = subset.negative_passage[rows[:, None], column]
    present = negatives >= 0
    return Examples(
        subset.queries[rows, batch.query_language],
        np.concatenate([subset.positives[rows, batch.passage_language], negatives[present]]),
        np.concatenate([subset.passage[rows], numbers[present]]),
        np.concatenate([own, np.broadcast_to(own[:, None], present.shape)[present]]),
    )


def chunks(lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """Texts in chunks of like length, the longest first: arrays of positions in `lengths`.

    A chunk takes at most `tokens` tokens, padding included, or is a single text.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        alike = order[start : start + max(1, tokens // longest)]
        chunk = alike[lengths[alike] >= ALIKE * longest]
        yield chunk
        start += len(chunk)


class Step:
    """Loss and gradient of batches under one encoder; counts the tokens that were encoded.

    `chunk` is the number of tokens that go through the encoder at once. With `cached` the activations of one chunk
    at a time are kept (gradient caching: Gao, Zhang, Han, Callan 2021, arXiv:2101.06983), which costs a second pass
    forward and gives the same gradient. Where memory runs out, `backward` turns that on, then halves the chunks.
    """

    def __init__(self, encoder: Encoder, training: Training, device: torch.device):
        self.encoder, self.training, self.device = encoder, training, device
        self.bf16 = training.precision == "bf16" or (training.precision == "auto" and device.type == "cuda")
        self.chunk, self.cached = training.chunk_tokens, training.gradient_cache
        self.tokens = 0

    def loss(self, data: Data, batch: Batch, noise: tuple[int, int] | None = None) -> tuple[Tensor, float]:
        """(loss, share of the possible negatives that are masked as positives); `noise`: (seed, step) of dropout."""
        e = examples(data, batch, self.training.hard_negatives)
        texts = self._look_up(data, e)
        vectors = torch.cat([self._encode(texts, rows, i, noise) for i, rows in enumerate(texts.chunks)])
        return self._compare(data, batch, e, vectors[texts.inverse])

    def backward(
        self, data: Data, batch: Batch, noise: tuple[int, int] | None = None
    ) -> tuple[Tensor, float]:
        """What `loss` gives, detached, and its gradient added to that of the parameters, which has to be None.

        Raises UserError where memory does not hold a single text.
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

    def _cached(self, data: Data, batch: Batch, noise: tuple[int, int] | None) -> tuple[Tensor, float]:
        e = examples(data, batch, self.training.hard_negatives)
        texts = self._look_up(data, e)
        looked_up, texts.embeddings = texts.embeddings, texts.embeddings.detach().requires_grad_()
        with torch.no_grad():
            encoded = [self._encode(texts, rows, i, noise) for i, rows in enumerate(texts.chunks)]
        vectors = torch.cat(encoded).requires_grad_()
        loss, masked = self._compare(data, batch, e, vectors[texts.inverse])
        loss.backward()
        sizes = [len(rows) for rows in texts.chunks]
        for i, (rows, gradient) in enumerate(zip(texts.chunks, vectors.grad.split(sizes), strict=True)):
            self._encode(texts, rows, i, noise).backward(gradient)
        looked_up.backward(texts.embeddings.grad)
        return loss, masked

    def _look_up(self, data: Data, e: Examples) -> "_Texts":
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

    def _encode(self, texts: "_Texts", rows: np.ndarray, chunk: int, noise: tuple[int, int] | None) -> Tensor:
        if noise is not None:
            torch.manual_seed(key("dropout", *noise, chunk))
        position = np.arange(texts.lengths[rows].max())
        mask = position < texts.lengths[rows, None]
        place = np.where(mask, texts.starts[rows, None] + position, len(texts.embeddings) - 1)
        inputs = torch.nn.functional.embedding(torch.from_numpy(place).to(self.device), texts.embeddings)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return self.encoder.encode(inputs, torch.from_numpy(mask.astype(np.int64)).to(self.device))

    def _compare(self, data: Data, batch: Batch, e: Examples, vectors: Tensor) -> tuple[Tensor, float]:
        size, hard_only = len(e.queries), self.training.negatives == "hard-only"
        others = data.subset.other_positives(batch.pairs, e.passages)
        keep = allowed(
            torch.from_numpy(e.passages),
            torch.from_numpy(np.asarray(data.passages.fingerprints[e.documents])),
            torch.from_numpy(e.owner),
            size,
            hard_only,
            None if others is None else torch.from_numpy(others),
        )
        loss = info_nce(vectors[:size], vectors[size:], keep.to(self.device), self.training.scale)
        rivals = len(e.documents) - 1
        possible = rivals + 1 - size if hard_only else size * rivals
        return loss, 1 - (int(keep.sum()) - size) / max(1, possible)


@dataclass
class _Texts:
    """The texts of a batch, queries first: token embeddings [tokens + 1, d] in a row, the last one 0 for padding; where
    each text starts and how long it is; the chunks; and where each text is in the order of the chunks."""

    embeddings: Tensor
    starts: np.ndarray
    lengths: np.ndarray
    chunks: list[np.ndarray]
    inverse: Tensor


def load_data(
    subset: str | Path, tokens: str | Path, sources: Iterable[str], part: str, take: dict
) -> list[Data]:
    """The sources of a run, from the folder of its subset and that of its model's tokens; see Subset.take."""
    data = []
    for source in sources:
        folder = Path(tokens) / f"source-{source}" / part
        index = Subset.load(subset, source, part).take(**take)
        data.append(Data(index, Tokens.load(folder / "queries"), Tokens.load(folder / "passages")))
    return data
