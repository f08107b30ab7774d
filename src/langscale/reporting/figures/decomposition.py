"""The gain from one training language, split into languages at equal rows and more rows."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.config.terms import ALL
from langscale.reporting.figures.style import (
    FIRST,
    RC,
    WIDTH,
    blank,
    blocks,
    fitting,
    legend,
    named,
    select,
)
from langscale.reporting.wording import PAIR_SETS, count
from langscale.retrieval.measures import MAP
from langscale.statistics.decomposition import GAIN, LANGUAGES, ROWS

PARTS = {
    GAIN: ("gain", "black", "o"),
    LANGUAGES: ("languages, at equal rows", "#0072B2", "s"),
    ROWS: ("more rows", "#D55E00", "^"),
}
"""Part -> name, colour, marker."""
PLACES = [("mono", ALL), *(("cross", name) for name in PAIR_SETS if name != ALL), ("multi", ALL)]
PLACE_HEIGHT = 0.32  # inches


def decomposition(table: pd.DataFrame) -> Figure:
    """The parts of the gain at the largest n_languages, in mAP, with their intervals.

    A row of panels per benchmark and model, a panel per sampler, the paper's samplers first and three at
    most. table: tables/decomposition.csv.
    """
    rows = select(table, metric=MAP.name)
    rows = rows[rows["n_languages"] == rows["n_languages"].max()]
    if rows.empty:
        return blank()
    rows = named(rows)
    names = set(rows["line"])
    samplers = [*(name for name in FIRST if name in names), *sorted(names.difference(FIRST))][:3]
    places = [place for place in PLACES if _at(rows, *place).size]
    height = PLACE_HEIGHT * len(places) + 0.7
    parts, left_out = fitting(list(blocks(rows)), height)
    with plt.rc_context(RC):
        figure, grid = plt.subplots(
            len(parts), len(samplers), figsize=(WIDTH, height * len(parts) + 0.5), squeeze=False,
            layout="constrained", sharey=True, sharex="row",
        )  # fmt: skip
        for block, line in zip(parts, grid, strict=True):
            for name, axes in zip(samplers, line, strict=True):
                _panel(axes, block.rows[block.rows["line"] == name], places)
                axes.set_title(name)
                n = count(rows["n_languages"].iloc[0], "language")
                axes.set_xlabel("\n".join(filter(None, (f"change in mAP, 1 to {n}", block.name))))
        grid[0][0].invert_yaxis()
        legend(figure, left_out)
    return figure


def _at(rows: pd.DataFrame, setting: str, pair_set: str) -> pd.DataFrame:
    return rows[(rows["setting"] == setting) & (rows["pair_set"] == pair_set)]


def _panel(axes: Axes, rows: pd.DataFrame, places: list[tuple[str, str]]) -> None:
    """The parts of one sampler, a line per setting and pair set."""
    axes.axvline(0, color="black", lw=0.6, zorder=0)
    for y, place in enumerate(places):
        here = _at(rows, *place).set_index("part")
        for i, (part, (name, color, marker)) in enumerate(PARTS.items()):
            if part in here.index:
                row, at = here.loc[part], y + 0.22 * (i - 1)
                axes.plot(row["difference"], at, marker=marker, ls="", ms=4, color=color, label=name)
                if pd.notna(row["ci_low"]):
                    axes.hlines(at, row["ci_low"], row["ci_high"], color=color, lw=1)
    axes.set_yticks(range(len(places)), [_named(*place) for place in places])
    axes.grid(axis="y", visible=False)


def _named(setting: str, pair_set: str) -> str:
    return setting if pair_set == ALL else f"{setting}, {PAIR_SETS[pair_set]}"
