"""The choice of languages at equal n: diversity of the training set and similarity to a held-out language,
against mAP.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.core.random import stream
from langscale.languages import families
from langscale.retrieval.measures import MAP
from langscale.statistics.intervals import NOTHING
from langscale.statistics.panel import Panel
from langscale.statistics.scaling_curves import CURVE, ScalingCurve, scaling_curves

SETS = 4
"""Smallest number of distinct sets of languages at an n."""
FACTS = {"script": families.script, "branch": families.branch, "family": families.family}
COUNTED = {"scripts": "script", "families": "family"}
"""Predictors of a set: number of distinct scripts or families."""
PREDICTORS = (*COUNTED, *(f"shared {name}" for name in FACTS), "similarity")
MEASURED = (("mono", "heldout"), ("cross", "heldout-pool"), ("cross", "pool-heldout"), ("cross", "heldout"))
COLUMNS = (
    *CURVE, "benchmark", "setting", "pair_set", "metric", "predictor", "n_values", "correlation", "slope",
    "p", "p_adjusted", "family", "n_sets", "n_languages", "n_permutations", "note", "checkpoint",
    "candidate_text", "average",
)  # fmt: skip


def number(codes: Sequence[str], fact: str) -> int:
    """Number of scripts or families of a set. Each language of unknown family counts as a family.

    Example:
        >>> number(["en", "de", "ru", "ar"], "script"), number(["en", "de", "ru", "ar"], "family")
        (3, 2)
    """
    found = [FACTS[fact](code) for code in codes]
    return len({f for f in found if f != "unknown"}) + found.count("unknown")


def shared(code: str, codes: Sequence[str]) -> np.ndarray:
    """Facts in common of a language and a set: script, branch, family (1 or 0) and similarity, float [4].

    Similarity is the largest share of the three facts in common with one language of the set, its nearest
    language.

    Example:
        Dutch has the script, branch and family of German.

        >>> shared("nl", ["de", "ru"]).tolist(), shared("el", ["de", "ru"]).round(2).tolist()
        ([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.33])
    """
    own = np.array([fact(code) for fact in FACTS.values()])
    others = np.array([[fact(other) for fact in FACTS.values()] for other in codes])
    same = (others == own) & (own != "unknown")
    return np.array([*same.any(0), same.mean(1).max()], dtype=float)


def association(
    x: np.ndarray, y: np.ndarray, resamples: int, seed: int
) -> tuple[float, float, float, int] | None:
    """Correlation of a predictor and a result at equal n, with a permutation test.

    Both are centred over the ladders, so that only sets of equal n are compared. p is the share of the orders
    of the ladders with a correlation at least as large. An order applies to every n at once. All orders are
    tried if there are no more than `resamples`, else drawn orders and the observed one.

    Args:
        x, y: predictor and result, [N, ladders, ...].
        resamples: number of drawn orders.
        seed: seed of the draws.

    Returns:
        (correlation, slope of y on x, p, number of permutations), or None if x or y does not vary.

    Example:
        Three ladders at one n, with a perfect correlation: 2 of the 6 orders are as large in absolute value.

        >>> found = association(np.array([[1.0, 2.0, 3.0]]), np.array([[0.2, 0.4, 0.6]]), 100, 0)
        >>> [round(float(value), 3) for value in found]
        [1.0, 0.2, 0.333, 6.0]
    """
    x, y = (np.moveaxis(v - v.mean(1, keepdims=True), 1, 0).reshape(v.shape[1], -1) for v in (x, y))
    size = (x**2).sum(), (y**2).sum()
    if min(size) <= NOTHING:
        return None
    product, count = x @ y.T, len(x)  # of the predictor of one ladder and the result of another
    if factorial(count) <= resamples:
        orders = np.array(list(permutations(range(count))))
    else:
        draw = stream("diversity", seed, count)
        drawn = draw.permuted(np.tile(np.arange(count), (resamples, 1)), axis=1)
        orders = np.vstack([np.arange(count), drawn])
    reach = np.abs(product[orders, np.arange(count)].sum(1))
    p = float((reach >= reach[0] * (1 - 1e-9)).mean())
    return product.trace() / np.sqrt(size[0] * size[1]), product.trace() / size[0], p, len(orders)


def heldout_values(study: Study, panel: Panel, column: int) -> dict[tuple[str, str], np.ndarray]:
    """Held-out mAP of a run, [H] by setting and pair set; macro over the other languages."""
    heldout = np.flatnonzero([code in study.languages.heldout for code in panel.languages])
    pool = panel.index(study.languages.pool)
    cells = {s: panel.pair_cells(panel.paths[column], s) for s in ("mono", "cross")}
    with np.errstate(invalid="ignore"):
        mono, cross = (c.sums.sum(0) / c.counts.sum(0) for c in cells.values())
    found = {("mono", "heldout"): mono[heldout, 0]}
    found["cross", "heldout-pool"] = _mean(cross[np.ix_(heldout, pool)])
    found["cross", "pool-heldout"] = _mean(cross[np.ix_(pool, heldout)].T)
    found["cross", "heldout"] = _mean(cross[np.ix_(heldout, heldout)])
    return found


def _mean(values: np.ndarray) -> np.ndarray:
    """Means of the rows without nan; nan for a row of nan."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0).sum(1) / there.sum(1)


