"""The entry of a language: the gain of a language pair when one or both languages enter the training set."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from langscale.config.study import Study
from langscale.languages.codes import spoken
from langscale.retrieval.measures import MAP
from langscale.statistics.intervals import Unit, estimate
from langscale.statistics.panel import Panel, estimated
from langscale.statistics.scaling_curves import CURVE, ScalingCurve, scaling_curves

EFFECTS = {"cross": ("question", "candidate", "both"), "mono": ("language",)}
"""Setting -> effects: only the query's language is trained on, only the candidate's, both. In mono there is
one.
"""
COLUMNS = (
    *CURVE, "benchmark", "setting", "effect", "metric", "n_values", "effect_size", "ci_low", "ci_high", "p",
    "p_adjusted", "family", "smallest_detectable", "runs_ci_low", "runs_ci_high", "p_runs", "n_pairs",
    "n_runs", "note", "checkpoint", "candidate_text", "average",
)  # fmt: skip


def status(seen: np.ndarray, queries: np.ndarray, candidates: np.ndarray, setting: str) -> np.ndarray:
    """Indicators of the effects of EFFECTS, float [E, N, P].

    Args:
        seen: bool [N, L], whether each language is in the training set at each n.
        queries: [P], positions of the query languages of P pairs.
        candidates: [P], positions of their candidate languages.
        setting: cross or mono.
    """
    q, c = seen[:, queries], seen[:, candidates]
    return np.array([q & ~c, ~q & c, q & c] if setting == "cross" else [q], dtype=float)


def entry_weights(indicators: np.ndarray) -> np.ndarray | None:
    """Coefficients of the pair values that give the effects, [E, N, P]; None if the design does not identify
    them.

    Least squares with a fixed effect for every pair and for every n of one replicate, that is for every run.
    In a complete table both are removed by centring the rows and columns of the indicators (Frisch and Waugh
    1933).

    Args:
        indicators: [E, N, P], as from `status`.
    """
    x = indicators - indicators.mean(1, keepdims=True) - indicators.mean(2, keepdims=True)
    x = (x + indicators.mean((1, 2), keepdims=True)).reshape(len(indicators), -1)
    if np.linalg.matrix_rank(x @ x.T, tol=1e-9 * x.size) < len(x):
        return None
    return np.linalg.pinv(x.T).reshape(indicators.shape)


def _parts(
    panel: Panel, curve: ScalingCurve, setting: str, pool: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray, int]:
    """Contributions of the clusters to the effects [R, E, C] (None: not identified), their queries [C],
    pairs.
    """
    counts = panel.pair_cells(panel.paths[curve.columns[0, 0]], setting).counts
    queries, candidates = np.divmod(np.arange(len(pool) ** 2), len(pool))
    if setting == "mono":
        queries, candidates = np.arange(len(pool)), np.zeros(len(pool), dtype=int)
    column = pool[candidates] if setting == "cross" else candidates
    total = counts[:, pool[queries], column].sum(0)
    queries, candidates, column = (index[total > 0] for index in (queries, candidates, column))
    total, counts = total[total > 0], counts[:, pool[queries], column]
    codes, found = [panel.languages[i] for i in pool], []
    for run in curve.columns.T:
        paths = [panel.paths[k] for k in run]
        seen = np.array([[spoken(code) in panel.trained_on[path] for code in codes] for path in paths])
        weights = entry_weights(status(seen, queries, candidates, setting)) if len(total) else None
        if weights is None:
            return None, counts.sum(1), len(total)
        values = [panel.pair_cells(path, setting).sums[:, pool[queries], column] / total for path in paths]
        found.append(np.einsum("enp,ncp->ec", weights, np.array(values)))
    return np.array(found), counts.sum(1), len(total)


def entry_rows(study: Study, panel: Panel, curve: ScalingCurve, setting: str) -> Iterator[dict[str, Any]]:
    """A row per effect: the mean over replicates of the effects that each replicate estimates."""
    pool = panel.index(study.languages.pool)
    parts, counts, n_pairs = _parts(panel, curve, setting, pool)
    same = curve.labels() | {
        "setting": setting, "metric": MAP.name, "n_pairs": n_pairs, "average": "macro",
        "note": "not identified by these n and pairs",
    }  # fmt: skip
    if parts is None:
        yield from (same | {"effect": effect} for effect in EFFECTS[setting])
        return
    r, e = parts.shape[:2]
    # The coefficients of an effect sum to 0 for every pair. So the ratio of its cluster sums to the clusters'
    # numbers of queries resamples as the pair means do, to first order, and exactly in a parallel benchmark.
    # The last column is 0: an effect is a difference from it.
    sums = np.vstack([parts.reshape(r * e, -1), np.zeros(len(counts))])[:, :, None] * counts.sum()
    comparisons: list[list[Unit]] = [[] for _ in range(e)]
    for i, units in enumerate(comparisons):
        for ladder in np.unique(curve.ladders):
            rows = np.flatnonzero(curve.ladders == ladder)
            units.append({int(k) * e + i: 1 / len(rows) for k in rows} | {r * e: -1.0})
    found = estimate(
        comparisons,
        sums,
        counts[:, None],
        panel.clusters.names,
        [False] * (r * e) + [True],
        n_resamples=study.statistics.resamples,
        seed=study.statistics.seed,
    )
    for i, effect in enumerate(EFFECTS[setting]):
        yield same | estimated(found, i) | {"effect": effect, "effect_size": found["mean"][i]}


def entry_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """The effects of entry for every scaling curve, in mono and cross, over the pairs of pool languages.

    `multiple_testing.adjusted` fills p_adjusted when all benchmarks are there. Columns: COLUMNS.
    """
    rows = [
        labels | row
        for curve in scaling_curves(panel)
        for setting in EFFECTS
        for row in entry_rows(study, panel, curve, setting)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
