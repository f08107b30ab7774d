"""Does the choice of the cluster decide? The headline again with coarser clusters of questions.

Questions of one article (XQuAD-R, MLQA-R: it holds several paragraphs) or about one home territory (cldr: several
cards) may be alike beyond their paragraph or card. The table has the intervals under both clusterings, side by side.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from langscale.design.grid import ALL, POINT
from langscale.statistics.intervals import cell_units, paired_units
from langscale.statistics.panel import HEADLINE, Panel, Quantity, estimated, pair_set_quantities

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
    if "group" in panel.scores[panel.paths[0]].questions and labels["checkpoint"] == "last":
        for by in ("cluster", "group"):
            rows += _rows(Panel(panel.study, panel.grid, panel.scores, by), labels | {"cluster": by})
    return pd.DataFrame(rows, columns=list(SENSITIVITY))


def _rows(panel: Panel, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    columns = {p: {seed: panel.column(path) for seed, path in p.runs} for p in panel.points}
    every = [q for q in pair_set_quantities(panel.study) if q.candidate_language == ALL]
    headline = {q: panel.points for q in every if (q.setting, q.metric) in HEADLINE}
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
