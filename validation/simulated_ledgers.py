"""Simulated studies with a known truth: how often a ledger of claims has a wrong verdict.

The study is config/config.yaml: its cells, runs and claims. A measure is a mean over queries of a truth plus
errors of runs, half of them common to the cells of a replicate, and of queries, half of them common to the
cells. A simulated ledger passes through the functions behind tables/claims.csv. H4 is left out, as its test
is a permutation of another table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from langscale.claims.claim import Entry
from langscale.claims.parts import FALL, LESS, MORE, WITHIN, Part, measure
from langscale.claims.testability import planned
from langscale.claims.verdicts import CONTRADICTED, SUPPORTED, decide
from langscale.config.files import read
from langscale.config.study import Study, load
from langscale.core.random import stream
from langscale.design.grid import Grid, Point
from langscale.statistics.clusters import Sums
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import Mix, Quantity

CONFIG = Path(__file__).parents[1] / "config/config.yaml"
CLUSTERS, RESAMPLES = 60, 200
RUN, QUERY = 0.006, 0.05
MEAN = 0.3
"""Query clusters, bootstrap resamples, standard deviations of runs and of cluster means, mAP of a cell."""

Truth = Callable[[Quantity, Point], float]


@dataclass(frozen=True)
class World:
    """A truth: the mean of a cell under a quantity, in words."""

    name: str
    truth: Truth


def _rises(quantity: Quantity, point: Point) -> float:
    """More languages help up to the end, all samplers alike."""
    return MEAN + 0.05 * float(np.log2(max(point.n_languages, 1)))


WORLDS = (
    World("no effect", lambda quantity, point: MEAN),
    World("n helps, samplers are equal", _rises),
    World(
        "n helps, hybrid .01 lower in mono",  # the margin, where best or equal is just false
        lambda quantity, point: (
            _rises(quantity, point) - 0.01 * (point.sampler == "hybrid" and quantity.setting == "mono")
        ),
    ),
)


class SimulatedPanel(Panel):
    """A panel of drawn values instead of scores."""

    def __init__(self, grid: Grid, truth: Truth, draw: int) -> None:
        self.study, self.grid, self.points = grid.study, grid, grid.points
        self.runs, self.paths = grid.runs, [run.path for run in grid.runs]
        self.fixed = [not grid.random(run) for run in grid.runs]
        self.clusters = SimpleNamespace(names=[f"c{i:03}" for i in range(CLUSTERS)])  # type: ignore[assignment]
        self.cell = {path: point for point in reversed(grid.points) for _, path in point.runs}
        self.truth, self.draw = truth, draw

    def sums(self, quantity: Quantity | Mix) -> Sums | None:
        """Drawn values of one query per cluster, [K, C, 1]."""
        if isinstance(quantity, Mix):
            return self._mixed(quantity)
        rng = stream("simulated ledger", self.draw, repr(quantity))
        common = {seed: rng.normal() for seed in sorted({run.seed for run in self.runs})}
        query = rng.normal(size=CLUSTERS)
        values = np.empty((len(self.runs), CLUSTERS, 1))
        own: dict[tuple[object, ...], np.ndarray] = {}
        for k, (run, path) in enumerate(zip(self.runs, self.paths, strict=True)):
            point = self.cell[path]
            key = (point.model, point.sampler, point.alpha, point.budget, point.n_languages)
            if key not in own:
                own[key] = rng.normal(size=CLUSTERS)
            error = 0.0 if self.fixed[k] else RUN * (common[run.seed] + rng.normal()) / np.sqrt(2)
            spread = QUERY * (query + own[key]) / np.sqrt(2)
            values[k, :, 0] = self.truth(quantity, point) + error + spread
        return Sums(values, np.ones((CLUSTERS, 1)), np.full(len(self.runs), CLUSTERS))


def study() -> Study:
    """The default study with few resamples, in the default sequence, without the claim that another table
    tests.
    """
    values = read(CONFIG)
    options = values["statistics"]
    kept = {"claims": [name for name in options["claims"] if name != "H4"], "sequence": None}
    return load(values | {"statistics": options | kept | {"resamples": RESAMPLES}})


def distance(part: Part, truth: Truth) -> float:
    """The distance of the true effect from the bound of its region: positive inside."""
    assert isinstance(part.quantity, Quantity)
    values = [(weight, truth(part.quantity, point)) for weight, point in part.terms]
    effect = sum(weight * value for weight, value in values)
    lower = [value for weight, value in values if weight < 0]
    margin = part.region.width(float(np.mean(lower)) if lower else 1.0)
    low = {MORE: margin, LESS: -np.inf}.get(part.region.kind, -margin)
    high = {LESS: -margin, WITHIN: margin, FALL: 0.0}.get(part.region.kind, np.inf)
    return min(effect - low, high - effect)


def wrong(verdict: str, distances: Sequence[float]) -> bool:
    """Whether a verdict is wrong. An effect on its bound supports no claim and contradicts none."""
    inside = min(round(value, 12) for value in distances)
    return (verdict == SUPPORTED and inside <= 0) or (verdict == CONTRADICTED and inside >= 0)


def ledgers(world: World, draws: int) -> Iterator[tuple[int, int]]:
    """(number of wrong verdicts, number of decided claims) of each simulated ledger."""
    grid = Grid(study())
    rows: list[Entry] = [row for row in planned(grid) if row.primary and not row.lack]
    distances = [[distance(part, world.truth) for part in row.parts] for row in rows]
    parts = [part for row in rows for part in row.parts]
    for draw in range(draws):
        measured = iter(measure(SimulatedPanel(grid, world.truth, draw), parts))
        outcomes = decide([[next(measured) for _ in row.parts] for row in rows])
        verdicts = [outcome.verdict for outcome in outcomes]
        yield (
            sum(map(wrong, verdicts, distances)),
            sum(verdict in (SUPPORTED, CONTRADICTED) for verdict in verdicts),
        )


def validate(world: World, draws: int) -> dict[str, float]:
    """wrong: share of ledgers with a wrong verdict. decided: mean number of decided claims."""
    found = np.array(list(ledgers(world, draws)))
    return {"wrong": float((found[:, 0] > 0).mean()), "decided": float(found[:, 1].mean())}
