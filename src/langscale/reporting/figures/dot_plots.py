"""Figures of points: held-out languages by script and branch, and mono against multi."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.design.grid import BM25, NONE, UNTRAINED
from langscale.reporting.figures.style import (
    PANELS,
    RC,
    STYLES,
    WIDTH,
    blank,
    blocks,
    counted,
    grid_of,
    headline,
    legend,
    looks,
    marks,
    named,
    select,
)
from langscale.reporting.tables import label

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


def transfer(table: pd.DataFrame) -> Figure:
    """Held-out languages by script and branch: cross mAP untrained, at the smallest and at the largest n."""
    table = select(table, setting="cross")
    if table.empty:
        return blank()
    facts = table[["group", "languages", "group_in_pool"]].drop_duplicates()
    # a script and a branch with the same languages are one line
    groups = [
        (
            codes,
            f"{' = '.join(rows['group'].unique())} ({_short(codes)}){'' if rows['group_in_pool'].any() else ' *'}",
        )
        for codes, rows in facts.groupby("languages", sort=False)
    ]
    table = table.assign(sampler=table.apply(label, axis=1))
    samplers = [s for s in table["sampler"].unique() if s not in (UNTRAINED, "BM25")]
    largest, smallest = table["n_languages"].max(), table.loc[table["n_languages"] > 0, "n_languages"].min()
    pairs = table[["benchmark", "model"]][table["model"] != BM25].drop_duplicates()
    parts = list(pairs.itertuples(index=False, name=None))
    with plt.rc_context(RC):
        size = (WIDTH, (0.34 * len(groups) + 1.0) * len(parts) + 0.4)
        figure, grid = plt.subplots(
            len(parts), 2, figsize=size, squeeze=False, layout="constrained", sharey="row"
        )
        for (benchmark, model), line in zip(parts, grid, strict=True):
            for pair_set, axes in zip(("heldout-pool", "pool-heldout"), line, strict=True):
                part = table[(table["benchmark"] == benchmark) & table["model"].isin([model, BM25])]
                part = part[part["pair_set"] == pair_set]
                for y, (codes, _) in enumerate(groups):
                    here = part[part["languages"] == codes].drop_duplicates(
                        ["sampler", "n_languages", "budget"]
                    )
                    _dots(axes, y, here, samplers, smallest, largest)
                axes.set_yticks(range(len(groups)), [name for _, name in groups])
                axes.set_title(counted(PANELS[pair_set], part))
                several = f"\n{benchmark}, {model}" if len(parts) > 1 else ""
                axes.set_xlabel(f"cross mAP (0 to 1){several}")
                axes.set_xlim(left=0)
            line[0].invert_yaxis()
        legend(figure)
    return figure


def _short(codes: str, most: int = 8) -> str:
    """The first codes, and how many more there are."""
    found = codes.split()
    return codes if len(found) <= most else f"{' '.join(found[: most - 1])} +{len(found) - most + 1}"


def _dots(
    axes: Axes, y: int, here: pd.DataFrame, samplers: Sequence[str], smallest: int, largest: int
) -> None:
    wanted = [("BM25", "BM25", 0, "0.6", "+"), ("untrained", UNTRAINED, 0, "0.35", "|")]
    look = looks(samplers)
    wanted += [(f"{s} n={largest}", s, largest, look[s]["color"], look[s]["marker"]) for s in samplers]
    alike = "" if smallest == 1 else f"{samplers[0]} "  # at n = 1 all samplers are one
    if smallest < largest:
        wanted.insert(2, (f"{alike}n={smallest}", samplers[0], smallest, STYLES[4][0], "x"))
    for i, (text, sampler, n, color, marker) in enumerate(wanted):
        offset = 0.13 * (i - (len(wanted) - 1) / 2)
        for _, row in here[(here["sampler"] == sampler) & (here["n_languages"] == n)].iterrows():
            axes.plot(row["value"], y + offset, color=color, marker=marker, ms=3.5, ls="", label=text)
            axes.hlines(y + offset, row["ci_low"], row["ci_high"], color=color, lw=0.8)
