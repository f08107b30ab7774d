"""The common parts of the figures: style, files, blocks of panels, lines against n_languages, legend."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.typing import RcKeyType

from langscale.config.terms import ALL, BM25, NONE, UNTRAINED
from langscale.core.files import atomic
from langscale.reporting.wording import count, label
from langscale.statistics.curve_shapes import curve

# Okabe and Ito's palette (2008), distinct for all kinds of colour vision; line and marker differ in grey
STYLES = (
    ("#0072B2", "o", "-"), ("#D55E00", "s", "--"), ("#009E73", "^", "-."), ("#CC79A7", "D", ":"),
    ("#E69F00", "v", "-"), ("#56B4E9", "P", "--"), ("#000000", "X", "-."),
)  # fmt: skip
FIRST = ("x-x-mono", "x-y", "hybrid 0.5")  # look the same in every study
MAIN = {"en-en", "x-x", "x-x-mono", "x-y", "hybrid"}  # the others are controls
WIDTH = 7.0  # inches, the text of a page: letters keep their size in print
TALLEST = 12.0  # inches; further blocks are named below the figure
RC: dict[RcKeyType, Any] = {
    "font.size": 8, "axes.titlesize": 7, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "legend.fontsize": 7.5, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.alpha": 0.25, "legend.frameon": False, "svg.hashsalt": "langscale", "svg.fonttype": "none",
    "figure.dpi": 100, "savefig.dpi": 200,
}  # fmt: skip
N = "training languages"
BETWEEN = ", "  # sampler and budget in the name of a line
FITTED = "fitted curve "  # and the name of the line, as the gid of a curve


class Look(TypedDict):
    """The appearance of a line, as arguments of Axes.plot."""

    color: str
    marker: str
    ls: str
    mfc: str


@dataclass(frozen=True)
class Block:
    """Rows of a table for a row of panels: one benchmark and model. With many lines, one budget and kind."""

    name: str
    rows: pd.DataFrame


def save(figure: Figure, folder: str | Path, name: str) -> None:
    """Write name.svg and name.png, the same bytes for the same tables."""
    for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
        with plt.rc_context(RC), atomic(Path(folder) / f"{name}.{kind}") as partial:
            figure.savefig(partial, format=kind, metadata=metadata, bbox_inches="tight")
    plt.close(figure)


def blank() -> Figure:
    """A figure without panels: no benchmark of the study has its measures."""
    figure = plt.figure(figsize=(5, 1))
    figure.text(0.5, 0.5, "no benchmark of this study has these measures", ha="center", va="center")
    return figure


def select(table: pd.DataFrame, **values: str) -> pd.DataFrame:
    """The rows with these values, of random language orders, the last checkpoint and the macro average."""
    fixed = values | {"ladder": ALL, "checkpoint": "last", "average": "macro"}
    fixed = {name: value for name, value in fixed.items() if name in table}
    return table[(table[list(fixed)] == pd.Series(fixed, dtype=object)).all(axis=1)]


def headline(scaling: pd.DataFrame, metric: str, setting: str) -> pd.DataFrame:
    """The rows of scaling.csv of one metric and setting over all languages."""
    everything = {"query_language": ALL, "candidate_language": ALL, "status": ALL}
    return select(scaling, metric=metric, setting=setting, **everything)


def named(table: pd.DataFrame, like: pd.DataFrame | None = None, side: str = "") -> pd.DataFrame:
    """The table with a column `line`: the sampler, and the budget if `like` has trained rows of several."""
    like = table if like is None else like
    line = pd.Series([label(row, side) for _, row in table.iterrows()], index=table.index, dtype=object)
    if like.loc[like[f"{side}n_languages"] > 0, f"{side}budget"].nunique() > 1:
        line = line + (BETWEEN + table[f"{side}budget"]).where(table[f"{side}budget"] != NONE, "")
    return table.assign(line=line)


def looks(lines: Iterable[str]) -> dict[str, Look]:
    """Colour, marker and style of every line, the paper's samplers first.

    A sampler has one colour and marker. Its line is solid and filled under the first budget of `lines`, and
    dashed or dotted with hollow markers under the others. With one budget the styles differ by sampler, and
    markers are hollow after seven samplers.
    """
    names = [name.partition(BETWEEN)[::2] for name in dict.fromkeys(lines)]
    samplers = [*FIRST, *sorted({sampler for sampler, _ in names} - set(FIRST))]
    budgets = list(dict.fromkeys(budget for _, budget in names)) or [""]
    found: dict[str, Look] = {}
    for i, sampler in enumerate(samplers):
        color, marker, _ = STYLES[i % len(STYLES)]
        style = STYLES[(i + i // len(STYLES)) % len(STYLES)][2]
        for k, budget in enumerate(budgets):
            filled = color if k == 0 and i < len(STYLES) else "white"
            by_budget = STYLES[k % len(STYLES)][2] if len(budgets) > 1 else style
            name = BETWEEN.join(filter(None, (sampler, budget)))
            found[name] = {"color": color, "marker": marker, "ls": by_budget, "mfc": filled}
    return found


def blocks(table: pd.DataFrame, most: int = 8) -> Iterator[Block]:
    """The blocks of a named table with trained rows: a benchmark and a model each.

    A block of more than `most` lines is split by budget, and each budget into samplers and controls.
    """
    several = table["benchmark"].nunique() * table.loc[table["model"] != BM25, "model"].nunique() > 1
    for benchmark, model in product(table["benchmark"].unique(), table["model"].unique()):
        rows = table[(table["benchmark"] == benchmark) & table["model"].isin([model, BM25])]
        name = f"{benchmark}, {model}" if several else ""
        if model == BM25 or not (rows["model"] == model).any():
            continue
        trained = rows[rows["n_languages"] > 0]
        if trained.empty:
            continue
        if trained["line"].nunique() <= most:
            yield Block(name, rows)
            continue
        main = rows["sampler"].isin(MAIN)
        for budget, (kind, of_kind) in product(trained["budget"].unique(), (("", main), ("controls", ~main))):
            part = rows[((rows["budget"] == budget) & of_kind) | (rows["n_languages"] == 0)]
            if (part["n_languages"] > 0).any():
                yield Block(", ".join(filter(None, (name, budget, kind))), part)


def fitting(parts: Sequence[Block], height: float) -> tuple[list[Block], list[str]]:
    """(the blocks of `height` inches each within TALLEST, the names of the blocks beyond it)."""
    most = max(1, int(TALLEST / height))
    return list(parts[:most]), [part.name for part in parts[most:]]


def grid_of(rows: int, columns: int, height: float = 2.0) -> tuple[Figure, np.ndarray]:
    """A figure of a page's width with rows x columns axes. The caller is in rc_context(RC)."""
    return plt.subplots(
        rows, columns, figsize=(WIDTH, height * rows + 0.5), squeeze=False, layout="constrained"
    )


