"""Samplers: one record per kind, names with options, and samplers with equal batches.

A kind of sampler is a record in KINDS. Its batches have one form, or it mixes two other kinds.
`langscale.training.batches` draws the batches from these records. An installed package adds kinds through the
entry point group `langscale.samplers` (`langscale.core.entry_points`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import permutations
from operator import attrgetter
from typing import Any, Literal

import numpy as np

from langscale.config.fields import cut
from langscale.core.entry_points import Records
from langscale.core.errors import UserError

Direction = tuple[str, str]
"""Language of the query, language of the passage."""

Form = Literal["mono", "mixed", "cross"]


@dataclass(frozen=True)
class Spec:
    """A sampler: a kind and its options. The record of the kind names its options.

    alpha: share of the mono batches in a mixture (default 0.5). pair: `example` draws a direction for each
    example, `batch` one for the whole batch. allow_same: directions include a language with itself.
    directions: all ordered pairs, pairs with English (`en-centric`), or pairs of neighbours in the sorted
    languages (`ring`).

    Raises UserError for an unknown value, and for an option of other kinds.
    """

    kind: str
    alpha: float | None = None
    pair: str = "example"
    allow_same: bool = False
    directions: str = "all"

    def __post_init__(self) -> None:
        choices: dict[str, tuple[object, ...]] = {
            "kind": tuple(KINDS),
            "pair": ("example", "batch"),
            "directions": ("all", "en-centric", "ring"),
            "allow_same": (False, True),
        }
        for key, allowed in choices.items():
            if getattr(self, key) not in allowed:
                words = ", ".join(map(str, allowed))
                raise UserError(f"sampler {self.kind}: {key} is {getattr(self, key)!r}; {words} are right")
        if "alpha" in self.record.options:
            alpha = 0.5 if self.alpha is None else self.alpha
            if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 <= alpha <= 1:
                raise UserError(f"sampler {self.kind}: alpha is {alpha!r}; a number from 0 to 1 is right")
            object.__setattr__(self, "alpha", float(alpha))
        for option in fields(self)[1:]:
            if option.name not in self.record.options and getattr(self, option.name) != option.default:
                have = " and ".join(name for name, kind in KINDS.items() if option.name in kind.options)
                found = getattr(self, option.name)
                raise UserError(
                    f"sampler {self.kind}: it has no {option.name} (found {found!r}); {have} have"
                )

    @classmethod
    def parse(cls, value: str | Mapping[str, Any]) -> "Spec":
        """The sampler of a name ("x-y", "hybrid-0.25-batch") or of a mapping of options with a `kind`."""
        if isinstance(value, str):
            match = re.fullmatch(_pattern(), value)
            if not match:
                names = ", ".join(KINDS)
                raise UserError(
                    f"sampler {cut(value)!r} is unknown; {names}, hybrid-0.25, x-y-batch are known"
                )
            kind, alpha, batch, same, directions = match.groups()
            number = None if alpha is None else float(alpha)
            return cls(kind, number, "batch" if batch else "example", bool(same), directions or "all")
        known = [field.name for field in fields(cls)]
        if not isinstance(value, Mapping) or "kind" not in value or not set(value) <= set(known):
            keys = ", ".join(known[1:])
            found = cut(repr(value))
            raise UserError(f"sampler {found}: neither a name nor a mapping of kind and any of {keys}")
        return cls(**value)

    @classmethod
    def of(cls, sampler: str, alpha: float | None) -> "Spec":
        """The sampler of a table's columns `sampler` and `alpha`."""
        spec = cls.parse(sampler)
        return spec if spec.alpha is None else replace(spec, alpha=alpha)

    @property
    def name(self) -> str:
        """Canonical name, for folders. `Spec.parse` reads it back."""
        alpha = [] if self.alpha is None else [np.format_float_positional(self.alpha, trim="-")]
        return "-".join([self.kind, *alpha, *self._suffixes()])

    @property
    def sampler(self) -> str:
        """The name without alpha, for tables with a column of alpha."""
        return "-".join([self.kind, *self._suffixes()])

    def _suffixes(self) -> list[str]:
        parts = ["batch"] * (self.pair == "batch") + ["same"] * self.allow_same
        return parts + [self.directions] * (self.directions != "all")

    @property
    def record(self) -> "Kind":
        """The record of its kind."""
        return KINDS[self.kind]

    @property
    def parts(self) -> list[tuple[float, "Spec"]]:
        """(share of the batches, sampler) of the mixed kinds, without shares of zero. Else itself alone."""
        if self.alpha is None:
            return [(1.0, self)]
        first, second = self.record.mixes
        mixed = (self.alpha, self._as(first)), (1.0 - self.alpha, self._as(second))
        return [(share, part) for share, part in mixed if share]

    def _as(self, kind: str) -> "Spec":
        """Another kind with the same values of its options."""
        return Spec(kind, **{name: getattr(self, name) for name in KINDS[kind].options})

    @property
    def crosses(self) -> bool:
        """Whether a query and its passage may be in different languages.

        With one language such a sampler is x-x-mono. Its values at n = 1 and above come from two samplers.
        """
        return any(part.record.form == "cross" for _, part in self.parts)

    @property
    def needs_control(self) -> bool:
        """Whether an effect of n needs a control, because n alone changes the difficulty of the batches.

        If each example draws two different languages, no positive is in the query's language. An encoder of
        languages alone rejects 1/n of the documents.
        """
        return self.crosses and self.pair == "example"

    @property
    def control(self) -> "Spec | None":
        """Its control: the same sampler with one direction for the whole batch. None: it needs no control."""
        return replace(self, pair="batch") if self.needs_control else None


