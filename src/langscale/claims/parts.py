"""Tests of the parts of a claim: a region, an effect with its interval, and two p values.

A claim is a conjunction of parts. A part is a region of an effect, such as above 0 or within a margin. The
claim is supported if all parts are, contradicted if one part is, undecided otherwise.

Each claim has one p value. The p for support is the largest p of the parts (intersection-union test, Berger
1982). The p for contradiction is the smallest one-sided p times the number of parts (Bonferroni), and at
least the two-sided p. The smaller of the two enters the family and its adjustment (Holm). Both cannot be
small.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from langscale.design.grid import Point
from langscale.statistics.intervals import LEVEL, MARGIN, cluster_parts, detectable
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import Mix, Quantity

NAN, ALPHA = float("nan"), 0.05

Terms = tuple[tuple[float, Point], ...]
"""Weights of points of the design."""

MORE, LESS, WITHIN, NOT_LESS, FALL = "above", "below", "within", "not below", "falling"


class Region(NamedTuple):
    """A region of an effect.

    kind: `above` the margin (or 0), `below` -margin, `within` -margin and margin, `not below` -margin,
    `falling` between -margin and 0. share: the margin is a share of the mean of the cells with negative
    weight.
    """

    kind: str
    margin: float = 0.0
    share: bool = False

    def __str__(self) -> str:
        size = f"{100 * self.margin:g}% of the reference" if self.share else f"{self.margin:g}"
        if self.kind == FALL:
            return f"from -{size} to 0"
        sign = {WITHIN: "+-", MORE: ""}.get(self.kind, "-") if self.margin else ""
        return f"{MORE if self.kind == NOT_LESS else self.kind} {sign}{size}"

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
        margin = self.margin * (abs(reference) if self.share else 1.0)
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
EQUAL, AS_GOOD = Region(WITHIN, MARGIN), Region(NOT_LESS, MARGIN)


class Missing(Exception):
    """A gap of a study: a test needs more."""


@dataclass(frozen=True)
class Part:
    """One comparison of a claim: a weighted sum of cells under one quantity.

    compared: the comparison in words. covariate: the effect is adjusted for this quantity, see `adjustment`.
    control: the same cells of the samplers' controls; the part needs both (docs/METHOD.md, x-y and n).
    missing: the gap of the study, if it cannot be tested. uncontrolled: why there is no control, so no
    verdict.
    """

    compared: str
    region: Region
    quantity: Quantity | Mix | None = None
    terms: Terms = ()
    control: Terms = ()
    covariate: Quantity | None = None
    missing: str = ""
    uncontrolled: str = ""


@dataclass(frozen=True)
class Measured:
    """The estimate of a part. p_for and p_against as in `Region.p`, nan if it is missing or uncontrolled.

    low, high: confidence interval over runs and queries. runs_low, runs_high: over queries. spread: (standard
    error, degrees of freedom) of the effect and of the control. least_p: the smallest possible p of a
    permutation test.
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
    least_p: float = 0.0

    def detectable(self, tests: int) -> float:
        """Minimum detectable effect: the smallest effect beyond the bound, detected with 80% power.

        At level 0.05 / tests (Bonferroni, the first step of Holm). With a control, the larger of the two.
        """
        sides = self.part.region.sides
        level = ALPHA / max(tests, 1)
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


def adjustment(
    panel: Panel, model: str, values: np.ndarray, covariate: np.ndarray
) -> tuple[float, float, float]:
    """(slope, variance of the slope, degrees of freedom) of values [K] on covariate [K] over trained runs.

    Analysis of covariance: one intercept per point of the design, so the slope comes from differences between
    replicates only. A shared run counts once. Raises Missing for a model with too few runs.
    """
    x, y = [np.zeros(0)], [np.zeros(0)]
    seen: set[str] = set()
    for point in panel.points:
        mine = [path for _, path in point.runs if path not in seen]
        seen.update(mine)
        if point.model != model or not point.trained or len(mine) < 2:
            continue
        at = [panel.column(path) for path in mine]
        x.append(covariate[at] - covariate[at].mean())
        y.append(values[at] - values[at].mean())
    a, b = np.concatenate(x), np.concatenate(y)
    df, spread = len(a) - (len(x) - 1) - 1, (a**2).sum()
    if df < 1 or spread == 0:
        raise Missing("too few runs to adjust for accuracy")
    slope = (a * b).sum() / spread
    return slope, ((b - slope * a) ** 2).sum() / df / spread, df


