"""The cells of one model by sampler and n, and parts of claims from them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from langscale.claims.parts import Missing, Part, Region, Terms
from langscale.claims.sampler_choice import choose
from langscale.config.sampler import Spec
from langscale.config.study import Study
from langscale.config.terms import ALL, NONE, UNTRAINED
from langscale.data import catalogue
from langscale.design.grid import Grid, Point
from langscale.retrieval.measures import MAP
from langscale.statistics.quantities import Mix, Quantity, pair_set_languages
from langscale.statistics.scaling_curves import slope_weights


class Design:
    """The cells of one model on one benchmark: random ladders, the runs that the benchmark scores.

    The budget is the first one with a fixed total, else the first one. Only the config is read.

    `points`: the cell of each (sampler, n). `languages`: those of the study that the benchmark has.
    """

    def __init__(self, grid: Grid, model: str, benchmark: str, budget: str | None = None) -> None:
        self.grid, self.study, self.model, self.benchmark = grid, grid.study, model, benchmark
        study = grid.study
        points = scored_points(grid, benchmark)
        mine = [p for p in points if p.model == model and p.ladder == ALL]
        used = {p.budget for p in mine if p.trained}
        budgets = sorted(study.budgets, key=lambda name: study.budgets[name].kind != "fixed-total")
        self.budget = budget or next((name for name in budgets if name in used), NONE)
        self.fixed_total = self.budget != NONE and study.budgets[self.budget].kind == "fixed-total"
        self.points = {
            (Spec.of(p.sampler, p.alpha), p.n_languages): p
            for p in mine
            if p.trained and p.budget == self.budget
        }
        self.untrained = next(p for p in points if p.model == model and p.sampler == UNTRAINED)
        self.languages = benchmark_languages(study, benchmark)
        for spec in {spec for spec, _ in self.points}:
            # with one language a sampler and its control are the same
            if spec.control and (spec, 1) in self.points and any(s == spec.control for s, _ in self.points):
                self.points.setdefault((spec.control, 1), self.points[spec, 1])

    def equal_rows(self) -> "Design":
        """The cells of the first budget of kind `fixed-rows` with the steps, pairs and sources of this one.

        At n = 1 both budgets are one run, so its cells at n = 1 are those of this budget. Raises Missing if
        the model has no such budget.
        """
        study, own = self.study, self.study.budgets[self.budget]
        used = {p.budget for p in self.grid.points if p.model == self.model and p.trained}
        for name, budget in study.budgets.items():
            if (
                name in used
                and budget.kind == "fixed-rows"
                and budget == own.model_copy(update={"kind": budget.kind})
            ):
                rows = Design(self.grid, self.model, self.benchmark, name)
                first = {key: point for key, point in self.points.items() if key[1] == 1}
                rows.points = first | rows.points
                return rows
        raise Missing(f"no arm at equal rows: a budget of kind fixed-rows like {self.budget}")

    @property
    def curves(self) -> dict[Spec, list[int]]:
        """Numbers of languages of every sampler, rising."""
        found: dict[Spec, list[int]] = {}
        for spec, n in sorted(self.points, key=lambda key: key[1]):
            found.setdefault(spec, []).append(n)
        return found

    @property
    def alphas(self) -> list[float]:
        """The alphas of hybrid, rising."""
        return sorted(s.alpha for s in self.curves if s.sampler == "hybrid" and s.alpha is not None)

    def ns(self, sampler: str) -> list[int]:
        """Numbers of languages of a sampler in the grid, rising."""
        return self.curves.get(Spec.parse(sampler), [])

    def has(self, sampler: str, n: int, controlled: bool) -> bool:
        """Whether the grid has a sampler at n and, with `controlled`, its control too."""
        control = Spec.parse(sampler).control if controlled else None
        return n in self.ns(sampler) and (control is None or n in self.ns(control.name))

    def point(self, sampler: str, n: int) -> Point:
        """The cell of a sampler at n, or of the untrained model. Raises Missing if the grid has none."""
        if sampler == UNTRAINED:
            return self.untrained
        if not self.ns(sampler):
            where = f" with budget {self.budget}" if len(self.study.budgets) > 1 else ""
            raise Missing(f"{sampler} is not in the grid{where}")
        if n not in self.ns(sampler):
            raise Missing(
                f"{sampler} has no n = {n}" if n else "there is no n above 1 that its samplers share"
            )
        return self.points[Spec.parse(sampler), n]

    def language_sets(self, sampler: str, n: int) -> set[tuple[str, ...]]:
        """The distinct sets of training languages of a sampler at n. Raises Missing as `point`."""
        return {self.grid.by_path[path].languages for _, path in self.point(sampler, n).runs}

    def top(self, *samplers: str) -> int:
        """The largest common n above 1 of the samplers in the grid. 0: none."""
        there = [set(self.ns(s)) for s in samplers if self.ns(s)]
        return max((n for n in set.intersection(*there) if n > 1), default=0) if there else 0

    def curve(self, other: "Design | None" = None) -> tuple[str, list[int]]:
        """The sampler of hypotheses without a sampler, and its n, common with `other` if given.

        Raises Missing if no sampler has two numbers of languages.
        """
        curves = self.curves
        if other:
            shared = {spec: set(ns) for spec, ns in other.curves.items()}
            curves = {spec: [n for n in ns if n in shared.get(spec, ())] for spec, ns in curves.items()}
        spec = choose(curves)
        if spec is None or spec.record.english or len(curves[spec]) < 2:
            raise Missing("no sampler has two numbers of languages")
        return spec.name, curves[spec]

    def cell(self, weight: float, sampler: str, n: int = 0) -> "Cell":
        """A cell with its weight."""
        return Cell(weight, self, sampler, n)

    def minus(self, a: str, b: str, n: int) -> list["Cell"]:
        """Sampler a minus sampler b, at n."""
        return [self.cell(1.0, a, n), self.cell(-1.0, b, n)]

    def change(self, sampler: str, last: int, first: int) -> list["Cell"]:
        """A sampler at n = last minus itself at n = first."""
        return [self.cell(1.0, sampler, last), self.cell(-1.0, sampler, first)]

    def slope(self, sampler: str, ns: Sequence[int], sign: float = 1.0) -> list["Cell"]:
        """The least squares slope of a sampler over log2 n, so per doubling of n."""
        weights = slope_weights(np.log2(ns)).tolist()
        return [self.cell(sign * w, sampler, n) for w, n in zip(weights, ns, strict=True)]

    def quantity(self, setting: str, metric: str = MAP.name, pair_set: str = ALL) -> Quantity:
        """A measure in a setting, over the languages of a pair set."""
        return Quantity(setting, metric, pair_set, *pair_set_languages(self.study, pair_set))

    def heldout(self, setting: str) -> Quantity:
        """MAP of queries in held-out languages."""
        return Quantity(setting, MAP.name, ALL, tuple(self.study.languages.heldout))

    def first(self) -> Quantity:
        """Monolingual mAP in the first language, a member of every set."""
        return Quantity("mono", MAP.name, ALL, (self.study.languages.pool[0],))


class Cell(NamedTuple):
    """A cell of a comparison: the runs of a sampler at n, with a weight."""

    weight: float
    design: Design
    sampler: str
    n: int

    def control(self) -> "Cell":
        """The same cell of the control of its sampler, or itself if it needs none."""
        if self.sampler == UNTRAINED:
            return self
        control = Spec.parse(self.sampler).control
        return self if control is None else self._replace(sampler=control.name)


def scored_points(grid: Grid, benchmark: str) -> list[Point]:
    """The points of a grid with the runs that a benchmark scores. A point without such a run is left out."""
    scored = {run.path for run, _ in grid.scored(benchmark)}
    found = [
        replace(p, runs=tuple((seed, path) for seed, path in p.runs if path in scored)) for p in grid.points
    ]
    return [point for point in found if point.runs]


def benchmark_languages(study: Study, benchmark: str) -> tuple[str, ...]:
    """The languages of a study in which a benchmark is evaluated, in the order of the config."""
    wanted = study.benchmarks[benchmark].languages or study.languages.all
    return tuple(catalogue.benchmark(benchmark, study.benchmarks[benchmark]).chosen(wanted))


def part(
    region: Region,
    quantity: Quantity | Mix,
    compared: str,
    cells: Sequence[Cell],
    about_n: bool = False,
) -> Part:
    """A part of a claim: the weighted sum of cells lies in a region. Cells may be missing in the grid.

    about_n: its control is the same sum for the controls of the samplers.
    """
    made = Part(compared, region, quantity)
    try:
        terms = _terms(cells)
    except Missing as reason:
        return replace(made, missing=str(reason))
    if not about_n:
        return replace(made, terms=terms)
    try:
        controls = _terms([cell.control() for cell in cells])
    except Missing as reason:
        return replace(made, terms=terms, uncontrolled=f"the control is missing: {reason}")
    return replace(made, terms=terms, control=() if controls == terms else controls)


def needs_heldout(design: Design, one: Part) -> Part:
    """A part about held-out languages. It is missing in a study without any."""
    return (
        one if design.study.languages.heldout else replace(one, terms=(), missing="no language is held out")
    )


def _terms(cells: Sequence[Cell]) -> Terms:
    return tuple((cell.weight, cell.design.point(cell.sampler, cell.n)) for cell in cells)
