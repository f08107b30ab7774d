"""Curves with a planted truth: is the right one chosen, and do the intervals of its parameters hold it?

As `simulated_studies`, with the real sizes of XQuAD-R's paragraphs; a study has one run for each n and
replicate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from simulated_studies import ALIKE, SOLVED, WORLDS

from langscale.core.random import stream
from langscale.statistics.curve_fits import EXTRAPOLATED, PARAMETERS, curve_rows, reached
from langscale.statistics.curve_shapes import CURVES, curve
from langscale.statistics.intervals import bootstrap, cluster_weights, estimate
from langscale.statistics.scaling_curves import ScalingCurve, slope_weights

TRUTHS = {  # (a, b, c) of langscale.statistics.curve_fits; in mAP
    "constant": (0.5, np.nan, np.nan),
    "logarithmic": (0.3, 0.04, np.nan),
    "power law": (0.3, 1.2, 0.6),  # from .30 to a ceiling of .60, 95% of the way at n = 12
    "rise and fall": (0.3, 0.15, 0.035),  # from .30 up to .46 at n = 4.4
}
DESIGNS = ((1, 2, 4, 9), (1, 2, 3, 4, 6, 9), (1, 2, 3, 4, 6, 8, 12, 16))
RUN, QUESTION, AT_N, INTERACTION = 0.006, 0.35, 0.04, 0.10
"""Standard deviations, in mAP: of a run's mean, of queries, of query and n, of query and run."""


@dataclass(frozen=True)
class Planted:
    """A curve at some n, with so many replicates."""

    curve: str
    n: tuple[int, ...]
    replicates: int

    @property
    def allowed(self) -> bool:
        """Whether the design has enough n for this curve and one to compare it with."""
        return len(self.n) >= max(CURVES[self.curve], sorted(CURVES.values())[1])


SETTINGS = [Planted(name, n, r) for n in DESIGNS for name in CURVES for r in (4, 8)]


def sums(planted: Planted, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One study: sums [N x R, C, 1] of the runs of each n, replicate by replicate, and counts [C, 1]."""
    size = WORLDS[0].counts()[:, 0]
    c, many = len(size), (len(planted.n), planted.replicates)
    level = curve(planted.curve, TRUTHS[planted.curve], np.array(planted.n))[:, None]
    level = level + RUN * draw.standard_normal(many)
    chance = draw.beta(*((1 / ALIKE - 1) * np.array([SOLVED, 1 - SOLVED])), c)
    solved = (draw.binomial(size, chance) - SOLVED * size) * QUESTION / np.sqrt(SOLVED * (1 - SOLVED))
    spread = np.sqrt(size**2 * ALIKE + size * (1 - ALIKE)) * np.sqrt(draw.gamma(1.0, 1.0, c))
    noise = AT_N * draw.standard_normal((many[0], 1, c)) + INTERACTION * draw.standard_normal((*many, c))
    return (level[..., None] * size + solved + spread * noise).reshape(-1, c, 1), size[:, None]


def validate_curves(planted: Planted, studies: int, resamples: int = 400) -> Iterator[dict]:
    """Rates over studies, one row for each parameter of the curve (nan: does not apply).

    chosen: share of studies whose chosen curve is the planted one; coverage: share of the intervals of the
    planted curve's parameter that hold the truth, an end that is not identified being open; identified: share
    of intervals with both ends; median: of the estimates. `slope` is the slope per doubling of n, by
    `statistics.estimate`.
    """
    n, r = planted.n, planted.replicates
    columns = np.arange(len(n) * r).reshape(len(n), r)
    line = ScalingCurve({"sampler": "x"}, n, columns, None, np.arange(r))
    truth = TRUTHS[planted.curve]
    values = dict(zip(PARAMETERS, truth, strict=True)) | {
        "extrapolated_2x": curve(planted.curve, truth, 2 * n[-1])
    }
    at = curve(planted.curve, truth, n[0])
    values |= {f"n{100 * s:.0f}": reached(planted.curve, np.array(truth), at, s).item() for s in (0.5, 0.95)}
    slopes = slope_weights(np.log2(n))
    values |= {"slope": slopes @ curve(planted.curve, truth, np.array(n))}
    found: dict[str, list[tuple[float, float, float]]] = {
        name: [] for name, v in values.items() if not np.isnan(v)
    }
    chosen = []
    for study in range(studies):
        draw = stream("simulated curves", planted.curve, *n, r, study)
        total, counts = sums(planted, draw)
        clusters = tuple(f"{i:04}" for i in range(len(counts)))
        means = bootstrap(total, counts, np.ones((1, len(clusters))))[0]
        drawn = bootstrap(total, counts, cluster_weights(clusters, resamples, study % 20))
        row = next(row for row in curve_rows(line, means, drawn, study) if row["curve"] == planted.curve)
        chosen.append(row["chosen"])
        units = [dict(zip(run, slopes, strict=True)) for run in columns.T.tolist()]
        of_slope = estimate([units], total, counts, clusters, [False] * columns.size, n_resamples=resamples)
        row |= {
            "slope": of_slope["mean"][0],
            "slope_low": of_slope["low"][0],
            "slope_high": of_slope["high"][0],
        }
        for name, ends in found.items():
            ends.append(tuple(row.get(name + end, np.nan) for end in ("", "_low", "_high")))
    for name, ends in found.items():
        value, low, high = np.array(ends, dtype=float).T
        if (planted.allowed and (len(n) >= EXTRAPOLATED or "extra" not in name)) or name == "slope":
            inside = ~(low > values[name]) & ~(high < values[name])
            yield {
                "parameter": name,
                "truth": values[name],
                "chosen": float(np.mean(chosen)) if planted.allowed else np.nan,
                "coverage": float(inside.mean()),
                "identified": float((np.isfinite(low) & np.isfinite(high)).mean()),
                "median": _median(value),
            }


def _median(values: Sequence[float] | np.ndarray) -> float:
    known = np.asarray(values)[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan
