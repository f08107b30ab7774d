"""Every figure of a study."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from langscale.config.terms import SETTINGS
from langscale.reporting.figures.alphas import alphas
from langscale.reporting.figures.budgets import budgets
from langscale.reporting.figures.decomposition import decomposition
from langscale.reporting.figures.gain import gain
from langscale.reporting.figures.language_matrix import matrix
from langscale.reporting.figures.line_charts import (
    bias,
    comparable,
    gaps,
    preference,
    scaling,
    shares,
    training,
)
from langscale.reporting.figures.query_counts import with_gap_counts, with_query_counts
from langscale.reporting.figures.similarity import similarity
from langscale.reporting.figures.tradeoff import tradeoff
from langscale.reporting.figures.transfer import transfer


def all_figures(
    tables: Mapping[str, pd.DataFrame],
    logs: pd.DataFrame,
    pool: list[str],
    names: list[str],
    joint: Sequence[Mapping[str, str]] = (),
) -> Iterator[tuple[str, Figure]]:
    """(name, figure) of every figure in `names`.

    tables: by the names in `contents.FIGURE_TABLES`. logs: see `line_charts.training`. joint: see
    `langscale.reporting.budgets.joint_budgets`.
    """
    t = dict(tables)
    for name in ("scaling", "transfer", "shares", "contrasts"):
        t[name] = with_query_counts(t[name], t["languages"], pool)
    t["gaps"] = with_gap_counts(t["gaps"], t["scaling"])

    def lines(setting: str) -> Callable[[], Figure]:
        return lambda: scaling(t["scaling"], t["curves"], t["published"], setting)

    draw: dict[str, Callable[[], Figure]] = {
        "gain": lambda: gain(t["contrasts"], t["seeds"]),
        "gain-split": lambda: decomposition(t["decomposition"]),
        "budgets": lambda: budgets(t["scaling"], joint),
        **{f"scaling-{setting}": lines(setting) for setting in SETTINGS},
        "tradeoff": lambda: tradeoff(
            t["scaling"], *(comparable(t["published"], s) for s in ("mono", "multi"))
        ),
        "alphas": lambda: alphas(t["scaling"]),
        "gaps": lambda: gaps(t["gaps"]),
        "transfer": lambda: transfer(t["transfer"]),
        "similarity": lambda: similarity(t["similarity"]),
        "matrix": lambda: matrix(t["pairs"], pool),
        "preference": lambda: preference(t["scaling"]),
        "bias": lambda: bias(t["scaling"]),
        "shares": lambda: shares(t["shares"]),
        "training": lambda: training(logs),
    }
    for name in names:
        yield name, draw[name]()
