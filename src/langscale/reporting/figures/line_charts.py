"""The figures of a study, drawn from its tables alone: one function per figure."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from langscale.config.sampler import Spec
from langscale.config.terms import ALL
from langscale.reporting.comparison import NOT
from langscale.reporting.figures.style import (
    PANELS,
    RC,
    STYLES,
    Block,
    N,
    blank,
    blocks,
    counted,
    fits,
    grid_of,
    headline,
    legend,
    lines,
    looks,
    marks,
    named,
    number,
    select,
)
from langscale.reporting.wording import label


def comparable(published: pd.DataFrame, setting: str) -> pd.DataFrame:
    """The published values of mAP over all languages in one setting that the study may be compared with."""
    same = {"metric": "mAP", "query_language": ALL, "setting": setting}
    rows = (published[list(same)] == pd.Series(same)).all(axis=1) & (published["verdict"] != NOT)
    return published[rows & (published["n_languages"] > 0)]


def scaling(table: pd.DataFrame, curves: pd.DataFrame, published: pd.DataFrame, setting: str) -> Figure:
    """mAP against n in one setting: a panel per fixed pair set, a block of panels per benchmark and model.

    Corpora larger than memory have no mAP; in mono, nDCG@10 stands for it.
    """
    parts = [headline(table, metric, setting) for metric in ("mAP", "nDCG@10")]
    parts[1] = parts[1][~parts[1]["benchmark"].isin(parts[0]["benchmark"])]
    table = named(pd.concat(parts))
    if table.empty:
        return blank()
    look = looks(list(table.loc[table["n_languages"] > 0, "line"]))
    printed = named(comparable(published, setting), table)
    chosen = named(select(curves[curves["chosen"].eq(True)], metric="mAP", setting=setting), table)
    shown = [name for name in PANELS if name != ALL and name in set(table["pair_set"])]
    shown = [ALL] * (not shown or len(printed) > 0) + shown
    parts, columns = list(blocks(table)), len(shown) if len(shown) < 5 else 3
    high = -(-len(shown) // columns)
    with plt.rc_context(RC):
        figure, grid = grid_of(len(parts) * high, columns)
        for i, block in enumerate(parts):
            axes_of = grid[i * high : (i + 1) * high].flatten()
            for name, axes in zip(shown, axes_of, strict=False):
                rows = block.rows[block.rows["pair_set"] == name]
                lines(axes, rows, look)
                fits(axes, _same(chosen[chosen["pair_set"] == name], rows), look)
                star = _same(printed, rows) if name == ALL else printed[:0]
                colors = [look[line]["color"] for line in star["line"]]
                marks(axes, star["n_languages"], star["published"].astype(float), colors)
                title = PANELS[name] if setting != "mono" else PANELS[name].partition(" → ")[0] + " languages"
                axes.set_title(counted(title.replace("all languages languages", "all languages"), rows))
                axes.set_ylim(bottom=0)
                axes.set_xlabel(N)
            metric = block.rows["metric"].iloc[0]
            axes_of[0].set_ylabel("\n".join(filter(None, (f"{setting} {metric} (0 to 1)", block.name))))
            for axes in axes_of[len(shown) :]:
                axes.remove()
        legend(figure)
    return figure


def _same(found: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of another table that belong to the trained lines of a panel."""
    keys = ["benchmark", "model", "line"]
    there = pd.MultiIndex.from_frame(
        rows.loc[rows["n_languages"] > 0, keys] if len(rows) else found[:0][keys]
    )
    return found[pd.MultiIndex.from_frame(found[keys]).isin(there)] if len(found) else found


def _panels(
    parts: list[Block], panels: Mapping[str, pd.DataFrame], labels: Mapping[str, str], value: str
) -> Figure:
    """Lines against n: a row per block, a column per panel, whose rows are those of the panel's table."""
    look = looks([line for block in parts for line in block.rows.loc[block.rows["n_languages"] > 0, "line"]])
    with plt.rc_context(RC):
        figure, grid = grid_of(len(parts), len(panels))
        for block, axes_of in zip(parts, grid, strict=True):
            for (name, table), axes in zip(panels.items(), axes_of, strict=True):
                rows = table[table.index.isin(block.rows.index)]
                lines(axes, rows, look, value)
                axes.set_title(counted(name, rows))
                axes.set_ylabel(labels[name])
                axes.set_xlabel(N)
            if block.name:
                axes_of[0].set_ylabel(f"{block.name}\n{axes_of[0].get_ylabel()}")
        legend(figure)
    return figure


