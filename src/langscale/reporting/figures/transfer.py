"""Held-out languages by script and branch."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.config.terms import BM25, UNTRAINED
from langscale.languages.families import script_name
from langscale.reporting.figures.style import (
    RC,
    STYLES,
    WIDTH,
    Block,
    Look,
    blank,
    fitting,
    legend,
    looks,
    select,
    titled,
)
from langscale.reporting.wording import PAIR_SETS, count, label


def transfer(table: pd.DataFrame) -> Figure:
    """Cross mAP of held-out languages by script and branch: untrained, smallest and largest n_languages."""
    table = select(table, setting="cross")
    if table.empty:
        return blank()
    groups = _groups(table)
    table = table.assign(sampler=[label(row) for _, row in table.iterrows()])
    samplers = [s for s in table["sampler"].unique() if s not in (UNTRAINED, "BM25")]
    pairs = table[["benchmark", "model"]][table["model"] != BM25].drop_duplicates()
    parts = [
        Block(f"{b}, {m}", table[(table["benchmark"] == b) & table["model"].isin([m, BM25])])
        for b, m in pairs.itertuples(index=False, name=None)
    ]
    height = 0.34 * len(groups) + 1.0
    kept, left_out = fitting(parts, height)
    dots = _dots(table, samplers)
    with plt.rc_context(RC):
        figure, grid = plt.subplots(
            len(kept), 2, figsize=(WIDTH, height * len(kept) + 0.4), squeeze=False, layout="constrained",
            sharey="row",
        )  # fmt: skip
        for block, line in zip(kept, grid, strict=True):
            for pair_set, axes in zip(("heldout-pool", "pool-heldout"), line, strict=True):
                rows = block.rows[block.rows["pair_set"] == pair_set]
                for y, codes in enumerate(groups):
                    here = rows[rows["languages"] == codes]
                    _group(axes, y, here.drop_duplicates(["sampler", "n_languages", "budget"]), dots)
                axes.set_yticks(range(len(groups)), list(groups.values()))
                axes.set_title(titled(PAIR_SETS[pair_set], rows))
                axes.set_xlabel("cross mAP (0 to 1)" + (f"\n{block.name}" if len(parts) > 1 else ""))
                axes.set_xlim(left=0)
            line[0].invert_yaxis()
        legend(figure, left_out)
    return figure


def _groups(table: pd.DataFrame) -> dict[str, str]:
    """Language codes of a group -> its name. A script and a branch with the same languages are one group."""
    facts = table[["grouping", "group", "languages", "group_in_pool"]].drop_duplicates()
    found = {}
    for codes, rows in facts.groupby("languages", sort=False):
        names = [
            f"{script_name(row['group'])} script" if row["grouping"] == "script" else row["group"]
            for _, row in rows.iterrows()
        ]
        star = "" if rows["group_in_pool"].any() else " *"
        found[str(codes)] = f"{', '.join(names)} ({_short(str(codes))}){star}"
    return found


def _short(codes: str, most: int = 8) -> str:
    """The first codes, and the number of further ones."""
    found = codes.split()
    return codes if len(found) <= most else f"{' '.join(found[: most - 1])} +{len(found) - most + 1}"


def _dots(table: pd.DataFrame, samplers: Sequence[str]) -> dict[tuple[str, int], tuple[str, str, str]]:
    """(sampler, n_languages) of every point of a group -> its name, colour and marker, from top to bottom."""
    largest, smallest = table["n_languages"].max(), table.loc[table["n_languages"] > 0, "n_languages"].min()
    look: dict[str, Look] = looks(samplers)
    found = {("BM25", 0): ("BM25", "0.6", "+"), (UNTRAINED, 0): ("untrained", "0.35", "|")}
    if smallest < largest:
        # with one language all samplers are the same
        sampler = "" if smallest == 1 else f"{samplers[0]}, "
        found[samplers[0], smallest] = (sampler + count(smallest, "language"), STYLES[4][0], "x")
    for name in samplers:
        text = f"{name}, {count(largest, 'language')}"
        found[name, largest] = (text, look[name]["color"], look[name]["marker"])
    return found


def _group(axes: Axes, y: int, here: pd.DataFrame, dots: dict[tuple[str, int], tuple[str, str, str]]) -> None:
    """The points of one group around height y."""
    for i, ((sampler, n), (text, color, marker)) in enumerate(dots.items()):
        offset = 0.13 * (i - (len(dots) - 1) / 2)
        for _, row in here[(here["sampler"] == sampler) & (here["n_languages"] == n)].iterrows():
            axes.plot(row["value"], y + offset, color=color, marker=marker, ms=3.5, ls="", label=text)
            axes.hlines(y + offset, row["ci_low"], row["ci_high"], color=color, lw=0.8)
