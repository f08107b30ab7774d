"""Error rates of whole ledgers: at most 5% of simulated studies have a wrong verdict."""

import numpy as np
import pytest

from langscale.claims.parts import ABOVE, ALPHA, AS_GOOD, BELOW, EQUAL, SLOWLY, Measured, Part
from langscale.claims.verdicts import CONTRADICTED, SUPPORTED, UNDECIDED, decide, replication
from langscale.core.random import stream

LEDGER = {
    "H0": [ABOVE] * 2, "H1": [SLOWLY, ABOVE, EQUAL], "H2": [ABOVE, EQUAL] * 2, "C1": [ABOVE] * 2,
    "C2": [AS_GOOD] * 6, "C3": [ABOVE] * 2, "C5": [BELOW] * 2, "C6": [ABOVE] * 3 + [AS_GOOD] * 2,
}  # fmt: skip
"""The regions of the parts of the first claims, in the order of their tests."""
SE, DF = 0.003, 7
EDGE = {ABOVE: 0.0, BELOW: 0.0, SLOWLY: 0.0, EQUAL: 0.01, AS_GOOD: -0.01}
"""The effect on the bound of a region, where a wrong verdict is most likely."""


def ledgers(draws, name, effects):
    """Simulated ledgers: parts with these effects, half of their error common to all parts."""
    rng = stream("ledgers", name)
    shape = draws, sum(map(len, LEDGER.values()))
    z = np.sqrt(0.5) * rng.normal(size=(draws, 1)) + np.sqrt(0.5) * rng.normal(size=shape)
    scale = np.sqrt(rng.chisquare(DF, shape) / DF)
    regions = [region for parts in LEDGER.values() for region in parts]
    for errors, spreads in zip(z, scale, strict=True):
        p = [
            region.p(effect + SE * error, SE * spread, DF)
            for region, effect, error, spread in zip(regions, effects, errors, spreads, strict=True)
        ]
        found = iter(Measured(Part("", ABOVE), p_for=a, p_against=b) for a, b in p)
        yield [[next(found) for _ in parts] for parts in LEDGER.values()]


def wrong(parts, effects, verdict):
    """Whether a verdict is wrong. On its bound an effect is in no region and outside of none."""
    inside = [edge_distance(region, effect) for region, effect in zip(parts, effects, strict=True)]
    return (verdict == SUPPORTED and min(inside) <= 0) or (verdict == CONTRADICTED and min(inside) >= 0)


def edge_distance(region, effect):
    """The distance of an effect from the bound of a region, positive inside."""
    low = {ABOVE: 0.0, BELOW: -np.inf}.get(region, -0.01)
    high = {BELOW: 0.0, EQUAL: 0.01, SLOWLY: 0.0}.get(region, np.inf)
    return min(effect - low, high - effect)


def rate(draws, name, effects):
    split = np.cumsum([len(parts) for parts in LEDGER.values()])[:-1]
    by_claim = [chunk.tolist() for chunk in np.split(np.array(effects), split)]
    failures = 0
    for claims in ledgers(draws, name, effects):
        outcomes = decide(claims)
        failures += any(
            wrong(parts, its, outcome.verdict)
            for parts, its, outcome in zip(LEDGER.values(), by_claim, outcomes, strict=True)
        )
    return failures / draws


def regions():
    return [region for parts in LEDGER.values() for region in parts]


TRUE = {ABOVE: 0.1, BELOW: -0.1, SLOWLY: -0.005, EQUAL: 0.0, AS_GOOD: 0.05}
WORLDS = {
    "no effect at all": [0.0] * len(regions()),
    "each effect on its bound": [EDGE[region] for region in regions()],
    # the sequence comes as far as it can, and then there is nothing
    "the first claim holds": [TRUE[r] if i < 2 else 0.0 for i, r in enumerate(regions())],
    "four claims hold": [TRUE[r] if i < 11 else EDGE[r] for i, r in enumerate(regions())],
    "one part of each claim fails": [
        EDGE[parts[0]] if i == 0 else TRUE[region]
        for parts in LEDGER.values()
        for i, region in enumerate(parts)
    ],
}


@pytest.mark.parametrize("world", WORLDS)
def test_at_most_one_ledger_in_twenty_has_a_wrong_verdict(world):
    draws = 250
    error = 2.6 * np.sqrt(0.05 * 0.95 / draws)
    assert rate(draws, world, WORLDS[world]) <= 0.05 + error


def test_without_the_sequence_more_than_one_ledger_in_twenty_is_wrong():
    """The claims by themselves, each at the full level: the promise above is one that can fail."""
    effects = WORLDS["each effect on its bound"]
    split = np.cumsum([len(parts) for parts in LEDGER.values()])[:-1]
    by_claim = [chunk.tolist() for chunk in np.split(np.array(effects), split)]
    failures = 0
    for claims in ledgers(100, "alone", effects):
        alone = [decide([parts])[0].verdict for parts in claims]
        failures += any(
            wrong(parts, its, one) for parts, its, one in zip(LEDGER.values(), by_claim, alone, strict=True)
        )
    assert failures / 100 > 0.1


def test_holds_are_found_and_a_replication_needs_no_place_in_the_sequence():
    claims = next(ledgers(1, "found", [TRUE[region] for region in regions()]))
    # the narrow region of H1's slope is not found with this error
    assert [outcome.verdict for outcome in decide(claims)][0] == SUPPORTED
    assert replication(claims[0], UNDECIDED).p < ALPHA
