"""The parts of a claim: a region, an effect with its interval, and two p values.

A claim is a conjunction of parts. A part is a region of an effect, such as above 0 or within a margin. A part
has a p for support (the effect lies in the region) and a p for contradiction (it lies outside), and no
verdict. `langscale.claims.verdicts` decides about the claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from langscale.design.grid import Point
from langscale.statistics.intervals import LEVEL, MARGIN, MARGIN_SHARE, cluster_parts, detectable
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import Mix, Quantity

NAN, ALPHA = float("nan"), 0.05

Terms = tuple[tuple[float, Point], ...]
"""Weights of points of the design."""

MORE, LESS, WITHIN, NOT_LESS, FALL = "above", "below", "within", "not below", "falling"


class Region(NamedTuple):
    """A region of an effect.

    kind: `above` the margin (or 0), `below` -margin, `within` -margin and margin, `not below` -margin,
    `falling` between -margin and 0. margin: a difference. share: a share of the reference, which is the mean
    of the cells with negative weight. With both, the margin is the smaller one.
    """

    kind: str
    margin: float = 0.0
    share: float = 0.0

    def __str__(self) -> str:
        sizes = [f"{self.margin:g}"] if self.margin or not self.share else []
        sizes += [f"{100 * self.share:g}% of the reference"] if self.share else []
        size = " or ".join(sizes) + (", the smaller" if len(sizes) > 1 else "")
        if self.kind == FALL:
            return f"from -({size}) to 0" if len(sizes) > 1 else f"from -{size} to 0"
        sign = {WITHIN: "+-", MORE: ""}.get(self.kind, "-") if sizes != ["0"] else ""
        size = f"({size})" if sign and len(sizes) > 1 else size
        return f"{MORE if self.kind == NOT_LESS else self.kind} {sign}{size}"

    def width(self, reference: float) -> float:
        """The margin as a difference, for a reference of this mean."""
        sizes = [size for size in (self.margin, self.share * abs(reference)) if size]
        return min(sizes, default=0.0)

    @property
    def sides(self) -> int:
        """Sides of the test for support: two against 0 or a minimum size, one against a margin."""
        return 1 if self.kind in (WITHIN, NOT_LESS) else 2

    def p(self, mean: float, se: float, df: float, reference: float = 1.0) -> tuple[float, float]:
        """(p of "the effect lies outside", p of "it lies inside"). Small values support and contradict.

        Against 0 or a minimum size the p for support is two-sided, against a margin one-sided. Within a
        margin it is the larger of two one-sided tests (Schuirmann 1987), as in `equivalence_p`. The p for
        contradiction is two-sided: it is small if the 95% interval lies outside. nan if se is nan.
        """
        margin = self.width(reference)
        low = {MORE: margin, LESS: -np.inf}.get(self.kind, -margin)
        high = {LESS: -margin, WITHIN: margin, FALL: 0.0}.get(self.kind, np.inf)
        above, below = (mean - low) / se, (high - mean) / se
        inside = max(
            stats.t.sf(above, df) * (2 if self.kind == MORE else 1),
            stats.t.sf(below, df) * (2 if self.kind in (LESS, FALL) else 1),
        )
        outside = 2 * min(stats.t.cdf(above, df), stats.t.cdf(below, df))
        return min(float(inside), 1.0), min(float(outside), 1.0)


ABOVE, BELOW = Region(MORE), Region(LESS)
EQUAL, AS_GOOD, SLOWLY = (Region(kind, MARGIN, MARGIN_SHARE) for kind in (WITHIN, NOT_LESS, FALL))


class Missing(Exception):
    """A gap of a study: a test needs more."""


@dataclass(frozen=True)
class Part:
    """One comparison of a claim: a weighted sum of cells under one quantity.

    compared: the comparison in words.
    control: the same cells of the samplers' controls; the part needs both (docs/METHOD.md, x-y and n).
    missing: the gap of the study, if it cannot be tested. uncontrolled: why there is no control, so no
    verdict.
    """

    compared: str
    region: Region
    quantity: Quantity | Mix | None = None
    terms: Terms = ()
    control: Terms = ()
    missing: str = ""
    uncontrolled: str = ""

    @property
    def measure(self) -> tuple[str, str]:
        """(setting, metric) of its quantity, or of the first term of a mix; empty without a quantity."""
        first = self.quantity.terms[0][1] if isinstance(self.quantity, Mix) else self.quantity
        return (first.setting, first.metric) if first else ("", "")


@dataclass(frozen=True)
class Measured:
    """The estimate of a part. p_for and p_against as in `Region.p`, nan if it is missing or uncontrolled.

    low, high: confidence interval over runs and queries. runs_low, runs_high: over queries. spread: (standard
    error, degrees of freedom) of the effect and of the control. sd_runs: standard deviation of the effect
    between replicates. se_queries: standard error of the effect from the queries.
    """

    part: Part
    effect: float = NAN
    low: float = NAN
    high: float = NAN
    n_runs: int = 0
    p_for: float = NAN
    p_against: float = NAN
    runs_low: float = NAN
    runs_high: float = NAN
    spread: tuple[tuple[float, float], ...] = ()
    sd_runs: float = NAN
    se_queries: float = NAN

    def detectable(self, level: float = ALPHA) -> float:
        """Minimum detectable effect: the smallest effect beyond the bound, found with 80% power at `level`.

        With a control, the larger of the two.
        """
        sides = self.part.region.sides
        found = [float(detectable(np.array(se), np.array(df), level, sides)) for se, df in self.spread]
        return max(found, default=NAN)


def combined_units(
    cells: Sequence[tuple[float, Mapping[int, int]]], fixed: Sequence[bool]
) -> list[dict[int, float]]:
    """Units of a weighted sum of cells {replicate: column}, replicate by replicate.

    As `statistics.paired_units`, for any number of cells. A cell without training randomness enters every
    replicate. A unit without weights left is dropped. A trained run enters one unit only.
    """
    alone = [
        next(iter(cell.values())) if len(cell) == 1 and all(fixed[k] for k in cell.values()) else None
        for _, cell in cells
    ]
    trained = [set(cell) for (_, cell), column in zip(cells, alone, strict=True) if column is None]
    units: list[dict[int, float]] = []
    used: set[int] = set()
    for replicate in sorted(set.intersection(*trained)) if trained else [0]:
        unit: dict[int, float] = {}
        for (weight, cell), column in zip(cells, alone, strict=True):
            at = cell[replicate] if column is None else column
            unit[at] = unit.get(at, 0.0) + weight
        unit = {column: weight for column, weight in unit.items() if abs(weight) > 1e-12}
        random = {column for column in unit if not fixed[column]}
        if unit and not random & used:
            units.append(unit)
            used |= random
    return units


def run_means(panel: Panel, quantity: Quantity | Mix) -> np.ndarray | None:
    """The macro average of a quantity for every run, [K]. None if no query has a value."""
    found = panel.sums(quantity)
    return None if found is None else cluster_parts(found.sums, found.counts).sum(axis=0)


class Estimate(NamedTuple):
    """An effect with its standard error, degrees of freedom, replicates, and interval over queries."""

    mean: float
    se: float
    df: float
    n_runs: float
    runs_low: float
    runs_high: float


class _Job(NamedTuple):
    part: int
    is_control: bool
    units: list[dict[int, float]]


def measure(panel: Panel, parts: Sequence[Part]) -> list[Measured]:
    """Estimates of all parts on a benchmark, paired by replicate and query."""
    jobs: dict[Quantity | Mix, list[_Job]] = {}
    between: dict[int, float] = {}
    found: dict[tuple[int, bool], Estimate] = {}
    problems = {i: part.missing for i, part in enumerate(parts) if part.missing}
    there = {path: k for k, path in enumerate(panel.paths)}
    for i, part in enumerate(parts):
        for is_control, terms in ((False, part.terms), (True, part.control)):
            if terms and part.quantity is not None and i not in problems:
                cells = [(w, {s: there[path] for s, path in p.runs if path in there}) for w, p in terms]
                units = combined_units(cells, panel.fixed)
                jobs.setdefault(part.quantity, []).append(_Job(i, is_control, units))
    for quantity, its in jobs.items():
        means = run_means(panel, quantity)
        if means is not None:
            for job in its:
                if not job.is_control:
                    between[job.part] = _sd(means, panel.independent(job.units))
        for _, average, _, got in panel.estimates([quantity], [job.units for job in its]):
            for m, job in enumerate(its) if average == "macro" else ():
                estimate = Estimate(*(got[name][m] for name in Estimate._fields))
                found[job.part, job.is_control] = estimate
                if got["reason"][m]:
                    whose = " of the control" if job.is_control else ""
                    problems.setdefault(job.part, got["reason"][m] + whose)
    return [
        _measured(
            panel, part, found.get((i, False)), found.get((i, True)), between.get(i, NAN), problems.get(i, "")
        )
        for i, part in enumerate(parts)
    ]


def _sd(means: np.ndarray, units: Sequence[Mapping[int, float]]) -> float:
    """Standard deviation of a comparison between its replicates; nan for fewer than two."""
    values = [sum(weight * means[k] for k, weight in unit.items()) for unit in units]
    return float(np.std(values, ddof=1)) if len(values) > 1 else NAN


def _measured(
    panel: Panel,
    part: Part,
    effect: Estimate | None,
    control: Estimate | None,
    sd_runs: float,
    problem: str,
) -> Measured:
    if effect is None:
        lack = problem or "the benchmark has no such queries or candidates"
        return Measured(replace(part, missing=lack))
    sides = [(effect, part.terms)] + ([(control, part.control)] if control else [])
    p_for, p_against = NAN, NAN
    if not problem and not part.uncontrolled:
        # support and contradiction both need the control
        p = [part.region.p(e.mean, e.se, e.df, _reference(panel, part, terms)) for e, terms in sides]
        p_for, p_against = (max(side) for side in zip(*p, strict=True))
    half = stats.t.ppf((1 + LEVEL) / 2, effect.df) * effect.se
    return Measured(
        replace(part, missing=problem),
        effect.mean,
        effect.mean - half,
        effect.mean + half,
        int(effect.n_runs),
        p_for,
        p_against,
        effect.runs_low,
        effect.runs_high,
        tuple((e.se, e.df) for e, _ in sides),
        sd_runs,
        float(np.sqrt(max(0.0, effect.se**2 - sd_runs**2 / max(effect.n_runs, 1)))),
    )


def _reference(panel: Panel, part: Part, terms: Terms) -> float:
    """The mean of the cells with negative weight, for a relative margin."""
    means = run_means(panel, part.quantity) if part.region.share and part.quantity is not None else None
    if means is None:
        return 1.0
    runs = [path for w, point in terms if w < 0 for _, path in point.runs if path in panel.paths]
    return float(np.mean([means[panel.column(path)] for path in runs]))
