"""Languages, rows and steps together: the scaling curves of a sampler under budgets of all kinds."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from langscale.config.terms import ALL, BM25
from langscale.reporting.budgets import GROWS, PLACES, together
from langscale.reporting.figures.line_charts import HEIGHT
from langscale.reporting.figures.style import (
    RC,
    STYLES,
    Block,
    Look,
    N,
    blank,
    fitting,
    grid_of,
    headline,
    legend,
    lines,
    titled,
    without_empty,
)
from langscale.reporting.wording import place
from langscale.retrieval.measures import MAP


def budgets(scaling: pd.DataFrame, joint: Sequence[Mapping[str, str]]) -> Figure:
    """The mAP against n_languages: a panel per setting and pair set, a row per sampler, a line per kind.

    scaling: scaling.csv. joint: see `langscale.reporting.budgets.joint_budgets`. Benchmarks and models have
    rows of their own. The baselines are horizontal lines.
    """
    table = together(scaling, joint)
    if table.empty:
        return blank()
    base = pd.concat([headline(scaling, MAP.name, setting) for setting in ("mono", "cross", "multi")])
    base = base[base["n_languages"] == 0]
    found = []
    several = table.groupby(["benchmark", "model"]).ngroups > 1
    for names, rows in table.groupby(["benchmark", "model", "name"], sort=False):
        benchmark, model, sampler = map(str, names)
        here = base[(base["benchmark"] == benchmark) & base["model"].isin([model, BM25])]
        name = ", ".join([benchmark, model, sampler] if several else [sampler])
        found.append(Block(name, pd.concat([rows.assign(line=rows["kind"].map(GROWS)), here])))
    there = set(zip(table["setting"], table["pair_set"], strict=True))
    places = [one for one in PLACES if one in there]
    look: dict[str, Look] = {
        name: {"color": color, "marker": marker, "ls": style, "mfc": color}
        for name, (color, marker, style) in zip(GROWS.values(), STYLES, strict=False)
    }
    parts, left_out = fitting(found, HEIGHT)
    with plt.rc_context(RC):
        figure, grid = grid_of(len(parts), len(places), HEIGHT)
        for block, axes_of in zip(parts, grid, strict=True):
            for (setting, pair_set), axes in zip(places, axes_of, strict=True):
                rows = block.rows[(block.rows["setting"] == setting) & (block.rows["pair_set"] == pair_set)]
                if (rows["n_languages"] > 0).any():
                    lines(axes, rows, look, far=".3f")
                    axes.set_title(titled(setting if pair_set == ALL else place(setting, pair_set), rows))
                    axes.set_xlabel(N)
            without_empty(axes_of)[0].set_ylabel(f"{block.name}\nmAP (0 to 1)")
        legend(figure, left_out)
    return figure