def bias(table: pd.DataFrame) -> Figure:
    """Rank distance, own-language advantage and own-language share of the top 10 against n, multi."""
    labels = {
        "rank distance": "positions",
        "own-language advantage": "positions",
        "own-language share@10": "share of the top 10 (0 to 1)",
    }
    names = {metric: metric.replace("@10", "") for metric in labels}
    table = named(pd.concat([headline(table, metric, "multi") for metric in labels]))
    if table.empty:
        return blank()
    panels = {names[metric]: table[table["metric"] == metric] for metric in labels}
    return _panels(list(blocks(table)), panels, {names[m]: text for m, text in labels.items()}, "value")


def shares(table: pd.DataFrame) -> Figure:
    """Which languages fill the top 10 against n: the question's own, others of the pool, others held out.

    Share divided by the share among the candidates, so that 1 is a blind ranking.
    """
    table = named(select(table, metric="share@10 ratio"))
    kinds = {
        "the question's own language": "own",
        "other pool languages": "other-pool",
        "other held-out languages": "other-heldout",
    }
    by = table["candidate_language"]
    panels = {kind: table[by == which] for kind, which in kinds.items() if which in set(by)}
    if not panels:
        return blank()
    return _panels(
        list(blocks(table)), panels, dict.fromkeys(panels, "share / share among candidates"), "value"
    )


def gaps(table: pd.DataFrame) -> Figure:
    """mAP within the pool minus mAP with held-out languages against n: mono, then cross by pair set."""
    table = named(select(table[table["setting"].isin(["mono", "cross"])]))
    if table.empty:
        return blank()
    panels = {
        f"{setting}: {PANELS[pair_set] if setting == 'cross' else 'held-out'}": rows
        for (setting, pair_set), rows in table.groupby(["setting", "pair_set"], sort=False)
    }
    labels = dict.fromkeys(panels, "") | {next(iter(panels)): "gap in mAP (pool minus these)"}
    figure = _panels(list(blocks(table)), panels, labels, "gap")
    for axes in figure.axes:
        axes.axhline(0, color="black", lw=0.6, zorder=0)
    return figure


def training(logs: pd.DataFrame) -> Figure:
    """Training loss against the step, mean over runs: a panel per sampler (model and budget), a line per n.

    logs: step, loss, sampler (a name that Spec.parse reads), n_languages, and model and budget where there are several.
    """
    specs = {name: Spec.parse(name) for name in logs["sampler"].unique()}
    called = {name: label({"sampler": spec.sampler, "alpha": spec.alpha}) for name, spec in specs.items()}
    logs = logs.assign(sampler=logs["sampler"].map(called))
    apart = [
        c for c in ("model", "sampler", "budget") if c == "sampler" or (c in logs and logs[c].nunique() > 1)
    ]
    logs = logs.assign(sampler=logs[apart].agg(" ".join, axis=1))
    samplers, sizes = list(logs["sampler"].unique()), sorted(logs["n_languages"].unique())
    columns = min(3, len(samplers))
    with plt.rc_context(RC):
        figure, grid = grid_of(-(-len(samplers) // columns), columns)
        top = logs.groupby(["sampler", "n_languages", "step"])["loss"].mean().max()
        for sampler, axes in zip(samplers, grid.flatten(), strict=False):
            rows = logs[logs["sampler"] == sampler]
            for n, part in rows.groupby("n_languages"):
                mean = part.groupby("step")["loss"].mean()
                color, _, style = STYLES[sizes.index(n) % len(STYLES)]
                axes.plot(mean.index, mean, color=color, ls=style, lw=1, label=f"n={n}")
            runs = rows.groupby(["n_languages", "step"]).size().groupby("n_languages").max()
            axes.set_title(f"{sampler}\n{number(runs, 'run')} per n")
            axes.set_ylim(0, 1.05 * top)
            axes.set_xlabel("training step")
        for row in grid:
            row[0].set_ylabel("InfoNCE (nats)")
        for axes in grid.flatten()[len(samplers) :]:
            axes.remove()
        # not every sampler has every n
        shown = {
            text: line
            for axes in grid.flatten()[: len(samplers)]
            for line in axes.lines
            for text in [line.get_label()]
        }
        figure.legend(
            [shown[f"n={n}"] for n in sizes], [f"n = {n}" for n in sizes], loc="outside lower center", ncols=8
        )
    return figure
