"""Curves fitted to the means at each n: constant, logarithmic, power law with a ceiling, rise and fall.

The fits are least squares to the means over replicates. They are compared by their errors at a left-out n,
and refitted to resampled means.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from langscale.config.study import Study
from langscale.core.random import stream
from langscale.statistics.curve_shapes import CURVES, curve
from langscale.statistics.intervals import (
    LEVEL,
    MIN_RUNS,
    NOTHING,
    bootstrap,
    cluster_weights,
    interval_over_queries,
)
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import Quantity, followed_quantities
from langscale.statistics.scaling_curves import CURVE, ScalingCurve, scaling_curves

GAINS = {"n50": 0.5, "n95": 0.95}
"""Column -> share of the gain that is reached at this n."""
FURTHER = (2, 4)
"""Extrapolation: times the largest n."""
EXTRAPOLATED = 6
"""Smallest number of n for an extrapolation: all shapes compete. With four n only a constant and a logarithm
do, and of a power law the interval at twice the largest n then never holds the truth (simulated).
"""
RESAMPLES = 400
EXPONENTS = np.geomspace(0.05, 5.0, 400)
"""Grid of the exponent b, in steps of 1.2%. Below it a power law is a logarithm, above it a step."""
PARAMETERS = ("a", "b", "c")
_BOUNDED = (*PARAMETERS, *GAINS)
_INTERVALS = (*_BOUNDED, *(f"extrapolated_{k}x" for k in FURTHER))
COLUMNS = (
    *CURVE, "benchmark", "setting", "pair_set", "metric", "n_values", "curve", "chosen", "chosen_share",
    "error", "held_out_error", *(name + end for name in _INTERVALS for end in ("", "_low", "_high")), "turn",
    "start", "n_runs", "n_resamples", "note", "checkpoint", "candidate_text", "average",
)  # fmt: skip


class Fit(NamedTuple):
    """Parameters (a, b, c) [B, 3], nan if a shape has none, and the errors at the left-out n [B, N]."""

    parameters: np.ndarray
    left_out: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """Root mean square of the errors at the left-out n, [B]."""
        return np.sqrt((self.left_out**2).mean(-1))


@lru_cache(maxsize=64)
def _projections(name: str, n: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Pseudo-inverses [G, P, N] and hat matrices [G, N, N] of a curve's linear part, for each exponent."""
    x = np.log2(np.asarray(n, dtype=float))
    one = np.ones_like(x)
    designs = {
        "constant": lambda: [[one]],
        "logarithmic": lambda: [[one, x]],
        "rise and fall": lambda: [[one, x, -(x**2)]],
        "power law": lambda: [[one, -(2.0 ** (-b * x))] for b in EXPONENTS],
    }
    bases = np.swapaxes(np.array(designs[name]()), 1, 2)
    inverse = np.linalg.pinv(bases)
    return inverse, bases @ inverse


def fit(name: str, n: Sequence[int], y: np.ndarray) -> Fit:
    """Least squares of one shape to means y [B, N] at n [N].

    A power law is linear in (c, a) given b, so b is searched on a grid. The error at a left-out n is e / (1 -
    h) with the residual e and the leverage h. Without this n the sum of squares S becomes S - e^2 / (1 - h),
    and b is chosen anew by it (Cook and Weisberg 1982, section 2.2).

    Example:
        >>> found = fit("logarithmic", (1, 2, 4, 8), np.array([[0.5, 0.6, 0.7, 0.8]]))
        >>> found.parameters[0, :2].round(6).tolist(), round(found.error.item(), 6)
        ([0.5, 0.1], 0.0)
    """
    inverse, hat = _projections(name, tuple(n))
    residuals = y - y @ np.swapaxes(hat, 1, 2)  # [G, B, N]
    left_out = residuals / (1 - np.diagonal(hat, axis1=1, axis2=2))[:, None]
    squares = (residuals**2).sum(-1)
    best = squares.argmin(0)
    without = (squares[..., None] - residuals * left_out).argmin(0)
    found = np.einsum("bpn,bn->bp", inverse[best], y)
    parameters = np.full((len(y), 3), np.nan)
    if name == "power law":
        parameters[:] = np.stack([found[:, 1], EXPONENTS[best], found[:, 0]], axis=1)
    else:
        parameters[:, : found.shape[1]] = found
    return Fit(parameters, np.take_along_axis(left_out, without[None], 0)[0])


