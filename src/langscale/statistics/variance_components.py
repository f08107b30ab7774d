"""Variance components: how much do scores vary with n, with the languages (the ladder) and with the seed?"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.statistics.intervals import LEVEL, NOTHING, cluster_parts
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import followed_quantities
from langscale.statistics.scaling_curves import CURVE, ScalingCurve, scaling_curves

LADDERS, SEEDS = 5, 2
"""Smallest numbers of ladders, and of seeds of each, for an estimate of the variance of ladders."""
SOURCES = ("n", "ladder", "seed")
COLUMNS = (
    *CURVE, "benchmark", "setting", "pair_set", "metric", "n_values", "n_ladders", "n_runs",
    *(f"variance_{name}" for name in SOURCES), *(f"share_{name}" for name in SOURCES), "ladder_of_runs",
    "ladder_of_runs_low", "ladder_of_runs_high", "note", "checkpoint", "candidate_text", "average",
)  # fmt: skip


def components(values: np.ndarray, ladders: np.ndarray) -> dict[str, float]:
    """Variances of n, ladder and seed.

    Ladder and seed by REML (MixedLM of statsmodels): y = mean of n + (ladder at this n) + (seed and all
    else). So variance_ladder is the variance of sets of equal n. The variance of n is that of the means at
    the N values of n, minus the part from the interaction of ladder and n, by mean squares (Searle, Casella
    and McCulloch 1992, section 4.3). It is nan for one n.

    ladder_of_runs is the ladders' share of the variance between runs of equal n. Its 95% interval is that of
    the intraclass correlation (section 3.6 there) with the degrees of freedom of a single n, because the n
    share ladders and seeds. It is wide rather than narrow.

    Args:
        values: [N, R], values of R runs at N n between 1 and the whole pool.
        ladders: [R], ladder of each run, each with two seeds or more.

    Returns:
        The columns variance_..., share_... and ladder_of_runs... of the table.
    """
    size = values.shape[0]
    known, group = np.unique(ladders, return_inverse=True)
    per = np.bincount(group)
    means = np.stack([values[:, group == i].mean(1) for i in range(len(known))], axis=1)  # [N, L]
    spread = (values - means[:, group]).ravel()
    within = (spread**2).sum() / (size * (len(ladders) - len(known)))
    level = means - means.mean(1, keepdims=True)
    between = (level**2).sum() / (size * (len(known) - 1))
    ladder, seed = _reml(values, group, np.sqrt(within + between))
    number = np.nan
    if size > 1:
        inner = level - level.mean(0)
        error = (inner**2).sum() / ((size - 1) * (len(known) - 1)) / len(known)
        number = max(0.0, means.mean(1).var(ddof=1) - error)
    k = len(known) / (1 / per).sum()  # seeds per ladder, harmonic mean
    freedom = len(known) - 1, len(ladders) - len(known)
    ratio = k * between / within if within else np.inf
    shares = (ratio / stats.f.ppf([(1 + LEVEL) / 2, (1 - LEVEL) / 2], *freedom) - 1) / k
    low, high = np.clip(shares / (1 + shares), 0, 1) if within else (1.0, 1.0)
    total = np.nansum([number, ladder, seed])
    found = dict(zip(SOURCES, (number, ladder, seed), strict=True))
    return {
        **{f"variance_{name}": value for name, value in found.items()},
        **{f"share_{name}": value / total for name, value in found.items()},
        "ladder_of_runs": ladder / (ladder + seed),
        "ladder_of_runs_low": low,
        "ladder_of_runs_high": high,
    }


def _reml(values: np.ndarray, group: np.ndarray, scale: float) -> tuple[float, float]:
    """(variance of ladders at equal n, rest) of values [N, R] by REML, with a mean for each n."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    size, runs = values.shape
    n = np.repeat(np.arange(size), runs)
    centred = values - values.mean(1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance of 0 is a result, not a fault
        model = MixedLM(centred.ravel() / scale, np.eye(size)[n], groups=n * runs + np.tile(group, size))
        found = model.fit(reml=True)
    return float(found.cov_re[0, 0]) * scale**2, float(found.scale) * scale**2


def refusal(curve: ScalingCurve, study: Study) -> str:
    """Why a scaling curve has no variance components, else ""."""
    if not curve.interior(len(study.languages.pool)):
        return "no n between 1 and the whole pool"
    counts = np.unique(curve.ladders, return_counts=True)[1]
    enough = int((counts >= SEEDS).sum())
    if enough < LADDERS:
        return f"needs {LADDERS} ladders with {SEEDS} seeds each, there are {enough}; ladder_count gives them"
    return ""


def component_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Variance components of every scaling curve over random ladders, or one row with the reason for none.

    Columns: COLUMNS.
    """
    rows, usable = [], []
    for curve in scaling_curves(panel):
        if curve.names["ladder"] != ALL:
            continue
        if why := refusal(curve, study):
            nothing = dict.fromkeys(("setting", "pair_set", "metric"), ALL)
            rows.append(labels | curve.labels() | nothing | {"note": why})
        else:
            usable.append(curve)
    for quantity in followed_quantities(study) if usable else []:
        found = panel.sums(quantity)
        if found is None:
            continue
        means = cluster_parts(found.sums, found.counts).sum(axis=0)
        for curve in usable:
            known, counts = np.unique(curve.ladders, return_counts=True)
            kept = np.isin(curve.ladders, known[counts >= SEEDS])
            inside = curve.interior(len(study.languages.pool))
            values = means[curve.columns[inside][:, kept]]
            row = labels | curve.labels() | quantity.columns() | {
                "n_values": " ".join(str(curve.n[i]) for i in inside),
                "n_ladders": len(np.unique(curve.ladders[kept])),
                "n_runs": values.size,
                "average": "macro",
                "note": "",
            }  # fmt: skip
            if values.var() <= NOTHING:
                rows.append(row | {"note": "no variance"})
            else:
                rows.append(row | components(values, curve.ladders[kept]))
    return pd.DataFrame(rows, columns=list(COLUMNS))
