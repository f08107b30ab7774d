"""Paired differences of points of the design: those that the config declares, and those that are always made."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from langscale.config.study import Study
from langscale.design.grid import ALL, BM25, POINT, UNTRAINED, Point
from langscale.retrieval.scores import METRICS
from langscale.statistics.intervals import (
    MARGIN,
    MARGIN_SHARE,
    cell_units,
    equivalence_p,
    paired_units,
)
from langscale.statistics.multiple_testing import benjamini_hochberg, holm
from langscale.statistics.panel import Panel, estimated, pair_set_quantities

CONTRASTS = (
    *(f"{side}_{name}" for side in ("cell", "reference") for name in POINT), "benchmark", "setting", "query_language",
    "candidate_language", "pair_set", "metric", "difference", "ci_low", "ci_high", "p", "p_adjusted", "family",
    "runs_ci_low", "runs_ci_high", "p_runs", "smallest_detectable", "n_queries", "n_runs", "note", "checkpoint",
    "candidate_text", "average", "p_equivalent", "margin",
)  # fmt: skip
CONTRAST_METRICS = ("mAP", "mAP@20", "rank distance", "own-language advantage")


def contrast_pairs(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    """The comparisons that are always made: along n, against the untrained model and BM25, between samplers and models.

    Along n: every n against the next smaller and the smallest. Between samplers: at every n above 1. Between models,
    untrained ones too: all else equal. Named ladders: against the random ones.
    """
    pairs = []
    for i, p in enumerate(points):
        pairs += [
            (p, q)
            for q in points[:i]
            if p.model != q.model and BM25 not in (p.model, q.model)
            if p.columns() | {"model": None} == q.columns() | {"model": None}
        ]
    trained = [p for p in points if p.trained]
    for p in trained:
        curve = [q for q in trained if q.columns() | {"n_languages": 0} == p.columns() | {"n_languages": 0}]
        below = sorted((q for q in curve if q.n_languages < p.n_languages), key=lambda q: q.n_languages)
        pairs += [(p, q) for q in dict.fromkeys(below[-1:] + below[:1])]
        pairs += [(p, q) for q in points if q.sampler == UNTRAINED and q.model == p.model]
        pairs += [(p, q) for q in points if q.model == BM25]
        pairs += [
            (p, q)
            for q in trained[: trained.index(p)]
            if p.n_languages > 1
            and (q.model, q.budget, q.ladder, q.n_languages) == (p.model, p.budget, p.ladder, p.n_languages)
        ]
        pairs += [(p, q) for q in trained if p.ladder != ALL and q.columns() == p.columns() | {"ladder": ALL}]
    return pairs


def margin(
    metric: str, reference: dict[str, np.ndarray] | None
) -> tuple[np.ndarray | float, np.ndarray | float]:
    """(half-width of what counts as equal, its standard error), of a difference or of a slope.

    .01 of mAP and its like, 5% of the reference (its mean and se, as `estimate` gives them) for rank distance, else nan.
    """
    if metric == "rank distance":
        return MARGIN_SHARE * np.abs(reference["mean"]), MARGIN_SHARE * reference["se"]
    return (MARGIN if metric in METRICS and metric != "relevant" else np.nan), 0.0


def contrast_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Paired differences of points on the same questions and replicates.

    The contrasts of the config are confirmatory: Holm within their family. All others are exploratory:
    Benjamini-Hochberg over all of them. So are those of the best checkpoint: the last is the headline. `adjust`
    fills p_adjusted, once all benchmarks are there.
    """
    # a benchmark may lack the runs of a point
    named = [(panel.here(p), panel.here(q)) for p, q in panel.grid.contrasts]
    declared = {
        (pair, c.setting, c.pair_set, c.metric): c.family
        for pair, c in zip(named, study.statistics.contrasts, strict=True)
    }
    named = [pair for pair in named if None not in pair]
    metrics = CONTRAST_METRICS if panel.gives("cross", "mAP") else ("nDCG@10",)
    # a difference is taken once, in the direction in which it was declared
    pairs = [pair for pair in contrast_pairs(panel.points) if pair[::-1] not in named]
    columns = {p: {seed: panel.column(path) for seed, path in p.runs} for p in panel.points}
    units = {(p, q): paired_units(columns[p], columns[q], panel.fixed) for p, q in pairs + named}
    pairs = [pair for pair in units if units[pair] or pair in named]  # aliases of each other say nothing
    comparisons = [units[pair] for pair in pairs]
    asked = {tuple(what) for _, *what in declared}
    quantities = [
        q
        for q in pair_set_quantities(study)
        if q.metric in metrics or (q.setting, q.pair_set, q.metric) in asked
    ]
    distances = [quantity for quantity in quantities if quantity.metric == "rank distance"]
    references = {
        (quantity, average): found
        for quantity, average, _, found in panel.estimates(
            distances, [cell_units(columns[q]) for _, q in pairs]
        )
    }
    rows = []
    for quantity, average, questions, found in panel.estimates(quantities, comparisons):
        width, spread = margin(quantity.metric, references.get((quantity, average)))
        margins = width * np.ones(len(pairs))
        equivalent = equivalence_p(found["mean"], found["se"], found["df"], margins, spread)
        for i, (p, q) in enumerate(pairs):
            sides = {
                f"{side}_{name}": getattr(point, name)
                for side, point in (("cell", p), ("reference", q))
                for name in POINT
            }
            family = declared.get(((p, q), quantity.setting, quantity.pair_set, quantity.metric))
            primary = (quantity.candidate_language, average, labels["checkpoint"]) == (ALL, "macro", "last")
            rows.append(
                labels | sides | quantity.columns() | estimated(found, i) | {
                    "difference": found["mean"][i],
                    "family": family if family and primary else "exploratory",
                    "n_queries": questions[0],
                    "average": average,
                    "p_equivalent": equivalent[i],
                    "margin": margins[i],
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(CONTRASTS))


def adjust(table: pd.DataFrame) -> pd.DataFrame:
    """Fill p_adjusted: Holm in every family of the config, Benjamini-Hochberg among the exploratory contrasts."""
    adjusted = np.full(len(table), np.nan)
    for family, rows in table.groupby("family").indices.items():
        method = benjamini_hochberg if family == "exploratory" else holm
        adjusted[rows] = method(table["p"].to_numpy(dtype=float)[rows])
    return table.assign(p_adjusted=adjusted)[list(CONTRASTS)]
