"""Training an adapter: a change of the output space of a frozen encoder, on base vectors that exist
already.

Batches, masks, loss, schedule, validation and resuming are the same as for a whole encoder. Only the
vectors of a batch differ: base vectors are looked up and go through a small module.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from langscale.config.model import AdapterOptions
from langscale.config.training import Training
from langscale.core.random import key
from langscale.data.vector_store import Vectors
from langscale.models.adapter import Adapter
from langscale.training.batches import Batch
from langscale.training.step import Data, Noise, compare, device, examples


class AdapterModule(nn.Module):
    """An adapter with trainable parameters, for base vectors with `width` numbers; see
    langscale.models.adapter.

    W = I + D, where D is a matrix [d, d], or a product [d, rank] [rank, d]. D and V are zero before
    training: then y = x to the bit, and weight decay pulls towards y = x. Matrices that are not zero
    are drawn from a stream keyed by (name of the model, seed), with variance 1 / d.
    """

    identity: Tensor

    def __init__(self, width: int, options: AdapterOptions, name: str, seed: int) -> None:
        super().__init__()
        self.sides, self.hidden, inner = options.sides, options.hidden, options.hidden or options.rank
        if inner is None:
            self.change = nn.Parameter(torch.zeros(width, width))
        else:
            draw = torch.Generator().manual_seed(key("initialisation", name, seed))
            self.down = nn.Parameter(torch.randn(width, inner, generator=draw) / width**0.5)
            self.up = nn.Parameter(torch.zeros(inner, width))
        self.bias = nn.Parameter(torch.zeros(width)) if options.bias else None
        self.down_bias = (
            nn.Parameter(torch.zeros(options.hidden)) if options.bias and options.hidden else None
        )
        self.register_buffer("identity", torch.eye(width), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Base vectors float32 [N, d] to y [N, d], before normalisation."""
        if self.hidden:
            inner = x @ self.down if self.down_bias is None else x @ self.down + self.down_bias
            y = x + torch.relu(inner) @ self.up
        else:
            y = x @ self._matrix()
        return y if self.bias is None else y + self.bias

    def _matrix(self) -> Tensor:
        return self.identity + (self.change if hasattr(self, "change") else self.down @ self.up)

    def stored(self, facts: dict[str, Any]) -> Adapter:
        """The adapter as it is now; `facts` stand beside the weights."""
        found: dict[str, Tensor | None] = (
            {"down": self.down, "down_bias": self.down_bias, "up": self.up, "up_bias": self.bias}
            if self.hidden
            else {"weight": self._matrix(), "bias": self.bias}
        )
        weights = {name: w.detach().cpu().numpy().copy() for name, w in found.items() if w is not None}
        return Adapter(weights, self.sides, facts)


class AdapterStep:
    """The step of an adapter, in float32 and without dropout; `facts` are stored with it."""

    tokens = 0  # none is encoded

    def __init__(
        self,
        module: AdapterModule,
        training: Training,
        facts: dict[str, Any],
        on: torch.device | None = None,
    ) -> None:
        self.device = on or device()
        self.adapter = module.to(self.device)
        self.module: nn.Module = self.adapter
        self.training, self.facts = training, facts
        self.memory: dict[str, Any] = {}
        self.operations = 0.0
        # a product forward and one for the gradient of the matrix
        self._per_text = 4 * sum(p.numel() for p in module.parameters() if p.ndim > 1)

    def loss(self, data: Data[Vectors], batch: Batch, noise: Noise | None = None) -> tuple[Tensor, float]:
        """(loss, share of the possible negatives that are masked as positives); `noise` has no effect."""
        e = examples(data, batch, self.training.hard_negatives)
        queries, documents = (
            torch.from_numpy(side[rows]).to(self.device)
            for side, rows in ((data.queries, e.queries), (data.passages, e.documents))
        )
        size, count = len(queries), len(queries) + len(documents)
        if self.adapter.sides == "query":
            count = size
            queries = self.adapter(queries)
        else:
            queries, documents = self.adapter(torch.cat([queries, documents])).split([size, len(documents)])
        self.operations += self._per_text * count
        return compare(data, batch, e, normalize(queries, dim=1), normalize(documents, dim=1), self.training)

    def backward(self, data: Data[Vectors], batch: Batch, noise: Noise | None = None) -> tuple[Tensor, float]:
        """What `loss` returns, detached. The gradient is added to that of the parameters."""
        loss, masked = self.loss(data, batch)
        loss.backward()
        return loss.detach(), masked

    def save(self, folder: Path) -> None:
        """Write the adapter to a new folder."""
        folder.mkdir()
        self.adapter.stored(self.facts).save(folder)
