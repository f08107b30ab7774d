"""The entry of a language: what a pair of languages gains when one or both of them enter the training set."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from langscale.config.study import Study
from langscale.retrieval.measures import MAP
from langscale.statistics.intervals import estimate
from langscale.statistics.panel import Panel, estimated
from langscale.statistics.trends import LINE, Line, lines

EFFECTS = {"cross": ("question", "candidate", "both"), "mono": ("language",)}
COLUMNS = (
    *LINE, "benchmark", "setting", "effect", "metric", "n_values", "effect_size", "ci_low", "ci_high", "p", "p_adjusted", "family",
    "smallest_detectable", "runs_ci_low", "runs_ci_high", "p_runs", "n_pairs", "n_runs", "note", "checkpoint",
    "candidate_text", "average",
)  # fmt: skip


def status(seen: np.ndarray, asked: np.ndarray, offered: np.ndarray, setting: str) -> np.ndarray:
    """Indicators of the effects [E, N, P], from seen [N, L] and the languages of P pairs (positions).

    cross: only the question's language is in the set, only the candidate's, both. mono: the language is.
    """
    q, d = seen[:, asked], seen[:, offered]
    return np.array([q & ~d, ~q & d, q & d] if setting == "cross" else [q], dtype=float)


def entry_weights(indicators: np.ndarray) -> np.ndarray | None:
    """Coefficients [E, N, P] of the pair values that give the effects; None where this design cannot tell them.

    Least squares with a fixed effect for every pair and every n of one replicate, that is for every run. In a
    complete table both are taken out of the indicators by centring rows and columns (Frisch and Waugh 1933).
    """
    x = indicators - indicators.mean(1, keepdims=True) - indicators.mean(2, keepdims=True)
    x = (x + indicators.mean((1, 2), keepdims=True)).reshape(len(indicators), -1)
    if np.linalg.matrix_rank(x @ x.T, tol=1e-9 * x.size) < len(x):
        return None
    return np.linalg.pinv(x.T).reshape(indicators.shape)


def _parts(
    panel: Panel, line: Line, setting: str, pool: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray, int]:
    """What each cluster adds to the effects [R, E, C] (None: not identified), its questions [C], number of pairs."""
    counts = panel.pair_cells(panel.paths[line.columns[0, 0]], setting).counts
    asked, offered = np.divmod(np.arange(len(pool) ** 2), len(pool))
    if setting == "mono":
        asked, offered = np.arange(len(pool)), np.zeros(len(pool), dtype=int)
    column = pool[offered] if setting == "cross" else offered
    total = counts[:, pool[asked], column].sum(0)
    asked, offered, column = (index[total > 0] for index in (asked, offered, column))
    total, counts = total[total > 0], counts[:, pool[asked], column]
    codes, found = [panel.languages[i] for i in pool], []
    for run in line.columns.T:
        paths = [panel.paths[k] for k in run]
        seen = np.array([[code in panel.trained_on[path] for code in codes] for path in paths])
        weights = entry_weights(status(seen, asked, offered, setting)) if len(total) else None
        if weights is None:
            return None, counts.sum(1), len(total)
        values = [panel.pair_cells(path, setting).sums[:, pool[asked], column] / total for path in paths]
        found.append(np.einsum("enp,ncp->ec", weights, np.array(values)))
    return np.array(found), counts.sum(1), len(total)


def entry_rows(study: Study, panel: Panel, line: Line, setting: str) -> Iterator[dict[str, Any]]:
    """A row per effect: the mean over the replicates of the effects that each estimates for itself."""
    pool = np.array([i for i, code in enumerate(panel.languages) if code in study.languages.pool], dtype=int)
    parts, counts, n_pairs = _parts(panel, line, setting, pool)
    same = line.labels() | {
        "setting": setting, "metric": MAP.name, "n_pairs": n_pairs, "average": "macro",
        "note": "not identified by these n and pairs",
    }  # fmt: skip
    if parts is None:
        yield from (same | {"effect": effect} for effect in EFFECTS[setting])
        return
    r, e = parts.shape[:2]
    # An effect's coefficients sum to 0 for every pair, so that the ratio of its cluster sums to the clusters' numbers
    # of questions resamples as the pair means themselves do, to first order; exactly, where the benchmark is parallel.
    # The last column is 0: an effect is a difference from it.
    sums = np.vstack([parts.reshape(r * e, -1), np.zeros(len(counts))])[:, :, None] * counts.sum()
    comparisons = [[] for _ in range(e)]
    for i, units in enumerate(comparisons):
        for ladder in np.unique(line.ladders):
            rows = np.flatnonzero(line.ladders == ladder)
            units.append({int(k) * e + i: 1 / len(rows) for k in rows} | {r * e: -1.0})
    options = study.statistics
    found = estimate(
        comparisons, sums, counts[:, None], panel.clusters.names, [False] * (r * e) + [True], "macro", options.resamples,
        options.seed,
    )  # fmt: skip
    for i, effect in enumerate(EFFECTS[setting]):
        yield (
            same
            | estimated(found, i)
            | {
                "effect": effect,
                "effect_size": found["mean"][i],
            }
        )


def entry_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """The effects of entry for every line, in mono and cross, over the pairs of pool languages.

    `scaling.adjusted` fills p_adjusted, once all benchmarks are there.
    """
    rows = [
        labels | row
        for line in lines(panel)
        for setting in EFFECTS
        for row in entry_rows(study, panel, line, setting)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
