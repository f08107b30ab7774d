"""The mAP of every pair of languages, and its gain from more training languages."""

from collections.abc import Sequence
from itertools import groupby

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.claims.sampler_choice import choose, curves_of, rows_of
from langscale.config.terms import BM25
from langscale.languages.codes import spoken
from langscale.languages.families import branch, family, script, script_name
from langscale.reporting.figures.style import RC, WIDTH, Block, blank, counts, fitting, named, select
from langscale.reporting.wording import count
from langscale.retrieval.measures import MAP

BESIDE = 36  # up to so many languages, mAP and gain stand side by side; more need the whole width
SMALLEST = 0.105  # inches of a cell with a readable language code
PRINTED = 12  # up to so many languages, the cells have room for their values


def order(codes: Sequence[str]) -> list[str]:
    """By script, then family, branch and code."""
    return sorted(codes, key=lambda code: (script(code), family(code), branch(code), code))


def cells(rows: pd.DataFrame, asked: list[str], offered: list[str]) -> np.ndarray:
    """MAP [Q, C], query languages by candidate languages; nan for a pair without queries."""
    wide = rows.pivot(index="query_language", columns="candidate_language", values="value")
    return wide.reindex(index=asked, columns=offered).to_numpy(dtype=float)


def matrix(pairs: pd.DataFrame, pool: Sequence[str]) -> Figure:
    """The mAP at the largest n_languages and its gain from the smallest, of the sampler for the effect of n.

    A block per benchmark and model. Query languages are rows, candidate languages columns, the diagonal is
    mono. Without a smaller n_languages, the gain is over the untrained encoder. Held-out languages have a
    star.
    """
    pairs = named(select(pairs, metric=MAP.name, status="all"))
    pairs = pairs[pairs["model"] != BM25]
    found = [
        Block(f"{benchmark}, {model}", part)
        for (benchmark, model), part in pairs.groupby(["benchmark", "model"], sort=False)
        if part["n_languages"].max() > 0
    ]
    if not found:
        return blank()
    most = max(block.rows["candidate_language"].nunique() for block in found)
    beside = most <= BESIDE
    side = WIDTH / 2 if beside else max(WIDTH, SMALLEST * most + 1)
    parts, left_out = fitting(found, (side + 0.35) * (1 if beside else 2))
    columns, rows = (2, len(parts)) if beside else (1, 2 * len(parts))
    with plt.rc_context(RC | {"axes.grid": False}):
        figure, grid = plt.subplots(
            rows, columns, figsize=(side * columns, (side + 0.35) * rows), squeeze=False, layout="constrained"
        )
        panels = iter(grid.flatten())
        for block in parts:
            asked, offered = (
                order(list(block.rows[f"{s}_language"].unique())) for s in ("query", "candidate")
            )
            line = _chosen(block.rows)
            largest, first, start = _ends(block.rows, line)
            top, low = cells(largest, asked, offered), cells(first, asked, offered)
            cell = ", ".join(counts(largest))
            several = f"{block.name}: " if len(found) > 1 else ""
            title = f"{several}{line}, {count(largest['n_languages'].iloc[0], 'language')}"
            bound = np.nanmax(np.abs(top - low))
            for values, what, colors, limits in (
                (top, "mAP (0 to 1)", "cividis", (0, np.nanmax(top))),
                (top - low, f"gain in mAP over {start}", "PuOr", (-bound, bound)),
            ):
                axes = next(panels)
                axes.set_title(f"{what}, {title}", fontsize=7)
                axes.set_xlabel(f"candidate language\n(each cell: {cell})", fontsize=7)
                _draw(figure, axes, values, (asked, offered), pool, colors, limits)
        if left_out:
            figure.supxlabel(f"Not drawn, for lack of room: {'; '.join(left_out)}.", fontsize=6.5)
    return figure


def _chosen(part: pd.DataFrame) -> str:
    """The line of the sampler chosen for the effect of n, with the budget that comes first."""
    trained = part[part["n_languages"] > 0]
    first = trained[trained["budget"] == trained["budget"].iloc[0]]
    spec = choose(curves_of(first))
    assert spec is not None  # there are trained rows
    return rows_of(spec, first)["line"].iloc[0]


def _ends(part: pd.DataFrame, line: str) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """The rows at the largest n_languages, the reference rows of the gain, and the name of the reference."""
    rows = part[part["line"] == line]
    n = sorted(rows["n_languages"].unique())
    largest = rows[rows["n_languages"] == n[-1]]
    if len(n) > 1:
        return largest, rows[rows["n_languages"] == n[0]], count(n[0], "language")
    return largest, part[part["n_languages"] == 0], "untrained"


def _draw(
    figure: Figure,
    axes: Axes,
    values: np.ndarray,
    codes: tuple[list[str], list[str]],
    pool: Sequence[str],
    colors: str,
    limits: tuple[float, float],
) -> None:
    """One heat map with its colour bar, query and candidate languages on the axes and lines between scripts
    and branches.
    """
    shade = plt.get_cmap(colors).with_extremes(bad="0.8")
    image = axes.imshow(values, cmap=shade, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    grid = axes.get_gridspec()
    width = figure.get_figwidth() / (grid.ncols if grid else 1)
    asked, offered = codes
    size = min(7, 72 * 0.8 * width * 0.74 / max(map(len, codes)))
    names = [[code + ("" if spoken(code) in pool else "*") for code in side] for side in codes]
    axes.set_yticks(range(len(asked)), names[0], fontsize=size)
    axes.set_xticks(range(len(offered)), names[1], rotation=90, fontsize=size)
    axes.tick_params(length=0, pad=1)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("query language")
    broad = min(1.4, 0.25 * size)
    for side, line in ((asked, axes.axhline), (offered, axes.axvline)):
        for line_width, facts in (
            (broad, [script(c) for c in side]),
            (broad / 3, [(script(c), branch(c)) for c in side]),
        ):
            for edge in np.cumsum([len(list(group)) for _, group in groupby(facts)])[:-1] - 0.5:
                line(edge, color="white", lw=line_width)
    right = axes.secondary_yaxis("right")
    groups = [(name, len(list(group))) for name, group in groupby(map(script, asked))]
    middles = np.cumsum([0] + [n for _, n in groups])[:-1] + [(n - 1) / 2 for _, n in groups]
    right.set_yticks(middles, [script_name(code) for code, _ in groups], fontsize=max(5, min(7, size)))
    right.tick_params(length=0, pad=1)
    right.spines[:].set_visible(False)
    if len(offered) <= PRINTED:
        for (y, x), value in np.ndenumerate(values):
            if not np.isnan(value):
                red, green, blue, _ = shade(image.norm(value))
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
                text, color = f"{value:.2f}".replace("0.", "."), "white" if dark else "black"
                axes.text(x, y, text, ha="center", va="center", fontsize=size * 0.8, color=color)
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", fraction=0.03, pad=0.02, aspect=40)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=6)
