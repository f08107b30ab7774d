"""Adapters as they are stored: a small change of the output space of a frozen encoder, applied with
numpy alone.

With a base vector x, an adapter gives the unit vector of y = x W + b, or of y = x + relu(x U + u) V + v
with a hidden layer. Before training y = x.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors.numpy import load_file, save_file

from langscale.core.errors import UserError
from langscale.core.files import write_json

Side = Literal["query", "passage"]
FILES = ("adapter.safetensors", "adapter.json")
LINEAR, HIDDEN = ("weight", "bias"), ("down", "down_bias", "up", "up_bias")


@dataclass(frozen=True)
class Adapter:
    """An adapter of base vectors with d numbers.

    weights: float32 W [d, d] as `weight` with a `bias` [d], or U [d, h] and V [h, d] as `down` and `up`
    with `down_bias` [h] and `up_bias` [d]; each bias may be missing. No weights at all: y = x. sides:
    both, or query, where passages keep their base vectors. facts: JSON about the encoder, the prefixes
    and the run.
    """

    weights: dict[str, np.ndarray] = field(default_factory=dict)
    sides: Literal["both", "query"] = "both"
    facts: dict[str, Any] = field(default_factory=dict)

    def apply(self, vectors: np.ndarray, side: Side) -> np.ndarray:
        """float32 [N, d] base vectors of one side to unit vectors [N, d]."""
        y = vectors if side == "passage" and self.sides == "query" else self._change(vectors)
        return y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), np.float32(1e-12))

    def _change(self, x: np.ndarray) -> np.ndarray:
        w = self.weights
        if "weight" in w:
            return x @ w["weight"] + w.get("bias", np.float32(0))
        if "down" in w:
            hidden = np.maximum(x @ w["down"] + w.get("down_bias", np.float32(0)), 0)
            return x + hidden @ w["up"] + w.get("up_bias", np.float32(0))
        return x

    def layers(self) -> list[tuple[np.ndarray, np.ndarray | None, bool]]:
        """The same function as a chain of layers: (matrix [in, out], bias [out] or None, whether relu
        follows).

        The sum of a hidden layer needs no residual connection, since x = relu(x) - relu(-x).
        """
        w = self.weights
        if "weight" in w:
            return [(w["weight"], w.get("bias"), False)]
        if "down" not in w:
            return []
        d, h = w["down"].shape
        one = np.eye(d, dtype=np.float32)
        first = np.concatenate([w["down"], one, -one], axis=1)
        bias = np.concatenate([w["down_bias"], np.zeros(2 * d, np.float32)]) if "down_bias" in w else None
        return [(first, bias, True), (np.concatenate([w["up"], one, -one]), w.get("up_bias"), False)]

    def save(self, folder: str | Path) -> None:
        """Write the two FILES into a folder that exists."""
        folder = Path(folder)
        save_file({name: np.ascontiguousarray(w) for name, w in self.weights.items()}, folder / FILES[0])
        write_json(folder / FILES[1], self.facts | {"sides": self.sides})

    @classmethod
    def load(cls, folder: str | Path) -> "Adapter":
        """Read what `save` wrote.

        Raises UserError where a file is missing or the weights are none of an adapter.
        """
        files = [Path(folder) / name for name in FILES]
        for file in files:
            if not file.is_file():
                raise UserError(f"{file}: missing; an adapter is stored as {' and '.join(FILES)}")
        facts = json.loads(files[1].read_text(encoding="utf-8"))
        weights = load_file(files[0])
        if not any(set(weights) <= set(names) for names in (LINEAR, HIDDEN)):
            raise UserError(f"{files[0]}: has {', '.join(weights)}; an adapter has {LINEAR} or {HIDDEN}")
        return cls(weights, facts.pop("sides"), facts)
