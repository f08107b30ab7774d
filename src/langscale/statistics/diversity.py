"""Which languages, at equal n: diversity of the set and similarity to a held-out language against held-out mAP."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.core.random import stream
from langscale.languages import families as facts
from langscale.retrieval.measures import MAP
from langscale.statistics.intervals import NOTHING
from langscale.statistics.panel import Panel
from langscale.statistics.trends import LINE, Line, lines

SETS = 4  # distinct sets of languages at an n, at least
FACTS = {"script": facts.script, "branch": facts.branch, "family": facts.family}
COUNTED = {"scripts": "script", "families": "family"}  # of the set
PREDICTORS = (*COUNTED, *(f"shared {name}" for name in FACTS), "similarity")
MEASURED = (("mono", "heldout"), ("cross", "heldout-pool"), ("cross", "pool-heldout"), ("cross", "heldout"))
COLUMNS = (
    *LINE, "benchmark", "setting", "pair_set", "metric", "predictor", "n_values", "correlation", "slope", "p",
    "p_adjusted", "family", "n_sets", "n_languages", "n_permutations", "note", "checkpoint", "candidate_text", "average",
)  # fmt: skip


def number(codes: Sequence[str], fact: str) -> int:
    """How many scripts or families a set has; every language of unknown family is one of its own."""
    found = [FACTS[fact](code) for code in codes]
    return len({f for f in found if f != "unknown"}) + found.count("unknown")


def shared(code: str, codes: Sequence[str]) -> np.ndarray:
    """Script, branch and family of a language: 1 where some language of the set has the same. Then similarity: the
    largest share of the three that it has in common with one language of the set, the nearest.
    """
    same = np.array(
        [
            [(own := fact(code)) != "unknown" and own == fact(other) for fact in FACTS.values()]
            for other in codes
        ]
    )
    return np.array([*same.any(0), same.mean(1).max()], dtype=float)


def association(
    x: np.ndarray, y: np.ndarray, resamples: int, seed: int
) -> tuple[float, float, float, int] | None:
    """(correlation, slope, p, number of permutations) of x and y [N, ladders, ...]; None where one does not vary.

    Both are centred over the ladders, so that only sets of equal n are compared. p: the share of the orders of the
    ladders, each applied at every n at once, that give as large a correlation; all orders where that is no more than
    `resamples`, else drawn ones and the observed one.
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
        orders = np.vstack(
            [np.arange(count), draw.permuted(np.tile(np.arange(count), (resamples, 1)), axis=1)]
        )
    reach = np.abs(product[orders, np.arange(count)].sum(1))
    p = float((reach >= reach[0] * (1 - 1e-9)).mean())
    return product.trace() / np.sqrt(size[0] * size[1]), product.trace() / size[0], p, len(orders)


def heldout_values(study: Study, panel: Panel, column: int) -> dict[tuple[str, str], np.ndarray]:
    """MAP of a run for every held-out language [H], by setting and pair set; macro over the other languages."""
    heldout, pool = (
        np.array([i for i, code in enumerate(panel.languages) if code in codes], dtype=int)
        for codes in (study.languages.heldout, study.languages.pool)
    )
    cells = {s: panel.pair_cells(panel.paths[column], s) for s in ("mono", "cross")}
    with np.errstate(invalid="ignore"):
        mono, cross = (c.sums.sum(0) / c.counts.sum(0) for c in cells.values())
    found = {("mono", "heldout"): mono[heldout, 0]}
    found["cross", "heldout-pool"] = _mean(cross[np.ix_(heldout, pool)])
    found["cross", "pool-heldout"] = _mean(cross[np.ix_(pool, heldout)].T)
    found["cross", "heldout"] = _mean(cross[np.ix_(heldout, heldout)])
    return found


def _mean(values: np.ndarray) -> np.ndarray:
    """Means of the rows over what is there; nan where nothing is."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0).sum(1) / there.sum(1)


def diversity_rows(study: Study, panel: Panel, line: Line, heldout: list[str]) -> Iterator[dict[str, Any]]:
    """A row per setting, pair set and predictor of one line, or one row that says why there is none."""
    names = [panel.trained_on[panel.paths[k]] for k in line.columns.ravel()]
    sets = np.array([",".join(codes) for codes in names]).reshape(line.columns.shape)
    inside = [i for i in line.interior(len(study.languages.pool)) if len(np.unique(sets[i])) >= SETS]
    same = line.labels() | {"metric": MAP.name, "average": "macro"}
    if not inside:
        why = f"needs {SETS} distinct sets of languages at an n between 1 and the whole pool"
        yield same | {"setting": ALL, "pair_set": ALL, "predictor": ALL, "note": why}
        return
    at = line.columns[inside]
    trained = [[panel.trained_on[panel.paths[k]] for k in row] for row in at]
    predictors = {
        name: np.array([[number(codes, fact) for codes in row] for row in trained], dtype=float)
        for name, fact in COUNTED.items()
    }
    near = np.array([[[shared(code, codes) for code in heldout] for codes in row] for row in trained])
    predictors |= dict(zip(PREDICTORS[len(COUNTED) :], np.moveaxis(near, -1, 0), strict=True))
    values = {k: heldout_values(study, panel, k) for k in np.unique(at).tolist()}
    same |= {
        "n_values": " ".join(str(line.n[i]) for i in inside),
        "n_sets": len(np.unique(line.ladders)),
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
            x, result = (np.moveaxis(line.by_ladder(np.moveaxis(v, 1, -1)), -1, 1) for v in (x, result))
            found = (
                association(x, result, study.statistics.resamples, study.statistics.seed)
                if known.any()
                else None
            )
            if found is None:
                yield row | {"note": "no variation at equal n"}
            else:
                yield row | dict(zip(("correlation", "slope", "p", "n_permutations"), found, strict=True))


def diversity_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Correlations at equal n for every line over random ladders; nothing without held-out languages.

    `scaling.adjusted` fills p_adjusted, once all benchmarks are there.
    """
    heldout = [code for code in panel.languages if code in study.languages.heldout]
    rows = [
        labels | row
        for line in lines(panel)
        if heldout and line.names["ladder"] == ALL
        for row in diversity_rows(study, panel, line, heldout)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