BASELINES = ((UNTRAINED, (0, (5, 3)), "untrained"), (NONE, (0, (1, 2)), "BM25"))
ROOM = 0.6  # of the height of the lines, on either side: a baseline beyond it is a number


def lines(
    axes: Axes, table: pd.DataFrame, look: dict[str, Look], value: str = "value", far: str = ""
) -> None:
    """Value against n_languages, with intervals over runs and queries. The baselines are horizontal lines.

    far: format of the number of a baseline that is far from the lines; empty: its line is drawn all the same.
    """
    trained = table[table["n_languages"] > 0]
    shown = [name for name in look if name in set(trained["line"])]
    for i, name in enumerate(shown):
        rows = trained[trained["line"] == name].sort_values("n_languages")
        # a small shift keeps the intervals of several lines apart
        x = rows["n_languages"] * (1 + 0.03 * (i - (len(shown) - 1) / 2))
        axes.plot(x, rows[value], ms=3.5, lw=1, label=name, **look[name])
        if "ci_low" in rows and rows["ci_low"].notna().any():
            axes.vlines(x, rows["ci_low"], rows["ci_high"], color=look[name]["color"], lw=1)
    baselines = [
        Baseline(row[value], row.get("ci_low"), row.get("ci_high"), style, text)
        for sampler, style, text in BASELINES
        for _, row in table[table["sampler"] == sampler].iterrows()
    ]
    if far:
        near_or_number(axes, baselines, far)
    else:
        for baseline in baselines:
            across(axes, *baseline)
    number_axis(axes, trained["n_languages"])


