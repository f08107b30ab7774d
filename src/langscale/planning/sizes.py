"""Sizes of encoders, for the plan only. Sizes of data sets are in their records (langscale.data.records)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langscale.config.model import AdapterOptions, LoraOptions
from langscale.models.known import KnownEncoder


@dataclass(frozen=True)
class Encoder:
    """Sizes of a transformer. `gated` feed-forward layers have three matrices, others two."""

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    gated: bool = False

    @property
    def matrix(self) -> int:
        """Parameters of the matrices: per layer four of attention, two or three of the feed-forward part."""
        return self.layers * self.hidden * (4 * self.hidden + (2 + self.gated) * self.intermediate)

    @property
    def parameters(self) -> int:
        """Matrices and token embeddings. Biases, norms and positions are less than one per cent."""
        return self.matrix + self.vocabulary * self.hidden

    def forward(self, length: float) -> float:
        """Operations of one text of `length` tokens.

        2 per matrix parameter and token, and 4 x length x hidden per layer and token for the two products of
        attention (Kaplan et al. 2020, arXiv:2001.08361, section 2.1).
        """
        return length * (2 * self.matrix + 4 * length * self.hidden * self.layers)

    def adapter(self, options: AdapterOptions) -> int:
        """Parameters of an adapter: a matrix of hidden x hidden, or two of hidden x rank or hidden layer."""
        inner = options.hidden or options.rank
        return self.hidden * self.hidden if inner is None else 2 * self.hidden * inner

    def lora(self, options: LoraOptions) -> int:
        """Parameters of LoRA in all linear layers: rank x (inputs + outputs) of each matrix."""
        feed_forward = (2 + self.gated) * (self.hidden + self.intermediate)
        return self.layers * options.rank * (4 * 2 * self.hidden + feed_forward)

    @classmethod
    def known(cls, record: KnownEncoder) -> "Encoder":
        """From the record of a known model."""
        return cls(record.layers, record.hidden, record.intermediate, record.vocabulary, record.gated)

    @classmethod
    def of(cls, config: Mapping[str, Any], vocabulary: int) -> "Encoder":
        """From a transformers config. Missing fields are as in BERT base."""
        hidden = config.get("hidden_size", 768)
        return cls(
            config.get("num_hidden_layers", 12),
            hidden,
            config.get("intermediate_size", 4 * hidden),
            config.get("vocab_size", vocabulary),
            config.get("model_type") == "modernbert",
        )
