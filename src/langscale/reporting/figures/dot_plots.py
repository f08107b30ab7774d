"""Figures of points: held-out languages by script and branch, and mono against multi."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.config.terms import NONE, UNTRAINED
from langscale.reporting.figures.style import (
    RC,
    blank,
    blocks,
    counted,
    grid_of,
    headline,
    legend,
    looks,
    marks,
    named,
)
from langscale.reporting.wording import label

BOTH = ["value", "ci_low", "ci_high"]
# where a line has its smallest and its largest n: in points from the marker, and the text's alignment
CORNERS = (
    ((-4, -9, "right"), (4, 4, "left")),
    ((4, -9, "left"), (-4, 4, "right")),
    ((-4, 4, "right"), (4, -9, "left")),
)
PLACE = ["model", "sampler", "alpha", "budget", "n_languages", "benchmark"]


def tradeoff(table: pd.DataFrame, mono: pd.DataFrame, multi: pd.DataFrame) -> Figure:
    """multi mAP against mono mAP: a point per sampler and n, samplers at the largest n joined in the order of alpha.

    mono, multi: comparable rows of published.csv; figures that have both are stars.
    """
    sides = [headline(table, "mAP", setting).query("pair_set == 'all'") for setting in ("mono", "multi")]
    both = sides[0].merge(sides[1][[*PLACE, *BOTH]], on=PLACE, suffixes=("", "_multi"))
    if both.empty:
        return blank()
    both = named(both)
    look = looks(list(both.loc[both["n_languages"] > 0, "line"]))
    same = [name for name in (*PLACE, "source", "table") if name in mono]
    printed = mono.merge(multi[[*same, "published"]], on=same, suffixes=("", "_multi"))
    printed = named(printed, both)
    parts = list(blocks(both))
    columns = min(2, len(parts))
    with plt.rc_context(RC):
        figure, grid = grid_of(-(-len(parts) // columns), columns, 3.0)
        for block, axes in zip(parts, grid.flatten(), strict=False):
            trained = block.rows[block.rows["n_languages"] > 0]
            for i, (name, rows) in enumerate(trained.groupby("line", sort=False)):
                _path(axes, rows.sort_values("n_languages"), name, look[name], CORNERS[i % len(CORNERS)])
            _baselines(axes, block.rows)
            _sweep(axes, trained)
            keys = ["benchmark", "model", "line"]
            star = printed.merge(trained[keys].drop_duplicates(), on=keys)
            colors = [look[line]["color"] for line in star["line"]]
            marks(axes, star["published"].astype(float), star["published_multi"].astype(float), colors)
            axes.set_title(counted(block.name, block.rows).strip())
            axes.set_xlabel("mono mAP (0 to 1)")
            axes.set_ylabel("multi mAP (0 to 1)")
            axes.margins(0.08)
        for axes in grid.flatten()[len(parts) :]:
            axes.remove()
        legend(figure)
    return figure


def _path(
    axes: Axes, rows: pd.DataFrame, name: str, look: dict[str, str], corners: tuple[tuple[int, int, str], ...]
) -> None:
    """One line over n with both intervals, the ends with their n beside the point."""
    axes.plot(rows["value"], rows["value_multi"], ms=4, lw=1, label=name, **look)
    axes.hlines(rows["value_multi"], rows["ci_low"], rows["ci_high"], color=look["color"], lw=0.7)
    axes.vlines(rows["value"], rows["ci_low_multi"], rows["ci_high_multi"], color=look["color"], lw=0.7)
    ends = [0, -1][-len(rows) :]
    for (*offset, side), (_, row) in zip(corners[-len(ends) :], rows.iloc[ends].iterrows(), strict=True):
        n, at = f"n={row['n_languages']}", (row["value"], row["value_multi"])
        if at not in [text.xy for text in axes.texts]:  # at n = 1 all samplers are one
            axes.annotate(
                n, at, offset, textcoords="offset points", fontsize=6, color=look["color"], ha=side,
                bbox={"fc": "white", "ec": "none", "pad": 0.3, "alpha": 0.6},
            )  # fmt: skip


def _baselines(axes: Axes, rows: pd.DataFrame) -> None:
    """The untrained encoder and BM25; one that is far from all trained points is told in words instead."""
    trained, far = rows[rows["n_languages"] > 0], []
    for sampler, marker in ((UNTRAINED, "|"), (NONE, "+")):
        for _, row in rows[rows["sampler"] == sampler].iterrows():
            if (
                row["value"] > 1.4 * trained["ci_high"].max()
                or row["value_multi"] > 1.4 * trained["ci_high_multi"].max()
            ):
                far.append(f"{label(row)} is outside, at ({row['value']:.3f}, {row['value_multi']:.3f})")
            else:
                axes.plot(row["value"], row["value_multi"], marker, color="0.3", ms=8, label=label(row))
    axes.text(0.99, 0.02, "\n".join(far), transform=axes.transAxes, ha="right", fontsize=7, color="0.3")


def _sweep(axes: Axes, trained: pd.DataFrame) -> None:
    """A grey line from x-y over the hybrids to x-x-mono at the largest n."""
    ends = {"x-y": 0.0, "x-x-mono": 1.0}
    last = trained[trained["n_languages"] == trained["n_languages"].max()]
    last = last.assign(alpha=last["alpha"].where(last["sampler"] == "hybrid", last["sampler"].map(ends)))
    for _, rows in last.dropna(subset="alpha").groupby("budget"):
        rows = rows.sort_values("alpha")
        if len(rows) > 2:
            name = "alpha from 0 (x-y) to 1 (x-x-mono)"
            axes.plot(rows["value"], rows["value_multi"], color="0.6", lw=3, alpha=0.4, zorder=0, label=name)
