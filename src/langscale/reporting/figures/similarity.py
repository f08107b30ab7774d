"""The gain of every held-out language against its similarity to the nearest training language."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.reporting.figures.style import (
    RC,
    Block,
    blank,
    blocks,
    fitting,
    grid_of,
    looks,
    named,
    select,
    titled,
)
from langscale.reporting.wording import PAIR_SETS, count

HEIGHT = 3.0  # inches of a row of panels
MOST = 3  # samplers side by side
PAIR_SET = "heldout-pool"


def similarity(table: pd.DataFrame) -> Figure:
    """A panel per sampler, a row per benchmark and model: gain in cross mAP against lexical similarity.

    table: similarity.csv. Queries are in held-out languages. The first budget of each sampler is drawn, three
    samplers at most. The thin line is the least-squares line through the means. Languages without a
    similarity are left out.
    """
    rows = select(table, setting="cross", pair_set=PAIR_SET).dropna(subset="similarity")
    if rows.empty:
        return blank()
    rows = rows[rows["budget"] == rows.groupby(["model", "sampler"])["budget"].transform("first")]
    rows = named(rows)
    look = looks(rows["line"])
    parts, left_out = fitting(list(blocks(rows)), HEIGHT)
    names = [name for name in look if name in set(rows["line"])]
    with plt.rc_context(RC):
        figure, grid = grid_of(len(parts), min(MOST, len(names)), HEIGHT)
        for block, axes_of in zip(parts, grid, strict=True):
            for name, axes in zip(names, axes_of, strict=False):
                if axes is not axes_of[0]:
                    axes.sharey(axes_of[0])
                _panel(axes, block, name, look[name]["color"])
        further = [*left_out, *names[MOST:]]
        if further:
            figure.supxlabel(f"Not drawn, for lack of room: {', '.join(further)}.", fontsize=6.5)
    return figure


def _panel(axes: Axes, block: Block, name: str, color: str) -> None:
    """The languages of one sampler, with their intervals and codes."""
    rows = block.rows[block.rows["line"] == name].sort_values("similarity")
    if rows.empty:
        axes.remove()
        return
    x, y = rows["similarity"].to_numpy(), rows["gain"].to_numpy()
    axes.axhline(0, color="black", lw=0.6, zorder=0)
    axes.plot(x, y, ls="", marker="o", ms=3, color=color)
    axes.vlines(x, rows["ci_low"], rows["ci_high"], color=color, lw=0.8, alpha=0.5)
    if len(rows) > 2 and np.ptp(x) > 0:
        ends = np.array([x[0], x[-1]])
        axes.plot(ends, np.polyval(np.polyfit(x, y, 1), ends), color="0.35", lw=0.8, gid="least squares")
    # on both sides in turn, as neighbours are close
    for i, (code, here, there) in enumerate(zip(rows["language"], x, y, strict=True)):
        at, side = ((3, 2), "left") if i % 2 else ((-3, 2), "right")
        axes.annotate(code, (here, there), at, textcoords="offset points", fontsize=6, ha=side)
    axes.set_title(titled(f"{name}: {PAIR_SETS[PAIR_SET]}", rows))
    first = rows.iloc[0]
    change = f"{first['reference_n_languages']:.0f} to {count(first['n_languages'], 'language')}"
    gain = f"gain in cross mAP, {change}"
    axes.set_ylabel("\n".join(filter(None, (gain, block.name))))
    axes.set_xlabel("lexical similarity to the\nnearest training language")
