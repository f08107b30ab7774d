"""The gain from more training languages: paired differences to the smallest number of them."""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.config.terms import ALL, UNTRAINED
from langscale.reporting.figures.line_charts import HEIGHT, panel_title
from langscale.reporting.figures.style import (
    RC,
    Baseline,
    Look,
    N,
    blank,
    blocks,
    fitting,
    grid_of,
    legend,
    looks,
    named,
    near_or_number,
    number_axis,
    titled,
    without_empty,
)
from langscale.reporting.wording import PAIR_SETS, count
from langscale.retrieval.measures import MAP, NDCG_AT_10

CELL = ("model", "sampler", "alpha", "budget", "n_languages")
KEYS = ["benchmark", "setting", "pair_set", "metric", "model", "line"]


@dataclass(frozen=True)
class Gains:
    """Differences to `start`, the smallest n_languages of a model's lines. Lines without it are left out.

    lines: KEYS, n_languages, start, difference and its interval. replicates: KEYS, n_languages, difference of
    a single replicate. untrained: KEYS, difference of the untrained encoder to `start` and its interval.
    """

    lines: pd.DataFrame
    replicates: pd.DataFrame
    untrained: pd.DataFrame


def gains(contrasts: pd.DataFrame, seeds: pd.DataFrame, setting: str) -> Gains:
    """The differences in mAP of one setting over all languages, from contrasts.csv and seeds.csv.

    Benchmarks without the setting have nDCG@10 in mono. Random language orders, last checkpoint, macro
    average.
    """
    fixed = {"candidate_language": ALL, "query_language": ALL, "checkpoint": "last", "average": "macro"}
    fixed |= {"cell_ladder": ALL, "reference_ladder": ALL}
    rows = contrasts[(contrasts[list(fixed)] == pd.Series(fixed, dtype=object)).all(axis=1)]
    ranked = (rows["setting"] == setting) & (rows["metric"] == MAP.name)
    lists = (rows["setting"] == "mono") & (rows["metric"] == NDCG_AT_10.name)
    rows = rows[ranked | (lists & ~rows["benchmark"].isin(rows.loc[ranked, "benchmark"]))]
    rows = named(rows[rows["cell_n_languages"] > 0], side="cell_")
    rows = rows.rename(columns={f"cell_{name}": name for name in CELL})

    def same(name: str) -> pd.Series:
        reference, cell = rows[f"reference_{name}"], rows[name]
        return reference.eq(cell) | (reference.isna() & cell.isna())

    along = rows[same("model") & same("sampler") & same("alpha")]
    own = same("budget")[along.index]
    # budgets share their runs of one language, and a declared contrast may name another budget for them
    one = named(seeds[seeds["n_languages"] > 0]).query("n_languages == 1")[KEYS].drop_duplicates()
    shared = along[~own & (along["reference_n_languages"] == 1)].merge(one, on=KEYS)
    along = pd.concat([along[own], shared]).drop_duplicates([*KEYS, "n_languages", "reference_n_languages"])
    smallest = along.groupby(KEYS)["reference_n_languages"].min().rename("start").reset_index()
    # a panel has one start: a line without runs of it, such as a control at large n, is left out
    smallest = smallest[
        smallest["start"] == smallest.groupby(["benchmark", "model"])["start"].transform("min")
    ]
    lines = along.merge(smallest, on=KEYS)
    lines = lines[lines["reference_n_languages"] == lines["start"]]
    untrained = rows[rows["reference_sampler"] == UNTRAINED].merge(smallest, on=KEYS)
    untrained = untrained[untrained["n_languages"] == untrained["start"]]
    turned = {name: -untrained[name] for name in ("difference", "ci_low", "ci_high")}
    turned["ci_low"], turned["ci_high"] = turned["ci_high"], turned["ci_low"]
    return Gains(lines, _replicates(seeds, smallest), untrained.assign(**turned))


def _replicates(seeds: pd.DataFrame, smallest: pd.DataFrame) -> pd.DataFrame:
    """The difference of every replicate to its own value at the smallest n_languages."""
    rows = named(seeds[(seeds["n_languages"] > 0) & (seeds["checkpoint"] == "last")]).merge(smallest, on=KEYS)
    rows = rows[rows["ladder"].astype(str).str.isdigit()]  # named language orders are no replicates
    keys = [*KEYS, "ladder", "seed"]
    start = rows.loc[rows["n_languages"] == rows["start"], [*keys, "value"]]
    rows = rows[rows["n_languages"] > rows["start"]].merge(start, on=keys, suffixes=("", "_start"))
    return rows.assign(difference=rows["value"] - rows["value_start"])


def gain(contrasts: pd.DataFrame, seeds: pd.DataFrame, setting: str = "cross") -> Figure:
    """A panel per pair set, a block per benchmark and model: the gain over the smallest n_languages.

    Replicates are small points. The untrained encoder lies at its own difference to the smallest n_languages.
    Intervals of paired differences are narrower than those of values, since differences between queries
    cancel.
    """
    found = gains(contrasts, seeds, setting)
    if found.lines.empty:
        return blank()
    shown = [name for name in PAIR_SETS if name in set(found.lines["pair_set"])]
    shown = [name for name in shown if name != ALL] or shown
    parts, left_out = fitting(list(blocks(found.lines)), HEIGHT)
    look = looks(found.lines["line"])
    with plt.rc_context(RC):
        figure, grid = grid_of(len(parts), len(shown), HEIGHT)
        for block, axes_of in zip(parts, grid, strict=True):
            for name, axes in zip(shown, axes_of, strict=True):
                rows = block.rows[block.rows["pair_set"] == name]
                if rows.empty:
                    continue
                panel = rows[KEYS].drop_duplicates()
                others = (table.merge(panel, on=KEYS) for table in (found.replicates, found.untrained))
                _panel(axes, Gains(rows, *others), look)
                axes.set_title(titled(panel_title(rows["setting"].iloc[0], name), rows))
                axes.set_xlabel(N)
            first = block.rows.iloc[0]
            what = f"gain in {first['setting']} {first['metric']}\nover {count(first['start'], 'language')}"
            without_empty(axes_of)[0].set_ylabel("\n".join(filter(None, (what, block.name))))
        legend(figure, left_out)
    return figure


def _panel(axes: Axes, found: Gains, look: dict[str, Look]) -> None:
    """The differences of one panel."""
    shown = [name for name in look if name in set(found.lines["line"])]
    start = int(found.lines["start"].iloc[0])
    axes.axhline(0, color="black", lw=0.6, zorder=0)
    for i, name in enumerate(shown):
        shift = 1 + 0.03 * (i - (len(shown) - 1) / 2)
        line = found.lines[found.lines["line"] == name].sort_values("n_languages")
        x, color = line["n_languages"] * shift, look[name]["color"]
        axes.plot([start, *x], [0, *line["difference"]], ms=3.5, lw=1, label=name, **look[name])
        if line["ci_low"].notna().any():
            axes.vlines(x, line["ci_low"], line["ci_high"], color=color, lw=1)
        own = found.replicates[found.replicates["line"] == name]
        axes.plot(
            own["n_languages"] * shift, own["difference"], ls="", marker=".", ms=3, color=color, alpha=0.5
        )
    baselines = [
        Baseline(row["difference"], row["ci_low"], row["ci_high"], (0, (5, 3)), "untrained")
        for _, row in found.untrained.drop_duplicates(["difference"]).iterrows()
    ]
    near_or_number(axes, baselines, "+.2f")
    number_axis(axes, [start, *found.lines["n_languages"]])
