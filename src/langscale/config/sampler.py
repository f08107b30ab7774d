"""Samplers by name: what a batch is made of, and which names mean the same batches."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import permutations

import numpy as np

from langscale.core.errors import UserError

KINDS = ("en-en", "x-x", "x-x-mono", "x-y", "hybrid")

_NAME = re.compile(
    r"(en-en|x-x-mono|x-x|x-y|hybrid)(?:-(\d*\.?\d+))?(-batch)?(-same)?(?:-(en-centric|ring))?"
)


@dataclass(frozen=True)
class Spec:
    """A sampler with its options; `alpha` belongs to hybrid (default 0.5), the controls to x-y and hybrid.

    Raises UserError for an unknown value or an option that the kind does not have.
    """

    kind: str
    alpha: float | None = None
    pair: str = "example"
    allow_same: bool = False
    directions: str = "all"

    def __post_init__(self) -> None:
        choices = {"kind": KINDS, "pair": ("example", "batch"), "directions": ("all", "en-centric", "ring")}
        choices["allow_same"] = (False, True)
        for key, allowed in choices.items():
            if getattr(self, key) not in allowed:
                raise UserError(f"sampler: {key} is {getattr(self, key)!r}, not in {allowed}")
        if self.kind == "hybrid":
            alpha = 0.5 if self.alpha is None else self.alpha
            if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 <= alpha <= 1:
                raise UserError(f"sampler: alpha of hybrid is {alpha!r}, not a number from 0 to 1")
            object.__setattr__(self, "alpha", float(alpha))
        elif self.alpha is not None:
            raise UserError(f"sampler: {self.kind} has no alpha (found {self.alpha!r}); hybrid has")
        controls = (self.pair, self.allow_same, self.directions)
        if self.kind not in ("x-y", "hybrid") and controls != ("example", False, "all"):
            raise UserError(f"sampler: {self.kind} has no pair, allow_same, directions; x-y and hybrid have")

    @classmethod
    def parse(cls, value: str | Mapping[str, object]) -> "Spec":
        """The spec of a name ("x-y", "hybrid-0.25-batch") or of a mapping of options with a `kind`."""
        if isinstance(value, str):
            match = _NAME.fullmatch(value)
            if not match:
                raise UserError(f"sampler {value!r} is not a name such as {', '.join(KINDS)} or x-y-batch")
            kind, alpha, batch, same, directions = match.groups()
            number = None if alpha is None else float(alpha)
            return cls(kind, number, "batch" if batch else "example", bool(same), directions or "all")
        known = [field.name for field in fields(cls)]
        if not isinstance(value, Mapping) or "kind" not in value or not set(value) <= set(known):
            raise UserError(
                f"sampler: {value!r} is neither a name nor kind with any of {', '.join(known[1:])}"
            )
        return cls(**value)

    @property
    def name(self) -> str:
        """Canonical name, for folders; `Spec.parse` reads it back."""
        alpha = [] if self.alpha is None else [np.format_float_positional(self.alpha, trim="-")]
        return "-".join([self.kind, *alpha, *self._controls()])

    @property
    def sampler(self) -> str:
        """The name without alpha, for tables, where alpha has a column of its own."""
        return "-".join([self.kind, *self._controls()])

    def _controls(self) -> list[str]:
        parts = ["batch"] * (self.pair == "batch") + ["same"] * self.allow_same
        return parts + [self.directions] * (self.directions != "all")


def directions(spec: Spec, languages: Sequence[str], english: str = "en") -> list[tuple[str, str]]:
    """Sorted pairs (query language, passage language) that the examples of a sampler may have.

    For hybrid those of its x-y batches; for en-en, x-x, x-x-mono and any sampler of one language the pairs of
    a language with itself. Raises UserError for en-centric without English.
    """
    if spec.kind == "en-en":
        return [(english, english)]
    codes = sorted(set(languages))
    same = [(code, code) for code in codes]
    if len(codes) == 1 or spec.kind in ("x-x", "x-x-mono"):
        return same
    pairs = list(permutations(codes, 2))
    if spec.directions == "ring":
        pairs = list(zip(codes, codes[1:] + codes[:1], strict=True))
    elif spec.directions == "en-centric":
        if english not in codes:
            raise UserError(f"sampler {spec.name}: {english} is not among {', '.join(codes)}")
        pairs = [pair for pair in pairs if english in pair]
    return sorted(pairs + same * spec.allow_same)


def reduce(spec: Spec, languages: Sequence[str], english: str = "en") -> tuple[Spec, tuple[str, ...]]:
    """The simplest spec and the sorted languages that give the same batches: a part of a run's identity.

    One language makes every sampler x-x-mono, and so does alpha 1; en-en is x-x-mono of English; alpha 0 is
    x-y; `directions` that allow the same pairs are one (at n = 2, with English in the set, all three).
    """
    codes = tuple(sorted(set(languages)))
    if spec.kind == "en-en":
        return Spec("x-x-mono"), (english,)
    if len(codes) == 1 or spec.alpha == 1:
        return Spec("x-x-mono"), codes
    if spec.alpha == 0:
        spec = replace(spec, kind="x-y", alpha=None)
    every = replace(spec, directions="all")
    return (every if directions(spec, codes, english) == directions(every, codes) else spec), codes
