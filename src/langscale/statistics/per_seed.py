"""What single runs are worth: the headline measures of each replicate, and medians; none has an interval."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from langscale.design.grid import ALL, POINT, points
from langscale.retrieval.scores import LISTED
from langscale.statistics.intervals import cluster_parts
from langscale.statistics.panel import HEADLINE, Panel, pair_set_quantities
from langscale.statistics.zero_shot import of_point


def replicate_rows(panel: Panel, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of tables/seeds.csv: `ladder` is the replicate's own, `seed` its seed; cells that share a run have rows each."""
    wanted = HEADLINE if panel.gives("multi", "mAP") else [("mono", metric) for metric in LISTED]
    cells = [(cell, points([cell])[0]) for cell in panel.grid.cells if cell.run.path in panel.scores]
    zero_shot = [of_point(panel.study, panel.grid, point, labels["benchmark"]) for _, point in cells]
    for quantity in pair_set_quantities(panel.study):
        if (quantity.setting, quantity.metric) not in wanted or quantity.candidate_language != ALL:
            continue
        sums = panel.sums(quantity)
        if sums is None:
            continue
        means = cluster_parts(sums.sums, sums.counts).sum(axis=0)
        for (cell, _), unseen in zip(cells, zero_shot, strict=True):
            column = panel.column(cell.run.path)
            known = {
                "value": means[column],
                "n_queries": sums.questions[column],
                "n_runs": 1,
                "average": "macro",
                "zero_shot": unseen,
            }
            names = {name: getattr(cell, name) for name in (*POINT, "seed")}
            yield labels | names | quantity.columns() | known


def median_rows(panel: Panel, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The median rank distance over questions, mean over question languages and runs.

    A median is no sum over questions, which an interval here would need.
    """
    if not panel.gives("multi", "rank distance"):
        return
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
            "zero_shot": of_point(panel.study, panel.grid, point, labels["benchmark"]),
        }
        yield labels | what | point.columns() | known | {"n_queries": len(scores.questions)}