def turn(parameters: np.ndarray) -> np.ndarray:
    """The n at the turn of a rise and fall, 2^(b / 2c), from parameters [..., 3]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2.0 ** np.clip(parameters[..., 1] / (2 * parameters[..., 2]), -60, 60)


def reached(name: str, parameters: np.ndarray, start: np.ndarray | float, share: float) -> np.ndarray:
    """The n at which a curve has gained a share of the way from `start` to its ceiling or turn.

    nan for a shape without ceiling and turn.

    Example:
        From .4 to the ceiling .6, half of the gain is reached at n = 2.

        >>> reached("power law", np.array([0.2, 1.0, 0.6]), 0.4, 0.5).round(9).item()
        2.0
    """
    a, b, c = np.moveaxis(parameters, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if name == "power law":  # a n^-b = (1 - share) (c - start)
            return (a / ((1 - share) * (c - start))) ** (1 / b)
        if name == "rise and fall":  # c (turn - x)^2 = (1 - share) (top - start)
            top = a + b**2 / (4 * c)
            x = b / (2 * c) - np.sqrt((1 - share) * (top - start) / c)
            return 2.0 ** np.clip(x, -60, 60)
    return np.full(np.shape(a), np.nan)


def choose(fits: Sequence[Fit]) -> np.ndarray:
    """Position [B] of the chosen curve: the simplest one within one standard error of the least error.

    The error is the mean square over the left-out n. The standard error is that of the difference from the
    least error (Breiman et al. 1984, section 3.4.3). The curve of the least error would be a trend or a bend
    for every third constant, and finds the true curve less often in nearly all designs (simulated).
    """
    squares = np.array([f.left_out**2 for f in fits])
    least = squares[squares.mean(-1).argmin(0), np.arange(squares.shape[1])]
    with np.errstate(invalid="ignore"):  # inf - inf: a curve that is out
        worse = squares - least
        spread = worse.std(-1, ddof=1) / np.sqrt(worse.shape[-1])
        return (np.nan_to_num(worse.mean(-1), nan=np.inf) <= np.nan_to_num(spread, nan=0) + NOTHING).argmax(0)


def resampled_means(means: np.ndarray, drawn: np.ndarray, seed: int) -> np.ndarray:
    """Resample means over replicates.

    Replicates are drawn with replacement. The queries are drawn from a normal distribution with the
    covariance that replicates share, as in `interval_over_runs_and_queries`, so the interaction of run and
    query counts once. The part of the replicates is widened by sqrt(R / (R - 1)), because R draws of R shrink
    variances, and by the ratio of the t and the normal quantile, because percentiles of few replicates ignore
    the error of their variance.

    Args:
        means: [X, R], values of R replicates at X points.
        drawn: [B, X, R], their values in bootstrap samples of clusters.
        seed: seed of the draws.

    Returns:
        Float [B, X].
    """
    r, b = means.shape[1], len(drawn)
    of_mean, of_one = (
        _covariance(drawn.mean(-1)),
        np.mean([_covariance(drawn[..., i]) for i in range(r)], axis=0),
    )
    size, direction = np.linalg.eigh((r * of_mean - of_one) / (r - 1))
    root = direction * np.sqrt(np.maximum(size, 0))
    queries = stream("questions", seed, len(means)).standard_normal((b, len(means))) @ root.T
    chosen = stream("replicates", seed, r).multinomial(r, np.full(r, 1 / r), b) / r
    wide = np.sqrt(r / (r - 1)) * stats.t.ppf((1 + LEVEL) / 2, r - 1) / stats.norm.ppf((1 + LEVEL) / 2)
    return means.mean(-1) + wide * (chosen - 1 / r) @ means.T + queries


def _covariance(samples: np.ndarray) -> np.ndarray:
    return np.atleast_2d(np.cov(samples, rowvar=False))


def fit_all(n: Sequence[int], y: np.ndarray) -> dict[str, Fit]:
    """Fits of every shape with enough n, to means y [B, N]. A turn outside of n is no rise and fall."""
    found = {name: fit(name, n, y) for name, smallest in CURVES.items() if len(n) >= smallest}
    if bent := found.get("rise and fall"):
        at = turn(bent.parameters)
        inside = (n[0] < at) & (at < n[-1])
        found["rise and fall"] = bent._replace(left_out=np.where(inside[:, None], bent.left_out, np.inf))
    return found


def mix(fits: Mapping[str, Fit]) -> np.ndarray:
    """Weights [F, B] of the shapes, in proportion to (mean square of the errors at the left-out n)^(-N/2).

    That is pseudo-BMA (Geisser and Eddy 1979; Yao et al. 2018, arXiv:1704.02030): the normal likelihood of
    the left-out points, with the variance of each shape at its maximum.
    """
    squares = np.array([(f.left_out**2).mean(-1) for f in fits.values()])
    count = next(iter(fits.values())).left_out.shape[-1]
    log = -count / 2 * np.log(np.maximum(squares, NOTHING))
    weights = np.exp(log - log.max(0))
    return weights / weights.sum(0)


def weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The smallest value with at least this share of the weights at or below it.

    Example:
        >>> weighted_quantile(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.6, 0.3]), 0.5)
        2.0
    """
    order = np.argsort(values, axis=None)
    reached = np.cumsum(weights.ravel()[order]) / weights.sum()
    place = min(int(np.searchsorted(reached, share)), len(order) - 1)
    return float(values.ravel()[order][place])


