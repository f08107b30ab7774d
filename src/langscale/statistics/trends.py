"""Trends: the slope per doubling of n of every scaling curve."""

from typing import Any

import numpy as np
import pandas as pd

from langscale.config.study import Study
from langscale.statistics.intervals import Unit, equivalence_p
from langscale.statistics.panel import Panel, estimated
from langscale.statistics.quantities import followed_quantities, margin
from langscale.statistics.scaling_curves import CURVE, scaling_curves, slope_weights

TRENDS = (
    *CURVE, "benchmark", "setting", "pair_set", "metric", "n_values", "slope", "ci_low", "ci_high", "p",
    "p_adjusted", "family", "smallest_detectable", "margin", "p_equivalence", "reference", "runs_ci_low",
    "runs_ci_high", "p_runs", "n_queries", "n_runs", "note", "checkpoint", "candidate_text", "average",
)  # fmt: skip


def trend_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Slope per doubling of n of every scaling curve, from the least-squares slope of each replicate.

    p_equivalence is the p of a true slope outside +-margin. `reference` is the value at the smallest n of the
    curve. `multiple_testing.adjusted` fills p_adjusted when all benchmarks are there. Columns: TRENDS.
    """
    curves = scaling_curves(panel)
    slopes: list[list[Unit]] = [
        [dict(zip(run, slope_weights(np.log2(curve.n)), strict=True)) for run in curve.columns.T.tolist()]
        for curve in curves
    ]
    starts: list[list[Unit]] = [[{column: 1.0} for column in curve.columns[0].tolist()] for curve in curves]
    rows = []
    for quantity, average, queries, found in panel.estimates(
        followed_quantities(study) if curves else [], slopes + starts
    ):
        for i, curve in enumerate(curves):
            start = {name: values[len(curves) + i] for name, values in found.items()}
            width, spread = margin(quantity.metric, start)
            mean, se, df = (found[name][i] for name in ("mean", "se", "df"))
            rows.append(
                labels | curve.labels() | quantity.columns() | estimated(found, i) | {
                    "slope": mean,
                    "margin": width,
                    "p_equivalence": equivalence_p(mean, se, df, width, spread),
                    "reference": start["mean"],
                    "n_queries": queries[curve.columns[0, 0]],
                    "average": average,
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(TRENDS))
