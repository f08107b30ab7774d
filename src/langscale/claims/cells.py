"""The cells of one model, as claims name them: by sampler and number of languages."""

from collections.abc import Iterable, Sequence
from math import log2

import numpy as np

from langscale.claims.sampler_choice import choose
from langscale.claims.tests import Missing, Terms
from langscale.config.sampler import Spec
from langscale.config.study import Study
from langscale.config.terms import ALL, NONE, UNTRAINED
from langscale.design.grid import Point
from langscale.statistics.panel import Quantity, pair_set_languages


def slope_weights(x: Iterable[float]) -> list[float]:
    """Weights of the values at x in their least squares slope."""
    x = np.array(list(x), dtype=float)
    return list((x - x.mean()) / ((x - x.mean()) ** 2).sum())


class Design:
    """The cells of one model in a study, by the names of samplers."""

    def __init__(self, study: Study, points: Sequence[Point], model: str):
        self.study, self.model = study, model
        mine = [p for p in points if p.model == model and p.ladder == ALL]
        used = {p.budget for p in mine if p.trained}
        budgets = sorted(study.budgets, key=lambda name: study.budgets[name].kind != "fixed-total")
        self.budget = next((name for name in budgets if name in used), NONE)
        self.fixed_total = self.budget != NONE and study.budgets[self.budget].kind == "fixed-total"
        self.points = {
            (Spec.of(p.sampler, p.alpha), p.n_languages): p
            for p in mine
            if p.trained and p.budget == self.budget
        }
        self.untrained = next(p for p in points if p.model == model and p.sampler == UNTRAINED)
        for spec in {spec for spec, _ in self.points}:
            # with one language a sampler and its control are the same
            if spec.control and (spec, 1) in self.points and any(s == spec.control for s, _ in self.points):
                self.points.setdefault((spec.control, 1), self.points[spec, 1])

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
        """Numbers of languages at which a sampler is in the grid, rising."""
        return self.curves.get(Spec.parse(sampler), [])

    def point(self, sampler: str, n: int) -> Point:
        """The cell of a sampler at n. Raises Missing where the grid has none."""
        if not self.ns(sampler):
            where = f" with budget {self.budget}" if len(self.study.budgets) > 1 else ""
            raise Missing(f"{sampler} is not in the grid{where}")
        if n not in self.ns(sampler):
            raise Missing(
                f"{sampler} has no n = {n}" if n else "there is no n above 1 that its samplers share"
            )
        return self.points[Spec.parse(sampler), n]

    def top(self, *samplers: str) -> int:
        """The largest n above 1 that the samplers in the grid share; 0: none."""
        there = [set(self.ns(s)) for s in samplers if self.ns(s)]
        return max((n for n in set.intersection(*there) if n > 1), default=0) if there else 0

    def curve(self, other: "Design | None" = None) -> tuple[str, list[int]]:
        """The sampler of hypotheses that name none, and its n, shared with `other` where there is one."""
        curves = self.curves
        if other:
            shared = {spec: set(ns) for spec, ns in other.curves.items()}
            curves = {spec: [n for n in ns if n in shared.get(spec, ())] for spec, ns in curves.items()}
        spec = choose(curves)
        if spec is None or spec.record.english or len(curves[spec]) < 2:
            raise Missing("no sampler has two numbers of languages")
        return spec.name, curves[spec]

    def minus(self, a: str, b: str, n: int) -> Terms:
        return (1.0, self.point(a, n)), (-1.0, self.point(b, n))

    def change(self, sampler: str, last: int, first: int) -> Terms:
        return (1.0, self.point(sampler, last)), (-1.0, self.point(sampler, first))

    def slope(self, sampler: str, ns: Sequence[int], sign: float = 1.0) -> Terms:
        """Least squares over log2 n: per doubling."""
        return tuple(
            (sign * w, self.point(sampler, n)) for w, n in zip(slope_weights(map(log2, ns)), ns, strict=True)
        )

    def quantity(self, setting: str, metric: str = "mAP", pair_set: str = ALL) -> Quantity:
        return Quantity(setting, metric, pair_set, *pair_set_languages(self.study, pair_set))

    def heldout(self, setting: str) -> Quantity:
        """Questions in held-out languages."""
        return Quantity(setting, "mAP", ALL, tuple(self.study.languages.heldout))

    def first(self) -> Quantity:
        """Mono in the language that every set holds."""
        return Quantity("mono", "mAP", ALL, (self.study.languages.pool[0],))