def extrapolation(
    n: Sequence[int], fits: Mapping[str, Fit], again: Mapping[str, Fit], y: np.ndarray
) -> dict[str, float]:
    """The values at FURTHER times the largest n, mixed over the shapes, and the error at the held-out n.

    held_out_error is the same mix fitted without the largest n, at this n, minus the mean there. nan, all of
    it, below EXTRAPOLATED values of n.

    Args:
        n: N numbers of languages.
        fits: fits to the means, by shape.
        again: fits to B resampled means; none without intervals.
        y: means [N].
    """
    if len(n) < EXTRAPOLATED:
        return {}
    shorter = {name: fit(name, n[:-1], y[None, :-1]) for name in fits}
    found = {"held_out_error": float((_at(shorter, n[-1]) * mix(shorter)).sum() - y[-1])}
    for times in FURTHER:
        key = f"extrapolated_{times}x"
        found[key] = float((_at(fits, times * n[-1]) * mix(fits)).sum())
        if again:
            values, weights = _at(again, times * n[-1]), mix(again)
            ends = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
            low, high = (weighted_quantile(values, weights, share) for share in ends)
            found |= {f"{key}_low": low, f"{key}_high": high}
    return found


def _at(fits: Mapping[str, Fit], n: float) -> np.ndarray:
    """Values of the fits at n, [F, B]."""
    return np.array([curve(name, f.parameters, n) for name, f in fits.items()])


def curve_rows(
    scaling: ScalingCurve, means: np.ndarray, drawn: np.ndarray, seed: int
) -> list[dict[str, Any]]:
    """A row per shape for one quantity of a scaling curve.

    Args:
        scaling: the scaling curve.
        means: [K], values of all runs.
        drawn: [B, K], their values in bootstrap samples of clusters.
        seed: seed of the resampling.
    """
    n = scaling.n
    at = scaling.columns if scaling.baseline is None else np.vstack([scaling.columns, scaling.baseline])
    known = scaling.by_ladder(means[at])
    y = known.mean(-1)[None]
    samples, again = None, {}
    if known.shape[1] >= MIN_RUNS:
        samples = resampled_means(known, scaling.by_ladder(drawn[:, at]), seed)
        again = fit_all(n, samples[:, : len(n)])
    fits = fit_all(n, y[:, : len(n)])
    names = list(fits)
    compared = len(fits) > 1
    winner = names[choose(list(fits.values()))[0]] if compared else None
    winners = choose(list(again.values())) if again else np.array([])
    beyond = extrapolation(n, fits, again, y[0, : len(n)])
    rows = []
    for name, smallest in CURVES.items():
        row = scaling.labels() | {"curve": name, "chosen": name == winner, "n_runs": at.shape[1], "note": ""}
        rows.append(row)
        if name not in fits:
            row["note"] = f"needs {smallest} values of n, there are {len(n)}"
            continue
        row |= {key: value[0] for key, value in _values(scaling, name, fits[name].parameters, y).items()}
        if samples is not None:
            row |= _bounds(scaling, _values(scaling, name, again[name].parameters, samples))
        row |= beyond
        row["error"] = fits[name].error[0]
        if again:
            row |= {"n_resamples": len(drawn)}
            row |= {"chosen_share": (winners == names.index(name)).mean()} if compared else {}
        alone = [] if compared else ["no other curve to compare with"]
        few = [] if beyond else [f"no extrapolation below {EXTRAPOLATED} values of n"]
        row["note"] = "; ".join(alone + _notes(scaling, name, row, samples is None) + few)
        for key in GAINS:
            row[key] = row[key] if n[0] <= row[key] <= n[-1] else np.nan
    return rows