def diversity_rows(
    study: Study, panel: Panel, curve: ScalingCurve, heldout: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """A row per setting, pair set and predictor of one scaling curve, or one row with the reason for none."""
    names = [panel.trained_on[panel.paths[k]] for k in curve.columns.ravel()]
    sets = np.array([",".join(codes) for codes in names]).reshape(curve.columns.shape)
    inside = [i for i in curve.interior(len(study.languages.pool)) if len(np.unique(sets[i])) >= SETS]
    same = curve.labels() | {"metric": MAP.name, "average": "macro"}
    if not inside:
        why = f"needs {SETS} distinct sets of languages at an n between 1 and the whole pool"
        yield same | {"setting": ALL, "pair_set": ALL, "predictor": ALL, "note": why}
        return
    at = curve.columns[inside]
    trained = [[panel.trained_on[panel.paths[k]] for k in row] for row in at]
    predictors = {
        name: np.array([[number(codes, fact) for codes in row] for row in trained], dtype=float)
        for name, fact in COUNTED.items()
    }
    near = np.array([[[shared(code, codes) for code in heldout] for codes in row] for row in trained])
    predictors |= dict(zip(PREDICTORS[len(COUNTED) :], np.moveaxis(near, -1, 0), strict=True))
    values = {k: heldout_values(study, panel, k) for k in np.unique(at).tolist()}
    same |= {
        "n_values": " ".join(str(curve.n[i]) for i in inside),
        "n_sets": len(np.unique(curve.ladders)),
        "note": "",
    }
    for setting, pair_set in MEASURED:
        y = np.array([[values[k][setting, pair_set] for k in row] for row in at.tolist()])  # [N, R, H]
        known = ~np.isnan(y).any((0, 1))
        for name, x in predictors.items():
            row = same | {
                "setting": setting,
                "pair_set": pair_set,
                "predictor": name,
                "n_languages": known.sum(),
            }
            x, result = (x, y[..., known].mean(-1)) if x.ndim == 2 else (x[..., known], y[..., known])
            # replicates of one ladder are no further set
            x, result = (np.moveaxis(curve.by_ladder(np.moveaxis(v, 1, -1)), -1, 1) for v in (x, result))
            found = None
            if known.any():
                found = association(x, result, study.statistics.resamples, study.statistics.seed)
            if found is None:
                yield row | {"note": "no variation at equal n"}
            else:
                yield row | dict(zip(("correlation", "slope", "p", "n_permutations"), found, strict=True))


def diversity_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Correlations at equal n for every scaling curve over random ladders. Empty without held-out languages.

    `multiple_testing.adjusted` fills p_adjusted when all benchmarks are there. Columns: COLUMNS.
    """
    heldout = [code for code in panel.languages if code in study.languages.heldout]
    rows = [
        labels | row
        for curve in scaling_curves(panel)
        if heldout and curve.names["ladder"] == ALL
        for row in diversity_rows(study, panel, curve, heldout)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