class Baseline(NamedTuple):
    """A baseline: its value and interval, the style of its line and its name."""

    value: float
    low: float | None
    high: float | None
    style: tuple[int, tuple[int, int]]
    text: str


def near_or_number(axes: Axes, baselines: Iterable[Baseline], form: str) -> None:
    """Baselines within ROOM of what the axes show are lines. The others are numbers at the border.

    A line far away would press the others together. form: format of the number.
    """
    low, high = axes.get_ylim()
    edges = {"top": 0.97, "bottom": 0.03}
    far_away: dict[str, list[str]] = {side: [] for side in edges}
    for one in baselines:
        if low - ROOM * (high - low) < one.value < high + ROOM * (high - low):
            across(axes, *one)
        else:
            far_away["bottom" if one.value < low else "top"].append(f"{one.text} {one.value:{form}}")
    for side, texts in far_away.items():
        axes.text(
            0.97, edges[side], "\n".join(texts), transform=axes.transAxes, ha="right", va=side, fontsize=6.5,
            color="0.35",
        )  # fmt: skip


SHARES = (0.001, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.999)  # ticks of a logit axis


def logit_axis(axes: Axes, values: Iterable[float]) -> None:
    """A vertical axis of shares by their log-odds, which covers these values but 0 and 1.

    Shares near 0 and 1 stay apart, and 1/2 is in the middle between a share and its complement.
    """
    found = np.array([value for value in values if 0 < value < 1])
    if not len(found):
        return
    low, high = (np.log(end / (1 - end)) for end in (found.min(), found.max()))
    room = 0.06 * (high - low) + 0.1
    axes.set_yscale("logit")
    ends = [1 / (1 + np.exp(-end)) for end in (low - room, high + room)]
    ticks = [tick for tick in SHARES if ends[0] <= tick <= ends[1]]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylim(*ends)
    axes.minorticks_off()


def across(
    axes: Axes,
    value: float,
    low: float | None,
    high: float | None,
    style: tuple[int, tuple[int, int]],
    text: str,
) -> None:
    """A baseline: a grey line with its interval as a band."""
    axes.axhline(value, color="0.35", ls=style, lw=1, label=text)
    if low is not None and high is not None and pd.notna(low):
        axes.axhspan(low, high, color="0.5", alpha=0.12, lw=0)


def number_axis(axes: Axes, n: Iterable[int]) -> None:
    """A logarithmic axis with a tick at each number of training languages."""
    ticks = sorted(set(n))
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, _tick_labels(ticks))
    axes.minorticks_off()


def _tick_labels(ticks: Sequence[int]) -> list[str]:
    """The labels of a logarithmic axis, without a label that would overlap the next larger one."""
    labels, next_one = [], np.inf
    for n in reversed(ticks):
        free = np.log2(next_one / n) > 0.11 * np.log2(ticks[-1] / ticks[0])
        labels.append(str(n) if free else "")
        next_one = n if free else next_one
    return labels[::-1]


