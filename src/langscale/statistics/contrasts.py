"""Contrasts: paired differences of points of the design, declared in the config or exploratory."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, POINT, UNTRAINED
from langscale.design.grid import Point
from langscale.retrieval.measures import MEASURES
from langscale.statistics.intervals import Unit, cell_units, equivalence_p, paired_units
from langscale.statistics.multiple_testing import EXPLORATORY
from langscale.statistics.panel import Panel, estimated
from langscale.statistics.quantities import margin, pair_set_quantities

CONTRASTS = (
    *(f"{side}_{name}" for side in ("cell", "reference") for name in POINT), "benchmark", "setting",
    "query_language", "candidate_language", "pair_set", "metric", "difference", "ci_low", "ci_high", "p",
    "p_adjusted", "family", "runs_ci_low", "runs_ci_high", "p_runs", "smallest_detectable", "n_queries",
    "n_runs", "note", "checkpoint", "candidate_text", "average", "p_equivalent", "margin",
)  # fmt: skip


def contrast_pairs(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    """The exploratory comparisons of a study, (cell, reference).

    Along n, every n is compared with the next smaller and the smallest one. Every trained cell is compared
    with the untrained model and with BM25, and samplers with each other at every n above 1. Models, untrained
    ones too, are compared with all else equal, and named ladders with the random ladders.
    """
    pairs: list[tuple[Point, Point]] = []
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


class Declared(NamedTuple):
    """A contrast of the config: (cell, reference), (setting, pair set, metric) and family."""

    pair: tuple[Point, Point]
    what: tuple[str, str, str]
    family: str


def declared_contrasts(panel: Panel, benchmark: str) -> list[Declared]:
    """The contrasts of the config on a benchmark: those that name it, and those that name none.

    A contrast is left out if the benchmark lacks the runs of one side.
    """
    found = []
    for named, contrast in zip(panel.grid.contrasts, panel.study.statistics.contrasts, strict=True):
        cell, reference = map(panel.here, named)
        if cell and reference and contrast.benchmark in (None, benchmark):
            what = contrast.setting, contrast.pair_set, contrast.metric
            found.append(Declared((cell, reference), what, contrast.family))
    return found


def once(
    pairs: Sequence[tuple[Point, Point]], declared: Sequence[Declared], units: dict[Any, list[Unit]]
) -> list[tuple[Point, Point]]:
    """The comparisons of a table: each once, whatever the names of its runs. Declared ones all stay.

    Two points with the same runs, as hybrid with alpha 1 and x-x-mono, are aliases of each other. A
    comparison whose runs are those of an earlier one, in either direction, tells nothing new.
    """
    kept = list(dict.fromkeys(d.pair for d in declared))
    known = {_runs(units[pair]) for pair in kept}
    for pair in dict.fromkeys(pairs):
        # a contrast of aliases with each other has no units
        if pair not in kept and units[pair] and _runs(units[pair]) not in known:
            kept.append(pair)
            known.add(_runs(units[pair]))
    return kept


def _runs(units: Sequence[Unit]) -> frozenset[frozenset[int]]:
    """The pairs of runs behind a comparison, without direction."""
    return frozenset(map(frozenset, units))


def _directions(declared: Sequence[Declared], units: dict[Any, list[Unit]]) -> dict[Any, tuple[Point, Point]]:
    """(runs, what) -> the pair that shows them: the declared direction of a quantity."""
    return {(_runs(units[d.pair]), d.what): d.pair for d in declared if units[d.pair]}


def contrast_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Paired differences of points on the same queries and replicates.

    The contrasts of the config are confirmatory. All others are exploratory, and so are those of the best
    checkpoint, as the last one is the headline. A quantity has each comparison once, in the declared
    direction if there is one. `multiple_testing.adjusted` fills p_adjusted when all benchmarks are there.
    Columns: CONTRASTS.
    """
    declared = declared_contrasts(panel, labels["benchmark"])
    families = {(d.pair, d.what): d.family for d in declared}
    columns = {p: panel.columns(p) for p in panel.points}
    made = [*contrast_pairs(panel.points), *(d.pair for d in declared)]
    units = {(p, q): paired_units(columns[p], columns[q], panel.fixed) for p, q in made}
    pairs = once(made, declared, units)
    runs = [_runs(units[pair]) for pair in pairs]
    first: dict[Any, tuple[Point, Point]] = {}
    for its, pair in zip(runs, pairs, strict=True):
        first.setdefault(its, pair)
    directions = _directions(declared, units)
    named = {d.what for d in declared}
    quantities = [
        q
        for q in pair_set_quantities(study)
        if panel.shows("contrasts", q) or (q.setting, q.pair_set, q.metric) in named
    ]
    references = {
        (quantity, average): found
        for quantity, average, _, found in panel.estimates(
            [q for q in quantities if MEASURES[q.metric].margin], [cell_units(columns[q]) for _, q in pairs]
        )
    }
    rows = []
    for quantity, average, queries, found in panel.estimates(quantities, [units[pair] for pair in pairs]):
        what = quantity.setting, quantity.pair_set, quantity.metric
        width, spread = margin(quantity.metric, references.get((quantity, average)))
        margins = width * np.ones(len(pairs))
        equivalent = equivalence_p(found["mean"], found["se"], found["df"], margins, spread)
        primary = (quantity.candidate_language, average, labels["checkpoint"]) == (ALL, "macro", "last")
        for i, (p, q) in enumerate(pairs):
            family, its = families.get(((p, q), what)), runs[i]
            if not family and its and directions.get((its, what), first[its]) != (p, q):
                continue
            rows.append(
                labels | sides(p, q) | quantity.columns() | estimated(found, i) | {
                    "difference": found["mean"][i],
                    "family": family if family and primary else EXPLORATORY,
                    "n_queries": queries[0],
                    "average": average,
                    "p_equivalent": equivalent[i],
                    "margin": margins[i],
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(CONTRASTS))


def sides(cell: Point, reference: Point | None = None) -> dict[str, Any]:
    """The columns cell_... and, with a reference, reference_... of a row."""
    named = {"cell": cell} | ({"reference": reference} if reference else {})
    return {f"{side}_{name}": value for side, p in named.items() for name, value in p.columns().items()}
