"""From p values to verdicts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from langscale.claims.parts import ALPHA, NAN, Measured
from langscale.statistics.multiple_testing import holm

SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED = "supported", "contradicted", "undecided", "not tested here"


def verdict(p_adjusted: float, supports: bool) -> str:
    """The verdict by an adjusted p value, of support or else of contradiction."""
    if np.isnan(p_adjusted):
        return NOT_TESTED
    if p_adjusted >= ALPHA:
        return UNDECIDED
    return SUPPORTED if supports else CONTRADICTED


class Outcome(NamedTuple):
    """Of a claim or of a part: its p in the family, the adjusted p, the verdict."""

    p: float
    p_adjusted: float
    verdict: str


def decide(entries: Sequence[Sequence[Measured]]) -> list[tuple[Outcome, list[Outcome]]]:
    """Outcomes of all claims, one family, and of their parts.

    The adjusted p of a part is that of a claim with this part alone. So a claim is supported if all its parts
    are, and contradicted if one is. A claim with an untested part can be contradicted only.
    """
    conjunctions = [_conjunction(parts) for parts in entries]
    family = np.array([min(pair) if not np.isnan(pair).all() else NAN for pair in conjunctions])
    outcomes = []
    for i, parts in enumerate(entries):
        known = sum(not np.isnan(m.p_for) for m in parts)
        single = [
            Outcome(NAN, NAN, NOT_TESTED if m.part.missing else UNDECIDED)
            if np.isnan(m.p_for)
            else _outcome(family, i, m.p_for, _one_of(known, m.p_against))
            for m in parts
        ]
        whole = _outcome(family, i, *conjunctions[i])
        if whole.verdict != CONTRADICTED and any(m.part.missing for m in parts):
            whole = whole._replace(p_adjusted=NAN, verdict=NOT_TESTED)
        elif whole.verdict == NOT_TESTED:
            whole = whole._replace(verdict=UNDECIDED)
        outcomes.append((whole, single))
    return outcomes


def _outcome(family: np.ndarray, i: int, p_for: float, p_against: float) -> Outcome:
    """The outcome of claim i of the family with these p values."""
    changed = family.copy()
    changed[i] = min(p_for, p_against)
    adjusted = float(holm(changed)[i])
    return Outcome(float(changed[i]), adjusted, verdict(adjusted, p_for <= p_against))


def _conjunction(parts: Sequence[Measured]) -> tuple[float, float]:
    """(p for, p against) of all parts together. An untested part blocks support."""
    p_for, p_against = (np.array([getattr(m, name) for m in parts]) for name in ("p_for", "p_against"))
    known = ~np.isnan(p_for)
    if not known.any():
        return NAN, NAN
    return float(np.max(p_for)) if known.all() else 1.0, _one_of(known.sum(), np.min(p_against[known]))


def _one_of(k: int, p: float) -> float:
    """The p of a claim with k parts from the two-sided p of one part."""
    return min(1.0, float(p) * max(1.0, k / 2))
