"""From declared comparisons to verdicts: what a claim says about an effect, and what the numbers say about that.

A claim is a conjunction of parts. A part says where an effect lies: above 0, within a margin, and so on. It is
supported where the effect lies there, contradicted where it lies outside. The claim is supported if all its parts
are, contradicted if one is, undecided otherwise.

Each claim has one p value. For support it is the largest of its parts' (the intersection-union test, Berger 1982); for
contradiction the smallest one-sided one times the number of parts (Bonferroni), but never below the two-sided one. The
smaller of the two enters the family, which Holm adjusts: never can both be small.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from langscale.config.sampler import Spec
from langscale.design.grid import Point
from langscale.statistics.intervals import LEVEL, Unit, cluster_parts, detectable
from langscale.statistics.panel import Mix, Panel, Quantity

NAN, ALPHA = float("nan"), 0.05

Terms = tuple[tuple[float, Point], ...]


MORE, LESS, WITHIN, NOT_LESS, FALL = "above", "below", "within", "not below", "falling"


class Region(NamedTuple):
    """Where an effect lies, as a claim has it.

    above: over the margin (or 0); below: under -margin; within: between -margin and margin; not below: over -margin;
    falling: between -margin and 0. With `share` the margin is a share of the reference's value (the mean of the cells with negative weight).
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
        """Of the test that supports the claim: two against 0 or a least size, one against a margin."""
        return 1 if self.kind in (WITHIN, NOT_LESS) else 2

    def p(self, mean: float, se: float, df: float, reference: float = 1.0) -> tuple[float, float]:
        """(p of "the effect does not lie there", p of "it does"): small ones support and contradict the claim.

        Against 0, or a least size, p is two-sided: the same test finds the opposite. Against a margin it is one-sided:
        within it, two one-sided tests (Schuirmann 1987) as `statistics.equivalence_p`. What contradicts is two-sided
        everywhere: the 95% interval lies outside. nan where se is.
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


class Missing(Exception):
    """What a study lacks for a test."""


@dataclass(frozen=True)
class Part:
    """One comparison of a claim: weights of cells under one quantity. Or what is `missing` for it.

    covariate: the effect is adjusted for this quantity, see `adjustment`. control: the same cells with x-y-batch for x-y;
    without it, or where it says otherwise, x-y and n get no verdict (docs/METHOD.md, Training). `uncontrolled` says
    that there is none.
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
    """What came out of a part. p_for and p_against as in `Region.p`, nan where `missing` or `uncontrolled`.

    low, high: procedure interval, runs_low, runs_high: that of these runs; spread: (se, degrees of freedom) of the
    effect, and of the control where there is one; least_p: the smallest p that a permutation test can give.
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
        """Smallest true distance from the bound, on the claim's side, found with 80% power in a family of so many tests.

        At Bonferroni's level, Holm's strictest step; where a control must agree, the larger of the two.
        """
        sides = self.part.region.sides
        found = [float(detectable(se, df, ALPHA / max(tests, 1), sides)) for se, df in self.spread]
        return max(found, default=NAN)


@dataclass
class Entry:
    """A claim about one model on one benchmark, with its parts."""

    claim: str
    model: str
    benchmark: str
    budget: str
    parts: list[Part]
    measured: list[Measured] = field(default_factory=list)


def part(
    region: Region,
    quantity: Quantity | Mix,
    compared: str,
    cells: Callable[[Callable[[str], str]], Terms],
    about_n: bool = False,
    covariate: Quantity | None = None,
) -> Part:
    """A part from `cells`, which gives the terms for names of samplers, or says what is `Missing`.

    With `about_n` the control is what it gives for the controls of the same samplers.
    """
    made = Part(compared, region, quantity, covariate=covariate)
    try:
        terms = cells(lambda sampler: sampler)
    except Missing as reason:
        return replace(made, missing=str(reason))
    if not about_n:
        return replace(made, terms=terms)
    try:
        controls = cells(control)
    except Missing as reason:
        return replace(made, terms=terms, uncontrolled=f"the control is missing: {reason}")
    return replace(made, terms=terms, control=() if controls == terms else controls)


def control(sampler: str) -> str:
    """The name of the sampler that controls another one, or its own where it needs none."""
    spec = Spec.parse(sampler)
    return sampler if spec.control is None else spec.control.name


def combined_units(cells: Sequence[tuple[float, Mapping[int, int]]], fixed: Sequence[bool]) -> list[Unit]:
    """Units of a weighted sum of cells {replicate: column}, replicate by replicate.

    As `statistics.paired_units`, for any number of cells: a cell without training randomness stands in every replicate, a
    unit that cancels is left out, and a trained run enters one unit only.
    """
    single = [len(cell) == 1 and all(fixed[k] for k in cell.values()) for _, cell in cells]
    trained = [set(cell) for (_, cell), alone in zip(cells, single, strict=True) if not alone]
    units, used = [], set()
    for r in sorted(set.intersection(*trained)) if trained else [None]:
        unit: dict[int, float] = {}
        for (weight, cell), alone in zip(cells, single, strict=True):
            column = next(iter(cell.values())) if alone else cell[r]
            unit[column] = unit.get(column, 0.0) + weight
        unit = {column: weight for column, weight in unit.items() if abs(weight) > 1e-12}
        random = {column for column in unit if not fixed[column]}
        if unit and not random & used:
            units.append(unit)
            used |= random
    return units


def run_means(panel: Panel, quantity: Quantity | Mix) -> np.ndarray | None:
    """The quantity's macro average of every run, [K]; None where no question has a value."""
    found = panel.sums(quantity)
    return found and cluster_parts(found.sums, found.counts).sum(axis=0)