class Estimate(NamedTuple):
    """An effect with its standard error, degrees of freedom, replicates, and interval over queries."""

    mean: float
    se: float
    df: float
    n_runs: float
    runs_low: float
    runs_high: float

    def widened(self, variance: float, df: float) -> "Estimate":
        """With an independent variance added. Degrees of freedom by Satterthwaite (1946)."""
        first = self.se**2
        if variance <= 0:
            return self
        both = (first + variance) ** 2 / (first**2 / self.df + variance**2 / df)
        return self._replace(se=float(np.sqrt(first + variance)), df=both)


class _Job(NamedTuple):
    part: int
    is_control: bool
    units: list[dict[int, float]]
    variance: float
    df: float


def measure(panel: Panel, parts: Sequence[Part]) -> list[Measured]:
    """Estimates of all parts on a benchmark, paired by replicate and query."""
    jobs: dict[Quantity | Mix, list[_Job]] = {}
    found: dict[tuple[int, bool], Estimate] = {}
    problems = {i: part.missing for i, part in enumerate(parts) if part.missing}
    columns = {p: {seed: panel.column(path) for seed, path in p.runs} for p in panel.points}
    for i, part in enumerate(parts):
        for is_control, terms in ((False, part.terms), (True, part.control)):
            if terms and part.quantity is not None and i not in problems:
                units = combined_units([(w, columns[point]) for w, point in terms], panel.fixed)
                try:
                    quantity, variance, df = _adjusted(panel, part.quantity, part.covariate, terms, units)
                except Missing as reason:
                    problems[i] = str(reason)
                    continue
                jobs.setdefault(quantity, []).append(_Job(i, is_control, units, variance, df))
    for quantity, its in jobs.items():
        for _, average, _, got in panel.estimates([quantity], [job.units for job in its]):
            for m, job in enumerate(its) if average == "macro" else ():
                estimate = Estimate(*(got[name][m] for name in Estimate._fields))
                found[job.part, job.is_control] = estimate.widened(job.variance, job.df)
                if got["reason"][m]:
                    whose = " of the control" if job.is_control else ""
                    problems.setdefault(job.part, got["reason"][m] + whose)
    return [
        _measured(panel, part, found.get((i, False)), found.get((i, True)), problems.get(i, ""))
        for i, part in enumerate(parts)
    ]


def _adjusted(
    panel: Panel,
    quantity: Quantity | Mix,
    covariate: Quantity | None,
    terms: Terms,
    units: Sequence[Mapping[int, float]],
) -> tuple[Quantity | Mix, float, float]:
    """(estimated quantity, variance of the adjustment, its degrees of freedom)."""
    if covariate is None or isinstance(quantity, Mix):
        return quantity, 0.0, 1
    values, accuracy = run_means(panel, quantity), run_means(panel, covariate)
    if values is None or accuracy is None or not units:
        return quantity, 0.0, 1
    slope, variance, df = adjustment(panel, terms[0][1].model, values, accuracy)
    moved = np.mean([sum(w * accuracy[k] for k, w in unit.items()) for unit in units])
    return Mix(((1.0, quantity), (-slope, covariate))), float(variance * moved**2), df


def _measured(
    panel: Panel, part: Part, effect: Estimate | None, control: Estimate | None, problem: str
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
    )


def _reference(panel: Panel, part: Part, terms: Terms) -> float:
    """The mean of the cells with negative weight, for a relative margin."""
    means = run_means(panel, part.quantity) if part.region.share and part.quantity is not None else None
    if means is None:
        return 1.0
    runs = [means[panel.column(path)] for w, point in terms if w < 0 for _, path in point.runs]
    return float(np.mean(runs))