def fits(axes: Axes, chosen: pd.DataFrame, look: dict[str, Look]) -> None:
    """The fitted curves of rows of curves.csv (`chosen`), thin, over the n_languages of the fit."""
    for _, row in chosen.iterrows():
        n = [int(text) for text in str(row["n_values"]).split()]
        x = np.geomspace(n[0], n[-1], 60)
        y = curve(row["curve"], row[["a", "b", "c"]].to_numpy(dtype=float), x)
        axes.plot(x, y, color=look[row["line"]]["color"], lw=0.6, gid=f"{FITTED}{row['line']}")


def marks(axes: Axes, x: Iterable[float], y: Iterable[float], colors: Iterable[str]) -> None:
    """Published values as stars."""
    for here, there, color in zip(x, y, colors, strict=True):
        axes.plot(here, there, "*", color=color, ms=8, mec="black", mew=0.5, gid="published")


def number(values: pd.Series, what: str) -> str:
    """`4 replicates`, or `2-4 replicates` for values that differ."""
    low, high = values.min(), values.max()
    return count(high, what) if low == high else f"{low:,.0f}-{count(high, what)}"


def counts(table: pd.DataFrame) -> list[str]:
    """The numbers of queries and of replicates behind the points of a panel.

    Queries by language if the table has n_queries_each and n_query_languages, else all together.
    """
    trained = table[table["n_languages"] > 0]
    if trained.empty or "n_runs" not in trained:
        return []
    found = [number(trained["n_runs"], "replicate")]
    if "n_queries_each" in trained and trained["n_queries_each"].notna().all():
        languages = trained["n_query_languages"]
        several = f" × {number(languages, 'language')}" if languages.max() > 1 else ""
        found.insert(0, number(trained["n_queries_each"], "query") + several)
    elif "n_queries" in trained:
        found.insert(0, number(trained["n_queries"], "query"))
    return found


def titled(title: str, table: pd.DataFrame) -> str:
    """A panel's title, and below it its `counts`."""
    return "\n".join([title, *counts(table)])


def _legend_columns(names: Sequence[str]) -> int:
    """As many entries side by side as a page has room for: all of them, else equal columns."""
    widths = [40 + 4.2 * max(map(len, name.split("\n"))) for name in names]  # points: handle, gap and letters
    return len(names) if sum(widths) <= 72 * WIDTH else max(1, int(72 * WIDTH / max(widths)))


def without_empty(axes_of: Iterable[Axes]) -> list[Axes]:
    """The axes with data. The others leave the figure."""
    drawn = []
    for axes in axes_of:
        if axes.has_data():
            drawn.append(axes)
        else:
            axes.remove()
    return drawn


def legend(figure: Figure, left_out: Sequence[str] = (), order: Sequence[str] = ()) -> None:
    """One legend below the figure for all its panels, and the names of blocks without room.

    order: the entries that come first, in this order.
    """
    found: dict[str, Any] = {}  # the stubs of legend() know no tuple of handles
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        for name, handle in zip(labels, handles, strict=True):
            found.setdefault(name, handle)
    drawn = {line.get_gid() or "": line for axes in figure.axes for line in axes.lines}
    fitted = {gid.removeprefix(FITTED): line for gid, line in drawn.items() if gid.startswith(FITTED)}
    if fitted:
        # one entry, as narrow as others; side by side, the curves' colours
        found[textwrap.fill(f"{FITTED}({', '.join(fitted)})", 30)] = tuple(fitted.values())
    if "published" in drawn:
        found["published"] = Line2D([], [], color="0.6", marker="*", ms=8, mec="black", mew=0.5, ls="")
    found = {name: found[name] for name in order if name in found} | found
    if found:
        text = f"Not drawn, for lack of room: {'; '.join(left_out)}." if left_out else None
        figure.legend(
            list(found.values()), list(found), loc="outside lower center", ncols=_legend_columns(list(found)),
            handler_map={tuple: HandlerTuple(ndivide=None)},
            title=textwrap.fill(text, 110) if text else None, title_fontsize=6.5,
        )  # fmt: skip