@dataclass(frozen=True)
class Kind:
    """A kind of sampler.

    text: a batch in words. form: `mono`, one direction for the whole batch; `mixed`, a language for each
    example; `cross`, a direction for each example (with `pair: batch` for the whole batch). directions: the
    possible directions of an example, from the sampler, the sorted languages and the code of English. mixes:
    two other kinds instead, for a batch of the first with probability alpha, else of the second. options: its
    fields of Spec. english: English only.

    Raises ValueError for a cross kind without the option `pair`, because its control has `pair: batch`.
    """

    name: str
    text: str
    form: Form | None = None
    directions: Callable[[Spec, Sequence[str], str], list[Direction]] | None = None
    mixes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    english: bool = False

    def __post_init__(self) -> None:
        if self.form == "cross" and "pair" not in self.options:
            raise ValueError(f"kind {self.name}: options {self.options}; a cross kind has the option pair")


def _english(spec: Spec, languages: Sequence[str], english: str) -> list[Direction]:
    return [(english, english)]


def _same(spec: Spec, languages: Sequence[str], english: str) -> list[Direction]:
    return [(code, code) for code in languages]


def _different(spec: Spec, languages: Sequence[str], english: str) -> list[Direction]:
    if len(languages) == 1:
        return _same(spec, languages, english)
    pairs = list(permutations(languages, 2))
    if spec.directions == "ring":
        pairs = list(zip(languages, [*languages[1:], languages[0]], strict=True))
    elif spec.directions == "en-centric":
        if english not in languages:
            raise UserError(f"sampler {spec.name}: {english} is not among {', '.join(languages)}")
        pairs = [pair for pair in pairs if english in pair]
    return pairs + _same(spec, languages, english) * spec.allow_same


CONTROLS = ("pair", "allow_same", "directions")
KINDS = Records(
    "langscale.samplers",
    Kind,
    (
        Kind("en-en", "English only", "mono", _english, english=True),
        Kind("x-x", "each example in one language, languages mixed inside the batch", "mixed", _same),
        Kind("x-x-mono", "the whole batch in one language", "mono", _same),
        Kind(
            "x-y",
            "each example in an ordered pair of languages (query, passage), mixed inside the batch",
            "cross",
            _different,
            options=CONTROLS,
        ),
        Kind(
            "hybrid",
            "with probability alpha an x-x-mono batch, else an x-y batch (arXiv:2408.10536)",
            mixes=("x-x-mono", "x-y"),
            options=("alpha", *CONTROLS),
        ),
    ),
    attrgetter("name"),
)
"""All kinds by name."""


def _pattern() -> str:
    """The regular expression of names."""
    kinds = "|".join(sorted(map(re.escape, KINDS), key=len, reverse=True))
    return rf"({kinds})(?:-(\d*\.?\d+))?(-batch)?(-same)?(?:-(en-centric|ring))?"


def directions(spec: Spec, languages: Sequence[str], english: str = "en") -> list[Direction]:
    """The sorted possible directions of an example. For a mixture, the directions of its second kind.

    Raises UserError for en-centric without English.
    """
    if spec.record.mixes:
        spec = spec._as(spec.record.mixes[1])
    found = spec.record.directions
    assert found, f"kind {spec.kind} has neither directions nor mixes"
    return sorted(found(spec, sorted(set(languages)), english))


def reduce(spec: Spec, languages: Sequence[str], english: str = "en") -> tuple[Spec, tuple[str, ...]]:
    """The simplest sampler and sorted languages with the same batches: a part of the identity of a run.

    A mixture with alpha 0 or 1 is one of its kinds. A mono sampler is x-x-mono in its languages, and so is
    every sampler of one language. Values of `directions` with the same pairs are one (at n = 2 with English,
    all three).
    """
    codes = tuple(sorted(set(languages)))
    if len(spec.parts) == 1:
        ((_, spec),) = spec.parts
    if len(codes) == 1 or spec.record.form == "mono":
        return Spec("x-x-mono"), tuple(
            sorted({code for pair in directions(spec, codes, english) for code in pair})
        )
    every = replace(spec, directions="all")
    return (every if directions(spec, codes, english) == directions(every, codes) else spec), codes
