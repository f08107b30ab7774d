"""Monolingual against multilingual retrieval, for every sampler and number of training languages."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from langscale.config.terms import NONE, UNTRAINED
from langscale.reporting.figures.style import (
    RC,
    Look,
    blank,
    blocks,
    fitting,
    grid_of,
    headline,
    legend,
    looks,
    marks,
    named,
    titled,
    without_empty,
)
from langscale.reporting.wording import count, label
from langscale.retrieval.measures import MAP

BOTH = ["value", "ci_low", "ci_high"]
POINT = ["model", "sampler", "alpha", "budget", "n_languages", "benchmark"]
HEIGHT = 3.0  # inches of a row of panels
# labels of the two ends of the first, second and third line: offset from the marker in points, alignment
ENDS = (
    ((-4, -9, "right"), (4, 4, "left")),
    ((4, -9, "left"), (-4, 4, "right")),
    ((-4, 4, "right"), (4, -9, "left")),
)


def tradeoff(table: pd.DataFrame, mono: pd.DataFrame, multi: pd.DataFrame) -> Figure:
    """Multi mAP against mono mAP: a point per sampler and n_languages, a grey line over alpha at the largest.

    mono, multi: comparable rows of published.csv. A pair of published values is a star.
    """
    sides = [headline(table, MAP.name, setting).query("pair_set == 'all'") for setting in ("mono", "multi")]
    both = sides[0].merge(sides[1][[*POINT, *BOTH]], on=POINT, suffixes=("", "_multi"))
    both = named(both)
    parts = list(blocks(both))
    if not parts:
        return blank()
    look = looks(both.loc[both["n_languages"] > 0, "line"])
    same = [name for name in (*POINT, "source", "table") if name in mono]
    printed = mono.merge(multi[[*same, "published"]], on=same, suffixes=("", "_multi"))
    printed = named(printed, both)
    columns = min(2, len(parts))
    parts, left_out = fitting(parts, HEIGHT / columns)
    with plt.rc_context(RC):
        figure, grid = grid_of(-(-len(parts) // columns), columns, HEIGHT)
        for block, axes in zip(parts, grid.flatten(), strict=False):
            trained = block.rows[block.rows["n_languages"] > 0]
            for i, name in enumerate(trained["line"].unique()):
                rows = trained[trained["line"] == name].sort_values("n_languages")
                _path(axes, rows, name, look[name], ENDS[i % len(ENDS)])
            _baselines(axes, block.rows)
            _alphas(axes, trained)
            keys = ["benchmark", "model", "line"]
            star = printed.merge(trained[keys].drop_duplicates(), on=keys)
            colors = [look[line]["color"] for line in star["line"]]
            marks(axes, star["published"].astype(float), star["published_multi"].astype(float), colors)
            axes.set_title(titled(block.name, block.rows).strip())
            axes.set_xlabel("mono mAP (0 to 1)")
            axes.set_ylabel("multi mAP (0 to 1)")
            axes.margins(0.08)
        without_empty(grid.flatten())
        legend(figure, left_out)
    return figure


def _path(
    axes: Axes, rows: pd.DataFrame, name: str, look: Look, ends: tuple[tuple[int, int, str], ...]
) -> None:
    """One line over n_languages with intervals on both axes and n_languages beside its ends."""
    axes.plot(rows["value"], rows["value_multi"], ms=4, lw=1, label=name, **look)
    axes.hlines(rows["value_multi"], rows["ci_low"], rows["ci_high"], color=look["color"], lw=0.7)
    axes.vlines(rows["value"], rows["ci_low_multi"], rows["ci_high_multi"], color=look["color"], lw=0.7)
    places = [0, -1][-len(rows) :]
    for (x, y, side), (_, row) in zip(ends[-len(places) :], rows.iloc[places].iterrows(), strict=True):
        at = (row["value"], row["value_multi"])
        # with one language all samplers are the same
        if at not in [text.xy for text in axes.texts if isinstance(text, Annotation)]:
            axes.annotate(
                count(row["n_languages"], "language"), at, (x, y), textcoords="offset points", fontsize=6,
                color=look["color"], ha=side, bbox={"fc": "white", "ec": "none", "pad": 0.3, "alpha": 0.6},
            )  # fmt: skip


def _baselines(axes: Axes, rows: pd.DataFrame) -> None:
    """The untrained encoder and BM25. A baseline far from all trained points is a sentence instead."""
    trained, far = rows[rows["n_languages"] > 0], []
    pairs = (["value", "ci_high"], ["value_multi", "ci_high_multi"])
    limits = [1.4 * np.nanmax(trained[pair].to_numpy(dtype=float)) for pair in pairs]
    for sampler, marker in ((UNTRAINED, "D"), (NONE, "P")):
        for _, row in rows[rows["sampler"] == sampler].iterrows():
            x, y = float(row["value"]), float(row["value_multi"])
            if x > limits[0] or y > limits[1]:
                far.append(f"{label(row)} is outside, at ({x:.3f}, {y:.3f})")
            else:
                axes.plot(x, y, marker, label=label(row), color="0.35", mfc="white", ms=5, ls="")
    axes.text(0.99, 0.02, "\n".join(far), transform=axes.transAxes, ha="right", fontsize=7, color="0.3")


def _alphas(axes: Axes, trained: pd.DataFrame) -> None:
    """A grey line from x-y (alpha 0) over the hybrids to x-x-mono (alpha 1) at the largest n_languages."""
    ends = {"x-y": 0.0, "x-x-mono": 1.0}
    last = trained[trained["n_languages"] == trained["n_languages"].max()]
    last = last.assign(alpha=last["alpha"].where(last["sampler"] == "hybrid", last["sampler"].map(ends)))
    for _, rows in last.dropna(subset="alpha").groupby("budget"):
        rows = rows.sort_values("alpha")
        if len(rows) > 2:
            name = "alpha from 0 (x-y) to 1 (x-x-mono)"
            axes.plot(rows["value"], rows["value_multi"], color="0.6", lw=3, alpha=0.4, zorder=0, label=name)
