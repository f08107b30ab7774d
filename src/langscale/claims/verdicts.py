"""From the parts of claims to verdicts.

A claim is a conjunction of parts, tested as an intersection-union test: it is supported if every part passes
at the unadjusted level (Berger 1982), so it pays nothing for its parts. Its opposite is a union: the p for
contradiction is the smallest one-sided p of the parts times their number (Bonferroni), and at least the
two-sided p. The smaller of the two is the p of the claim. Both cannot be small.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from langscale.claims.parts import ALPHA, NAN, Measured
from langscale.statistics.multiple_testing import fixed_sequence, holm

SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED = "supported", "contradicted", "undecided", "not tested here"
REPLICATED, OPPOSITE = "replicated", "opposite"
METHODS = {"sequence": fixed_sequence, "holm": holm}
"""Adjustments of `statistics.multiplicity`."""


class Outcome(NamedTuple):
    """Of a claim: its p, the adjusted p, the verdict."""

    p: float
    p_adjusted: float
    verdict: str


def decide(claims: Sequence[Sequence[Measured]], multiplicity: str = "sequence") -> list[Outcome]:
    """The outcomes of claims, each a list of measured parts, in the declared order.

    In a fixed sequence each claim is tested at the full level until the first claim that is not decided. The
    later ones are undecided. A verdict in either direction continues the sequence. Errors in the direction
    then need more than any dependence: it is enough that the tests are not adversely dependent (Grandhi, Guo
    and Romano 2019), and `make validate` counts wrong verdicts. A claim without p, because data are missing,
    ends the sequence. Claims that cannot be tested by the config are no members of `claims`.
    """
    p = [conjunction(parts) for parts in claims]
    family = np.array([min(pair) for pair in p], dtype=float)
    return [
        Outcome(float(one), float(adjusted), verdict(adjusted, p_for <= p_against))
        for one, adjusted, (p_for, p_against) in zip(family, METHODS[multiplicity](family), p, strict=True)
    ]


def level(multiplicity: str, tests: int) -> float:
    """The level of a single claim before the data: of a sequence the whole, of Holm its first step."""
    return ALPHA if multiplicity == "sequence" else ALPHA / max(tests, 1)


def verdict(p_adjusted: float, supports: bool) -> str:
    """The verdict by an adjusted p value, of support or else of contradiction."""
    if np.isnan(p_adjusted):
        return NOT_TESTED
    if p_adjusted >= ALPHA:
        return UNDECIDED
    return SUPPORTED if supports else CONTRADICTED


def replication(parts: Sequence[Measured], primary: str) -> Outcome:
    """The outcome on another model or benchmark, at the unadjusted level.

    It speaks only where the primary pair has a verdict: `replicated` if the verdict is the same, `opposite`
    if it is the other one, else `undecided`. `primary`: the verdict there.
    """
    p_for, p_against = conjunction(parts)
    p = min(p_for, p_against)
    here = verdict(p, p_for <= p_against)
    if here != NOT_TESTED:
        here = UNDECIDED if {here, primary} & {UNDECIDED, NOT_TESTED} else here
    if here in (SUPPORTED, CONTRADICTED):
        here = REPLICATED if here == primary else OPPOSITE
    return Outcome(p, NAN, here)


def conjunction(parts: Sequence[Measured]) -> tuple[float, float]:
    """(p for, p against) of all parts together. nan if a part is not measured."""
    p_for, p_against = (np.array([getattr(m, name) for m in parts]) for name in ("p_for", "p_against"))
    if np.isnan(p_for).any():
        return NAN, NAN
    return float(p_for.max()), min(1.0, float(p_against.min()) * max(1.0, len(parts) / 2))