def _values(scaling: ScalingCurve, name: str, parameters: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """The values of a fit by column, [B] each. `start`: the mean at n = 1 if n = 1 is not fitted."""
    start = curve(name, parameters, scaling.n[0]) if scaling.baseline is None else y[:, -1]
    found = dict(zip(PARAMETERS, parameters.T, strict=True)) | {"start": start}
    found |= {key: reached(name, parameters, start, share) for key, share in GAINS.items()}
    return found | ({"turn": turn(parameters)} if name == "rise and fall" else {})


def _bounds(scaling: ScalingCurve, samples: Mapping[str, np.ndarray]) -> dict[str, float]:
    """95% percentile intervals. For an n, an end outside of the observed n is nan."""
    bounds: dict[str, float] = {}
    for key in _BOUNDED:
        if key not in GAINS:
            low, high = map(float, interval_over_queries(samples[key]))
        else:  # a sample without such an n counts for both ends
            low = _quantile(np.nan_to_num(samples[key], nan=-np.inf, posinf=np.inf), (1 - LEVEL) / 2)
            high = _quantile(np.nan_to_num(samples[key], nan=np.inf, posinf=np.inf), (1 + LEVEL) / 2)
            low, high = (end if scaling.n[0] <= end <= scaling.n[-1] else np.nan for end in (low, high))
        bounds |= {f"{key}_low": low, f"{key}_high": high}
    return bounds


def _quantile(values: np.ndarray, share: float) -> float:
    return float(np.quantile(values, share, method="inverted_cdf"))  # between infinities there is no mean


def _notes(scaling: ScalingCurve, name: str, row: Mapping[str, Any], refused: bool) -> list[str]:
    notes = [f"no intervals: fewer than {MIN_RUNS} replicates"] if refused else []
    if name == "rise and fall" and not scaling.n[0] < row["turn"] < scaling.n[-1]:
        notes.append("no turn within the observed n")
    if name == "power law" and row["b"] in (EXPONENTS[0], EXPONENTS[-1]):
        notes.append("exponent at the end of its range")
    if name in ("constant", "logarithmic"):
        return [*notes, "n50, n95 not identified: no ceiling"]
    for key in GAINS:
        if not scaling.n[0] <= row[key] <= scaling.n[-1]:
            side = "before" if row[key] < scaling.n[0] else "beyond"
            end = scaling.n[0] if side == "before" else scaling.n[-1]
            notes.append(f"{key} not identified" + ("" if np.isnan(row[key]) else f": {side} n = {end}"))
        else:
            ends = [side for side in ("low", "high") if not refused and np.isnan(row[f"{key}_{side}"])]
            notes += [f"{end} end of {key} not identified" for end in ends]
    return notes


def curve_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Every shape fitted to every scaling curve and quantity, the choice of `choose` marked. Columns:
    COLUMNS.
    """
    curves, rows = scaling_curves(panel), []
    for quantity in followed_quantities(study) if curves else []:
        rows += [labels | row for row in _rows_of(study, panel, quantity, curves)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows_of(
    study: Study, panel: Panel, quantity: Quantity, curves: Sequence[ScalingCurve]
) -> list[dict[str, Any]]:
    found = panel.sums(quantity)
    if found is None:
        return []
    options, rows = study.statistics, []
    clusters = tuple(panel.clusters.names)
    weights = cluster_weights(clusters, min(options.resamples, RESAMPLES), options.seed)
    for average in ("macro", "micro") if found.counts.shape[-1] > 1 else ("macro",):
        means = bootstrap(found.sums, found.counts, np.ones((1, len(clusters))), average)[0]
        drawn = bootstrap(found.sums, found.counts, weights, average)
        for scaling in curves:
            same = quantity.columns() | {"average": average}
            rows += [same | row for row in curve_rows(scaling, means, drawn, options.seed)]
    return rows
