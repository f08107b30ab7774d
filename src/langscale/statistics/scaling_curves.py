"""Scaling curves: the runs of one model, sampler, budget and ladder at several numbers n of training
languages.

Trends, fitted curves, variance components, entry effects and diversity are computed from scaling curves. A
curve has the replicates that exist at every one of its n.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from langscale.config.sampler import Spec
from langscale.config.terms import POINT
from langscale.design.grid import Point
from langscale.statistics.panel import Panel

CURVE = tuple(name for name in POINT if name != "n_languages")
"""The columns of the tables that name a scaling curve."""


@dataclass(frozen=True)
class ScalingCurve:
    """The runs of a scaling curve.

    Attributes:
        names: the columns CURVE of the tables.
        n: N numbers of training languages, rising.
        columns: int [N, R], the panel's column of each n and replicate.
        baseline: int [R], columns of the runs at n = 1 if n = 1 is no part of the curve, else None.
        ladders: int [R], the random ladder of each replicate.
    """

    names: dict[str, Any]
    n: tuple[int, ...]
    columns: np.ndarray
    baseline: np.ndarray | None
    ladders: np.ndarray

    def labels(self) -> dict[str, Any]:
        """The columns of the tables that name the curve and its n."""
        return self.names | {"n_values": " ".join(map(str, self.n))}

    def by_ladder(self, values: np.ndarray) -> np.ndarray:
        """Means over the replicates of each ladder: [..., R] to [..., number of ladders]."""
        return np.stack([values[..., self.ladders == i].mean(-1) for i in np.unique(self.ladders)], axis=-1)

    def interior(self, pool: int) -> list[int]:
        """Positions of the n at which ladders differ: neither 1 nor all `pool` languages."""
        return [i for i, n in enumerate(self.n) if 1 < n < pool]


def scaling_curves(panel: Panel) -> list[ScalingCurve]:
    """The scaling curves of a study with two n or more.

    Samplers with pairs of different languages start at n = 2, because at n = 1 every sampler is x-x-mono.
    Those runs are the baseline. The sampler en-en has no curve, as its batches do not change with n.
    """
    points: dict[tuple, list[Point]] = {}
    for point in panel.points:
        if point.trained:
            points.setdefault(tuple(getattr(point, name) for name in CURVE), []).append(point)
    found = []
    for names, own in points.items():
        runs = {p.n_languages: dict(p.runs) for p in sorted(own, key=lambda p: p.n_languages)}
        seeds = sorted(set.intersection(*map(set, runs.values())))
        columns = {n: np.array([panel.column(run[s]) for s in seeds]) for n, run in runs.items()}
        first = columns.pop(1, None) if Spec.of(own[0].sampler, own[0].alpha).crosses else None
        if len(columns) < 2 or not seeds or len({int(c[0]) for c in columns.values()}) < len(columns):
            continue
        ladders = np.array([panel.grid.ladder(seed) for seed in seeds])
        matrix = np.stack(list(columns.values()))
        labels = dict(zip(CURVE, names, strict=True))
        found.append(ScalingCurve(labels, tuple(columns), matrix, first, ladders))
    return found


def slope_weights(x: Sequence[float] | np.ndarray) -> np.ndarray:
    """Coefficients [N] of the values at x [N] in their least-squares slope, (x - mean) / sum of (x - mean)^2.

    Example:
        Per doubling of n, with n = 1, 2, 4:

        >>> slope_weights(np.log2([1, 2, 4])).tolist()
        [-0.5, 0.0, 0.5]
    """
    x = np.asarray(x, dtype=float)
    return (x - x.mean()) / ((x - x.mean()) ** 2).sum()
