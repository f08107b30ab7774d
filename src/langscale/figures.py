"""The figures of a study, drawn from its tables alone."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.files import atomic
from langscale.grid import BM25, NONE, UNTRAINED
from langscale.layout import label

# Okabe and Ito's palette (2008), distinct for all kinds of colour vision; line style and marker tell apart in grey
STYLES = (
    ("#0072B2", "o", "-"), ("#D55E00", "s", "--"), ("#009E73", "^", "-."), ("#CC79A7", "D", ":"),
    ("#E69F00", "v", "-"), ("#56B4E9", "P", "--"), ("#000000", "X", "-."),
)  # fmt: skip
PANELS = {
    "all": "all languages",
    "pool": "pool languages (trained on, at the largest n)",
    "pool-heldout": "pool asks held-out",
    "heldout-pool": "held-out asks pool",
    "heldout": "held-out languages (never trained on)",
}
RC = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "legend.frameon": False, "svg.hashsalt": "langscale", "svg.fonttype": "none", "figure.dpi": 100, "savefig.dpi": 160,
}  # fmt: skip


def save(figure: Figure, folder: str | Path, name: str) -> None:
    """Write name.svg and name.png, the same bytes for the same tables."""
    for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
        with plt.rc_context(RC), atomic(Path(folder) / f"{name}.{kind}") as partial:
            figure.savefig(partial, format=kind, metadata=metadata, bbox_inches="tight")
    plt.close(figure)


def headline(scaling: pd.DataFrame, metric: str, setting: str) -> pd.DataFrame:
    """The rows of one metric and setting over all languages, macro, last checkpoint, random ladders."""
    fixed = {"query_language": "all", "candidate_language": "all", "status": "all", "average": "macro"}
    fixed |= {"checkpoint": "last", "metric": metric, "setting": setting}
    rows = (scaling[list(fixed)] == pd.Series(fixed)).all(axis=1)
    return scaling[rows & scaling["ladder"].isin(["all"])]


def curves(axes: Axes, table: pd.DataFrame) -> None:
    """Value against n with procedure intervals, a line per sampler (and budget), and the baselines across."""
    trained = table[table["n_languages"] > 0]
    several = trained["budget"].nunique() > 1
    lines = trained.groupby([trained.apply(label, axis=1), "budget"], sort=False)
    for i, ((sampler, budget), line) in enumerate(lines):
        color, marker, style = STYLES[i % len(STYLES)]
        line = line.sort_values("n_languages")
        # a small shift keeps the intervals of several lines apart
        x = line["n_languages"] * (1 + 0.03 * (i - (lines.ngroups - 1) / 2))
        axes.plot(
            x,
            line["value"],
            color=color,
            ls=style,
            marker=marker,
            ms=4,
            label=f"{sampler} {budget * several}".strip(),
        )
        axes.vlines(x, line["ci_low"], line["ci_high"], color=color, lw=1)
    for sampler, style, text in ((UNTRAINED, (0, (5, 3)), "untrained"), (NONE, (0, (1, 2)), "BM25")):
        for _, row in table[table["sampler"] == sampler].iterrows():
            axes.axhline(row["value"], color="0.35", ls=style, lw=1, label=text)
            axes.axhspan(row["ci_low"], row["ci_high"], color="0.5", alpha=0.12, lw=0)
    ticks = sorted(trained["n_languages"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(n) for n in ticks])
    axes.minorticks_off()
    axes.set_xlabel("training languages n")


def _models(table: pd.DataFrame) -> list[tuple[str, str]]:
    pairs = table[["benchmark", "model"]][table["model"] != BM25].drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def _of(table: pd.DataFrame, benchmark: str, model: str) -> pd.DataFrame:
    return table[(table["benchmark"] == benchmark) & table["model"].isin([model, BM25])]


def scaling(table: pd.DataFrame, setting: str) -> Figure:
    """mAP against n in one setting: a panel per fixed pair set, a row per benchmark and model."""
    table = headline(table, "mAP", setting)
    if table.empty:
        return _blank()
    shown = [name for name in PANELS if name != "all" and name in set(table["pair_set"])] or ["all"]
    rows = _models(table)
    with plt.rc_context(RC):
        size = (3.1 * len(shown), 2.9 * len(rows))
        figure, grid = plt.subplots(len(rows), len(shown), figsize=size, squeeze=False, layout="constrained")
        for (benchmark, model), line in zip(rows, grid, strict=True):
            for name, axes in zip(shown, line, strict=True):
                panel = _of(table[table["pair_set"] == name], benchmark, model)
                curves(axes, panel)
                axes.set_title(PANELS[name], fontsize=9)
                axes.set_ylim(bottom=0)
            line[0].set_ylabel(f"{setting} mAP ({benchmark}, {model})")
        _legend(figure, grid[0][0])
    return figure


def bias(table: pd.DataFrame) -> Figure:
    """Rank distance, own-language advantage and own-language share of the top 10 against n, multi."""
    metrics = {
        "rank distance": "rank distance (positions)",
        "own-language advantage": "own-language advantage (positions)",
        "own-language share@10": "own language in the top 10 (share)",
    }
    rows = _models(table[table["metric"] == "rank distance"])
    if not rows:
        return _blank()
    with plt.rc_context(RC):
        size = (3.4 * len(metrics), 2.9 * len(rows))
        figure, grid = plt.subplots(
            len(rows), len(metrics), figsize=size, squeeze=False, layout="constrained"
        )
        for (benchmark, model), line in zip(rows, grid, strict=True):
            for (metric, text), axes in zip(metrics.items(), line, strict=True):
                curves(axes, _of(headline(table, metric, "multi"), benchmark, model))
                axes.set_ylabel(text)
        _legend(figure, grid[0][0])
    return figure


def transfer(table: pd.DataFrame) -> Figure:
    """Held-out languages by script and branch: cross mAP untrained, at the smallest and at the largest n."""
    table = table[
        (table["setting"] == "cross") & (table["average"] == "macro") & (table["checkpoint"] == "last")
    ]
    table = table[table["ladder"] == "all"]
    if table.empty:
        return _blank()
    facts = table[["group", "languages", "group_in_pool"]].drop_duplicates()
    # a script and a branch with the same languages are one line
    groups = [
        (
            codes,
            f"{' = '.join(rows['group'].unique())} ({codes}){'' if rows['group_in_pool'].any() else ' *'}",
        )
        for codes, rows in facts.groupby("languages", sort=False)
    ]
    table = table.assign(sampler=table.apply(label, axis=1))
    samplers = [s for s in table["sampler"].unique() if s not in (UNTRAINED, "BM25")]
    largest, smallest = table["n_languages"].max(), table.loc[table["n_languages"] > 0, "n_languages"].min()
    rows = _models(table)
    with plt.rc_context(RC):
        size = (10, (0.42 * len(groups) + 1.2) * len(rows))
        figure, grid = plt.subplots(
            len(rows), 2, figsize=size, squeeze=False, layout="constrained", sharey=True
        )
        for (benchmark, model), line in zip(rows, grid, strict=True):
            for pair_set, axes in zip(("heldout-pool", "pool-heldout"), line, strict=True):
                part = _of(table[table["pair_set"] == pair_set], benchmark, model)
                for y, (codes, _) in enumerate(groups):
                    here = part[part["languages"] == codes].drop_duplicates(
                        ["sampler", "n_languages", "budget"]
                    )
                    _dots(axes, y, here, samplers, smallest, largest)
                axes.set_yticks(range(len(groups)), [name for _, name in groups])
                axes.set_title(PANELS[pair_set], fontsize=9)
                note = "; * no pool language shares it" if pair_set == "heldout-pool" else ""
                axes.set_xlabel(f"cross mAP ({benchmark}, {model}){note}")
                axes.set_xlim(left=0)
            line[0].invert_yaxis()
        _legend(figure, grid[0][0])
    return figure


def _dots(
    axes: Axes, y: int, here: pd.DataFrame, samplers: Sequence[str], smallest: int, largest: int
) -> None:
    wanted = [("BM25", "BM25", 0, "0.6", "+"), ("untrained", UNTRAINED, 0, "0.35", "|")]
    wanted += [(f"{s} n={largest}", s, largest, STYLES[i][0], STYLES[i][1]) for i, s in enumerate(samplers)]
    alike = "" if smallest == 1 else f"{samplers[0]} "  # at n = 1 all samplers are one
    wanted.insert(2, (f"{alike}n={smallest}", samplers[0], smallest, "#E69F00", "x"))
    for i, (text, sampler, n, color, marker) in enumerate(wanted):
        offset = 0.13 * (i - (len(wanted) - 1) / 2)
        for _, row in here[(here["sampler"] == sampler) & (here["n_languages"] == n)].iterrows():
            axes.plot(row["value"], y + offset, color=color, marker=marker, ms=5, ls="", label=text)
            axes.hlines(y + offset, row["ci_low"], row["ci_high"], color=color, lw=1)


def training(logs: pd.DataFrame) -> Figure:
    """Training loss against the step, mean over runs: a panel per sampler (model and budget), a line per n.

    logs: step, loss, sampler, n_languages, and model and budget where there are several.
    """
    apart = [
        c for c in ("model", "sampler", "budget") if c == "sampler" or (c in logs and logs[c].nunique() > 1)
    ]
    logs = logs.assign(sampler=logs[apart].agg(" ".join, axis=1))
    samplers, sizes = list(logs["sampler"].unique()), sorted(logs["n_languages"].unique())
    with plt.rc_context(RC):
        size = (3.3 * len(samplers), 2.8)
        figure, grid = plt.subplots(
            1, len(samplers), figsize=size, squeeze=False, sharey=True, layout="constrained"
        )
        for sampler, axes in zip(samplers, grid[0], strict=True):
            for n, part in logs[logs["sampler"] == sampler].groupby("n_languages"):
                mean = part.groupby("step")["loss"].mean()
                color, _, style = STYLES[sizes.index(n) % len(STYLES)]
                axes.plot(mean.index, mean, color=color, ls=style, lw=1.2, label=f"n={n}")
            axes.set_title(sampler, fontsize=9)
            axes.set_xlabel("step")
            axes.legend(fontsize=8)
        grid[0][0].set_ylabel("InfoNCE (nats)")
    return figure


def _blank() -> Figure:
    """Where all benchmarks are larger than memory: no figure but the files, which the report expects."""
    figure = plt.figure(figsize=(5, 1))
    figure.text(0.5, 0.5, "no benchmark of this study has these measures", ha="center", va="center")
    return figure


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=min(7, len(once)))
