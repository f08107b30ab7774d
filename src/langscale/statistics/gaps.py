"""The gap of held-out languages: mAP of pool pairs minus mAP of pairs with a held-out language."""

from typing import Any

import pandas as pd

from langscale.config.study import Study
from langscale.config.terms import ALL, POINT
from langscale.retrieval.measures import MAP
from langscale.statistics.intervals import cell_units
from langscale.statistics.panel import Panel, estimated
from langscale.statistics.quantities import Mix, pair_set_quantities

COLUMNS = (
    *POINT, "benchmark", "setting", "pair_set", "metric", "gap", "ci_low", "ci_high", "runs_ci_low",
    "runs_ci_high", "n_runs", "checkpoint", "candidate_text", "average",
)  # fmt: skip


def gap_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """The gap of each point of the design, by setting and pair set, in macro averages.

    The difference is taken within each run, so both intervals are of the gap itself. Columns: COLUMNS.
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
    units = [cell_units(panel.columns(p)) for p in panel.points]
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
