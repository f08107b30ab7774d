"""Measures against alpha, the share of monolingual batches of hybrid."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.config.terms import ALL
from langscale.reporting.figures.line_charts import HEIGHT
from langscale.reporting.figures.style import (
    RC,
    STYLES,
    Block,
    blank,
    fitting,
    grid_of,
    headline,
    legend,
    titled,
    without_empty,
)
from langscale.reporting.wording import count
from langscale.retrieval.measures import MAP, OWN_BEFORE_OTHER

ENDS = {"x-y": 0.0, "x-x-mono": 1.0}
"""Samplers with the batches of hybrid at an alpha."""
PANELS = (("mono", MAP.name), ("cross", MAP.name), ("multi", MAP.name), ("multi", OWN_BEFORE_OTHER.name))
LEAST = 2  # values of alpha between 0 and 1 for a line


def along_alpha(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of scaling.csv of each sweep over alpha: hybrid, with x-y as alpha 0 and x-x-mono as alpha 1.

    A sweep is a benchmark, model, budget and n_languages above 1 with LEAST values of alpha between the ends.
    hybrid with alpha 0 or 1 is a second name of an end and stands once. Random language orders, last
    checkpoint, macro average, all languages.
    """
    found = pd.concat([headline(table, metric, setting) for setting, metric in PANELS])
    found = found[(found["pair_set"] == ALL) & (found["n_languages"] > 1)]
    mixed = found["sampler"] == "hybrid"
    found = found.assign(alpha=found["alpha"].where(mixed, found["sampler"].map(ENDS)))
    sweep = ["benchmark", "model", "budget", "n_languages"]
    found = found.dropna(subset="alpha").drop_duplicates([*sweep, "setting", "metric", "alpha"])
    inner = found[found["alpha"].between(0, 1, inclusive="neither")].groupby(sweep)["alpha"].nunique()
    there = pd.MultiIndex.from_frame(found[sweep]).isin(inner[inner >= LEAST].index)
    return found[there].sort_values("alpha")


def alphas(table: pd.DataFrame) -> Figure:
    """A panel per measure, a block per benchmark, model and budget, a line per n_languages."""
    table = along_alpha(table)
    if table.empty:
        return blank()
    sizes = sorted(table["n_languages"].unique())
    groups = [*table.groupby(["benchmark", "model", "budget"], sort=False)]
    found = [Block(", ".join(map(str, names)) if len(groups) > 1 else "", rows) for names, rows in groups]
    parts, left_out = fitting(found, HEIGHT)
    with plt.rc_context(RC):
        figure, grid = grid_of(len(parts), len(PANELS), HEIGHT)
        for block, axes_of in zip(parts, grid, strict=True):
            for (setting, metric), axes in zip(PANELS, axes_of, strict=True):
                rows = block.rows[(block.rows["setting"] == setting) & (block.rows["metric"] == metric)]
                _panel(axes, rows, sizes)
                axes.set_title(titled(f"{setting} {metric}" if metric == MAP.name else metric, rows))
                axes.set_xlabel("alpha")
            without_empty(axes_of)[0].set_ylabel("\n".join(filter(None, ("value (0 to 1)", block.name))))
        legend(figure, left_out, [count(n, "language") for n in sizes])
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, sizes: list[int]) -> None:
    """The lines of one panel with their intervals."""
    for i, n in enumerate(sizes):
        line = rows[rows["n_languages"] == n]
        if line.empty:
            continue
        color, marker, style = STYLES[i % len(STYLES)]
        axes.plot(
            line["alpha"], line["value"], color=color, marker=marker, ls=style, ms=3.5, lw=1,
            label=count(n, "language"),
        )  # fmt: skip
        if line["ci_low"].notna().any():
            axes.vlines(line["alpha"], line["ci_low"], line["ci_high"], color=color, lw=1)
    if len(rows):
        axes.set_xticks([0, 0.5, 1], ["0\nx-y", "0.5", "1\nx-x-mono"])
        axes.set_xlim(-0.08, 1.08)
