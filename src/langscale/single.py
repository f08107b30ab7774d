"""What single runs are worth: the headline measures of each replicate, and medians; none has an interval."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from langscale.grid import ALL, POINT
from langscale.panel import HEADLINE, Panel, pair_set_quantities
from langscale.statistics import cluster_parts


def replicate_rows(panel: Panel, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of tables/seeds.csv: `ladder` is the replicate's own, `seed` its seed; one row of cells that share a run, too."""
    for quantity in pair_set_quantities(panel.study):
        if (quantity.setting, quantity.metric) not in HEADLINE or quantity.candidate_language != ALL:
            continue
        sums = panel.sums(quantity)
        if sums is None:
            continue
        means = cluster_parts(sums.sums, sums.counts).sum(axis=0)
        for cell in panel.grid.cells:
            column = panel.column(cell.run.path)
            known = {
                "value": means[column],
                "n_queries": sums.questions[column],
                "n_runs": 1,
                "average": "macro",
            }
            names = {name: getattr(cell, name) for name in (*POINT, "seed")}
            yield labels | names | quantity.columns() | known


def median_rows(panel: Panel, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The median rank distance over questions, mean over question languages and runs.

    A median is no sum over questions, which an interval here would need.
    """
    medians = {}
    for path in panel.paths:
        scores = panel.scores[path]
        distance = pd.Series(scores.values("multi", "rank distance")[:, 0])
        medians[path] = distance.groupby(scores.own).median().mean()
    names = ("seed", "query_language", "candidate_language", "pair_set", "status")
    what = dict.fromkeys(names, ALL) | {"setting": "multi", "metric": "median rank distance"}
    for point in panel.points:
        paths = dict.fromkeys(path for _, path in point.runs)
        known = {
            "value": np.mean([medians[path] for path in paths]),
            "n_runs": len(paths),
            "average": "macro",
        }
        yield labels | what | point.columns() | known | {"n_queries": len(scores.questions)}
