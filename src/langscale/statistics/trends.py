"""Scaling: the runs of a curve along n, and the slope per doubling of n.

All that is said about scaling (here, curves, components, entry, diversity) starts from a line: the runs of one
model, sampler, budget and ladder at several numbers n of training languages, over the replicates that exist at
every one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from langscale.config.sampler import Spec
from langscale.config.study import Study
from langscale.config.terms import ALL, POINT
from langscale.design.grid import Point
from langscale.retrieval.measures import MEASURES
from langscale.statistics.intervals import equivalence_p
from langscale.statistics.multiple_testing import benjamini_hochberg
from langscale.statistics.panel import Panel, Quantity, estimated, margin, pair_set_quantities

LINE = tuple(name for name in POINT if name != "n_languages")
TRENDS = (
    *LINE, "benchmark", "setting", "pair_set", "metric", "n_values", "slope", "ci_low", "ci_high", "p", "p_adjusted",
    "family", "smallest_detectable", "margin", "p_equivalence", "reference", "runs_ci_low", "runs_ci_high", "p_runs", "n_queries",
    "n_runs", "note", "checkpoint", "candidate_text", "average",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """The runs of a curve.

    names: its columns in the tables; n: the numbers of languages that are fitted, rising; columns: int [N, R], the
    panel's column of each n and replicate; baseline: int [R], those at n = 1 where n = 1 is not fitted, or None;
    ladders: int [R], the random ladder of each replicate.
    """

    names: dict[str, Any]
    n: tuple[int, ...]
    columns: np.ndarray
    baseline: np.ndarray | None
    ladders: np.ndarray

    def labels(self) -> dict[str, Any]:
        """Its columns in the tables, with the n that are fitted."""
        return self.names | {"n_values": " ".join(map(str, self.n))}

    def by_ladder(self, values: np.ndarray) -> np.ndarray:
        """Means over the replicates of each ladder: [..., R] to [..., number of ladders]."""
        return np.stack([values[..., self.ladders == i].mean(-1) for i in np.unique(self.ladders)], axis=-1)

    def interior(self, pool: int) -> list[int]:
        """Positions of the n at which ladders differ: neither 1 nor all of the pool."""
        return [i for i, n in enumerate(self.n) if 1 < n < pool]


def lines(panel: Panel) -> list[Line]:
    """The curves of a study, those with two n or more.

    x-y and hybrid are fitted from n = 2 on: at n = 1 every sampler is x-x-mono, their baseline. en-en does not
    change with n and has no curve.
    """
    curves: dict[tuple, list[Point]] = {}
    for point in panel.points:
        if point.trained:
            curves.setdefault(tuple(getattr(point, name) for name in LINE), []).append(point)
    found = []
    for names, points in curves.items():
        runs = {p.n_languages: dict(p.runs) for p in sorted(points, key=lambda p: p.n_languages)}
        seeds = sorted(set.intersection(*map(set, runs.values())))
        columns = {n: np.array([panel.column(run[s]) for s in seeds]) for n, run in runs.items()}
        first = columns.pop(1, None) if Spec.of(points[0].sampler, points[0].alpha).crosses else None
        if len(columns) < 2 or not seeds or len({int(c[0]) for c in columns.values()}) < len(columns):
            continue
        ladders = np.array([panel.grid.ladder(seed) for seed in seeds])
        matrix = np.stack(list(columns.values()))
        found.append(Line(dict(zip(LINE, names, strict=True)), tuple(columns), matrix, first, ladders))
    return found


def quantities(study: Study) -> list[Quantity]:
    """The measures of tables/trends.csv in their settings and in every pair set."""
    return [
        q
        for q in pair_set_quantities(study)
        if q.candidate_language == ALL and MEASURES[q.metric].shown("trends", q.setting)
    ]


def slope_weights(n: Sequence[int]) -> np.ndarray:
    """Coefficients of the values at n that give the least-squares slope per doubling of n."""
    x = np.log2(np.asarray(n, dtype=float))
    return (x - x.mean()) / ((x - x.mean()) ** 2).sum()


def trend_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Slope per doubling of n of every line, from the slopes of its replicates, with equivalence at the margin.

    p_equivalence: of a true slope outside +-margin. `reference` is the value at the smallest n that is fitted.
    `adjusted` fills p_adjusted, once all benchmarks are there.
    """
    known = lines(panel)
    slopes = [
        [dict(zip(run, slope_weights(line.n), strict=True)) for run in line.columns.T.tolist()]
        for line in known
    ]
    starts = [[{column: 1.0} for column in line.columns[0].tolist()] for line in known]
    rows = []
    for quantity, average, questions, found in panel.estimates(
        quantities(study) if known else [], slopes + starts
    ):
        for i, line in enumerate(known):
            start = {name: values[len(known) + i] for name, values in found.items()}
            width, spread = margin(quantity.metric, start)
            rows.append(
                labels | line.labels() | quantity.columns() | estimated(found, i) | {
                    "slope": found["mean"][i],
                    "margin": width,
                    "p_equivalence": equivalence_p(
                        found["mean"][i], found["se"][i], found["df"][i], width, spread
                    ),
                    "reference": start["mean"],
                    "n_queries": questions[line.columns[0, 0]],
                    "average": average,
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(TRENDS))


def adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Fill p_adjusted: all of these are exploratory, Benjamini-Hochberg over the whole table."""
    adjusted_p = benjamini_hochberg(table["p"].to_numpy(dtype=float))
    return table.assign(p_adjusted=adjusted_p, family="exploratory")
