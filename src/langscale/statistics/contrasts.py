"""Paired differences of points of the design: those that the config declares, and those that are always made."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, POINT, UNTRAINED
from langscale.design.grid import Point
from langscale.retrieval.measures import MAP, MEASURES
from langscale.statistics.intervals import (
    cell_units,
    equivalence_p,
    paired_units,
)
from langscale.statistics.multiple_testing import benjamini_hochberg, holm
from langscale.statistics.panel import Mix, Panel, Quantity, estimated, margin, pair_set_quantities

CONTRASTS = (
    *(f"{side}_{name}" for side in ("cell", "reference") for name in POINT), "benchmark", "setting", "query_language",
    "candidate_language", "pair_set", "metric", "difference", "ci_low", "ci_high", "p", "p_adjusted", "family",
    "runs_ci_low", "runs_ci_high", "p_runs", "smallest_detectable", "n_queries", "n_runs", "note", "checkpoint",
    "candidate_text", "average", "p_equivalent", "margin",
)  # fmt: skip


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
        if panel.shows("contrasts", q) or (q.setting, q.pair_set, q.metric) in asked
    ]
    relative = [quantity for quantity in quantities if MEASURES[quantity.metric].margin == "share"]
    references = {
        (quantity, average): found
        for quantity, average, _, found in panel.estimates(
            relative, [cell_units(columns[q]) for _, q in pairs]
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


COLUMNS = (
    *POINT, "benchmark", "setting", "pair_set", "metric", "gap", "ci_low", "ci_high", "runs_ci_low", "runs_ci_high",
    "n_runs", "checkpoint", "candidate_text", "average",
)  # fmt: skip


def gap_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """MAP of the pairs `pool` minus that of each pair set with held-out languages, by point of the design.

    Macro averages; the difference is taken within each run, so both intervals are of the gap itself. Columns: COLUMNS.
    """
    of = {
        (q.setting, q.pair_set): q
        for q in pair_set_quantities(study)
        if q.metric == MAP.name and q.candidate_language == ALL
    }
    gaps = {
        Mix(((1.0, of[setting, "pool"]), (-1.0, other))): other
        for (setting, pair_set), other in of.items()
        if "heldout" in pair_set
    }
    units = [cell_units({seed: panel.column(path) for seed, path in p.runs}) for p in panel.points]
    rows = [
        labels | point.columns() | estimated(found, i) | {
            "setting": gaps[gap].setting,
            "pair_set": gaps[gap].pair_set,
            "metric": MAP.name,
            "gap": found["mean"][i],
            "average": average,
        }
        for gap, average, _, found in panel.estimates(list(gaps), units)
        if average == "macro"
        for i, point in enumerate(panel.points)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


SENSITIVITY = (
    *(f"{side}_{name}" for side in ("cell", "reference") for name in POINT), "benchmark", "setting", "pair_set",
    "metric", "average", "cluster", "n_clusters", "value", "ci_low", "ci_high", "runs_ci_low", "runs_ci_high", "p",
    "p_runs", "n_runs", "checkpoint", "candidate_text",
)  # fmt: skip


def sensitivity_table(panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Cells (without reference) in the headline measures, and the contrasts of the config, under both clusterings.

    Empty where the benchmark knows no coarser clusters, and for the best checkpoint.
    """
    rows: list[dict[str, Any]] = []
    if "group" in panel.scores[panel.paths[0]].queries and labels["checkpoint"] == "last":
        for by in ("cluster", "group"):
            rows += _rows(Panel(panel.study, panel.grid, panel.scores, by), labels | {"cluster": by})
    return pd.DataFrame(rows, columns=list(SENSITIVITY))


def _rows(panel: Panel, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    columns = {p: {seed: panel.column(path) for seed, path in p.runs} for p in panel.points}
    every = [q for q in pair_set_quantities(panel.study) if q.candidate_language == ALL]
    headline = {q: panel.points for q in every if panel.shows("seeds", q)}
    declared: dict[Quantity, list] = {}
    for sides, c in zip(panel.grid.contrasts, panel.study.statistics.contrasts, strict=True):
        pair = tuple(map(panel.here, sides))
        if None in pair:  # a benchmark may lack the runs of a point
            continue
        what = c.setting, c.pair_set, c.metric
        declared.setdefault(next(q for q in every if (q.setting, q.pair_set, q.metric) == what), []).append(
            pair
        )
    for quantity, points in headline.items():
        yield from _estimated(panel, quantity, [((p,), cell_units(columns[p])) for p in points], labels)
    for quantity, pairs in declared.items():
        units = [((p, q), paired_units(columns[p], columns[q], panel.fixed)) for p, q in pairs]
        yield from _estimated(panel, quantity, units, labels)


def _estimated(
    panel: Panel, quantity: Quantity, units: list, labels: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for _, average, _, found in panel.estimates([quantity], [unit for _, unit in units]):
        for i, (points, _) in enumerate(units):
            sides = {
                f"{side}_{name}": value
                for side, point in zip(("cell", "reference"), points, strict=False)
                for name, value in point.columns().items()
            }
            yield labels | quantity.columns() | sides | estimated(found, i) | {
                "average": average, "n_clusters": len(panel.clusters.names), "value": found["mean"][i],
            }  # fmt: skip