def adjustment(
    panel: Panel, model: str, values: np.ndarray, covariate: np.ndarray
) -> tuple[float, float, int]:
    """(slope, its variance, degrees of freedom) of values [K] on covariate [K] over the trained runs of a model.

    The common slope within the points of the design (analysis of covariance): what differs between points does not
    enter, only how the two go together when nothing but the replicate differs. A shared run counts once.
    """
    x, y, groups, seen = [], [], 0, set()
    for point in panel.points:
        mine = [path for _, path in point.runs if path not in seen]
        seen.update(mine)
        if point.model != model or not point.trained or len(mine) < 2:
            continue
        at = [panel.column(path) for path in mine]
        x.append(covariate[at] - covariate[at].mean())
        y.append(values[at] - values[at].mean())
        groups += 1
    x, y = np.concatenate(x or [np.zeros(0)]), np.concatenate(y or [np.zeros(0)])
    df, spread = len(x) - groups - 1, (x**2).sum()
    if df < 1 or spread == 0:
        raise Missing("too few runs to adjust for accuracy")
    slope = (x * y).sum() / spread
    return slope, ((y - slope * x) ** 2).sum() / df / spread, df


def measure(panel: Panel, parts: Sequence[Part]) -> list[Measured]:
    """Estimate all parts on a benchmark, by procedure intervals that are paired by replicate and question."""
    jobs: dict[Quantity | Mix, list] = {}  # quantity -> [(part, is it the control, units, extra variance)]
    found: dict[tuple[int, bool], tuple] = {}
    problems = {i: p.missing for i, p in enumerate(parts) if p.missing}
    columns = {p: {seed: panel.column(path) for seed, path in p.runs} for p in panel.points}
    for i, one in enumerate(parts):
        for is_control, terms in ((False, one.terms), (True, one.control)):
            if terms and i not in problems:
                units = combined_units([(w, columns[point]) for w, point in terms], panel.fixed)
                try:
                    quantity, extra = _adjusted(panel, one, terms, units)
                except Missing as reason:
                    problems[i] = str(reason)
                    continue
                jobs.setdefault(quantity, []).append((i, is_control, units, extra))
    for quantity, listed in jobs.items():
        for _, average, _, got in panel.estimates([quantity], [units for _, _, units, _ in listed]):
            for m, (i, is_control, _, extra) in enumerate(listed) if average == "macro" else ():
                values = {
                    name: got[name][m] for name in ("mean", "se", "df", "n_runs", "runs_low", "runs_high")
                }
                found[i, is_control] = _add(values, *extra)
                if got["reason"][m]:
                    problems.setdefault(i, got["reason"][m] + (" of the control" if is_control else ""))
    return [_measured(panel, i, one, found, problems.get(i, "")) for i, one in enumerate(parts)]


def _adjusted(panel: Panel, one: Part, terms: Terms, units: Sequence[Unit]) -> tuple[Quantity | Mix, tuple]:
    """The quantity that is estimated, and the (variance, degrees of freedom) that the adjustment adds."""
    if one.covariate is None:
        return one.quantity, (0.0, 1)
    values, covariate = (run_means(panel, q) for q in (one.quantity, one.covariate))
    if values is None or covariate is None or not units:
        return one.quantity, (0.0, 1)
    slope, variance, df = adjustment(panel, terms[0][1].model, values, covariate)
    moved = np.mean([sum(w * covariate[k] for k, w in unit.items()) for unit in units])
    return Mix(((1.0, one.quantity), (-slope, one.covariate))), (variance * moved**2, df)


def _add(values: dict, variance: float, df: float) -> dict:
    """Add an independent variance; degrees of freedom by Satterthwaite (1946)."""
    first = values["se"] ** 2
    if variance > 0:
        values["df"] = (first + variance) ** 2 / (first**2 / values["df"] + variance**2 / df)
    return values | {"se": np.sqrt(first + variance)}


def _measured(panel: Panel, i: int, one: Part, found: dict, problem: str) -> Measured:
    got = found.get((i, False))
    if got is None:
        return Measured(replace(one, missing=problem or "the benchmark has no such questions or candidates"))
    p_for, p_against = NAN, NAN
    if not problem and not one.uncontrolled:
        p = [
            one.region.p(*(found[i, c][name] for name in ("mean", "se", "df")), _reference(panel, one, terms))
            for c, terms in ((False, one.terms), (True, one.control))
            if terms
        ]
        # it must hold, and it must fail, with the control too
        p_for, p_against = (max(side) for side in zip(*p, strict=True))
    half = stats.t.ppf((1 + LEVEL) / 2, got["df"]) * got["se"]
    return Measured(
        replace(one, missing=problem),
        got["mean"],
        got["mean"] - half,
        got["mean"] + half,
        int(got["n_runs"]),
        p_for,
        p_against,
        got["runs_low"],
        got["runs_high"],
        tuple((found[i, c]["se"], found[i, c]["df"]) for c in (False, True) if (i, c) in found),
    )


def _reference(panel: Panel, one: Part, terms: Terms) -> float:
    if not one.region.share:
        return 1.0
    means = run_means(panel, one.quantity)
    runs = [means[panel.column(path)] for w, point in terms if w < 0 for _, path in point.runs]
    return float(np.mean(runs))
