"""Sensitivity to the clusters: the headline with paragraphs and with articles as clusters of queries."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from langscale.config.terms import ALL, POINT
from langscale.statistics.contrasts import declared_contrasts, sides
from langscale.statistics.intervals import Unit, cell_units, paired_units
from langscale.statistics.panel import Panel, estimated
from langscale.statistics.quantities import Quantity, pair_set_quantities

COLUMNS = (
    *(f"{side}_{name}" for side in ("cell", "reference") for name in POINT), "benchmark", "setting",
    "pair_set", "metric", "average", "cluster", "n_clusters", "value", "ci_low", "ci_high", "runs_ci_low",
    "runs_ci_high", "p", "p_runs", "n_runs", "checkpoint", "candidate_text",
)  # fmt: skip


def sensitivity_table(panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Cells (without reference) in the headline measures and the contrasts of the config, under both
    clusterings.

    Empty if the benchmark has no coarser clusters, and for the best checkpoint. Columns: COLUMNS.
    """
    rows: list[dict[str, Any]] = []
    if "group" in panel.scores[panel.paths[0]].queries and labels["checkpoint"] == "last":
        for by in ("cluster", "group"):
            rows += _rows(Panel(panel.study, panel.grid, panel.scores, by), labels | {"cluster": by})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(panel: Panel, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    quantities = [q for q in pair_set_quantities(panel.study) if q.candidate_language == ALL]
    cells = [(sides(p), cell_units(panel.columns(p))) for p in panel.points]
    for quantity in quantities:
        if panel.shows("seeds", quantity):
            yield from _estimated(panel, quantity, cells, labels)
    differences: dict[tuple[str, str, str], list[tuple[dict[str, Any], list[Unit]]]] = {}
    for (p, q), what, _ in declared_contrasts(panel, labels["benchmark"]):
        units = paired_units(panel.columns(p), panel.columns(q), panel.fixed)
        differences.setdefault(what, []).append((sides(p, q), units))
    for what, comparisons in differences.items():
        quantity = next(q for q in quantities if (q.setting, q.pair_set, q.metric) == what)
        yield from _estimated(panel, quantity, comparisons, labels)


def _estimated(
    panel: Panel,
    quantity: Quantity,
    comparisons: Sequence[tuple[dict[str, Any], Sequence[Unit]]],
    labels: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    for _, average, _, found in panel.estimates([quantity], [units for _, units in comparisons]):
        for i, (names, _) in enumerate(comparisons):
            yield labels | quantity.columns() | names | estimated(found, i) | {
                "average": average, "n_clusters": len(panel.clusters.names), "value": found["mean"][i],
            }  # fmt: skip
