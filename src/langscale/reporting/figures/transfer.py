"""Held-out languages by script and branch."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.config.terms import BM25, UNTRAINED
from langscale.reporting.figures.style import PANELS, RC, STYLES, WIDTH, blank, counted, legend, looks, select
from langscale.reporting.wording import label


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
