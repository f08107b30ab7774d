"""The plan of the tests of claims: what can be tested and found, as text."""

import math
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from langscale.claims.power import MOST, Forecast, forecasts, pilot
from langscale.design.grid import Grid

HEAD = ("test", "claim", "detects", "in", "the paper's", "replicates for it")


def claim_tests(grid: Grid, results: str | Path) -> str:
    """The claims of a study in the order of their tests, then those that cannot be tested and why.

    results: the folder of the study. A finished one gives the variances of its own table of claims.
    """
    own = Path(results) / "tables/claims.csv"
    finished = own.is_file()
    found = list(forecasts(grid, pilot(own if finished else None)))
    source = "this study's own runs" if finished else "the default study"
    return text(found, source, grid.study.statistics.multiplicity)


def text(found: Sequence[Forecast], pilot_words: str, multiplicity: str) -> str:
    """The forecasts in words. A dash: not known, because the pilot or the paper has no such number."""
    tested = [one for one in found if one.position]
    lines = []
    if tested:
        rows = [
            [
                one.position,
                one.claim,
                _number(one.detectable),
                one.compared,
                _number(one.published),
                _needed(one),
            ]
            for one in tested
        ]
        how = "in this order, each at .05 until one is undecided" if multiplicity == "sequence" else "by Holm"
        runs = sorted({one.replicates for one in tested})
        lines += [
            f"Claims with a test: {len(tested)}, {how}; replicates: {', '.join(map(str, runs))}.",
            "",
            tabulate(rows, HEAD, disable_numparse=True, maxcolwidths=[None, None, None, 60, None, None]),
            "",
            "detects: the smallest effect beyond the bound of the claim that is found with 80% power, in the "
            f"part with the largest one. Variances: {pilot_words}.",
            "the paper's: its difference in the part that needs most replicates, and how many find it.",
        ]
    missing = [one for one in found if not one.position]
    lines += [f"Claims without a test: {len(missing)}."] * bool(missing)
    lines += [f"  {one.claim}: {one.reason}." for one in missing]
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2g}"


def _needed(one: Forecast) -> str:
    if math.isnan(one.needed):
        return "-"
    return f"over {MOST}" if math.isinf(one.needed) else f"{one.needed:.0f}"
