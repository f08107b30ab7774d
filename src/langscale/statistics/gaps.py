"""The gap of held-out languages: how much lower pairs with a held-out language score than pairs within the pool."""

from typing import Any

import pandas as pd

from langscale.config.study import Study
from langscale.design.grid import ALL, POINT
from langscale.statistics.intervals import cell_units
from langscale.statistics.panel import Mix, Panel, estimated, pair_set_quantities

COLUMNS = (
    *POINT, "benchmark", "setting", "pair_set", "metric", "gap", "ci_low", "ci_high", "runs_ci_low", "runs_ci_high",
    "n_runs", "checkpoint", "candidate_text", "average",
)  # fmt: skip


def gap_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """mAP of the pairs `pool` minus that of each pair set with held-out languages, by point of the design.

    Macro averages; the difference is taken within each run, so both intervals are of the gap itself. Columns: COLUMNS.
    """
    of = {
        (q.setting, q.pair_set): q
        for q in pair_set_quantities(study)
        if q.metric == "mAP" and q.candidate_language == ALL
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
            "metric": "mAP",
            "gap": found["mean"][i],
            "average": average,
        }
        for gap, average, _, found in panel.estimates(list(gaps), units)
        if average == "macro"
        for i, point in enumerate(panel.points)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))
