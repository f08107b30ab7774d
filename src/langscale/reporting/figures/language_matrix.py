"""The language-by-language matrix of mAP, and of what the largest n adds to the smallest."""

from collections.abc import Sequence
from itertools import groupby

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from langscale.claims.sampler_choice import choose, curves_of, rows_of
from langscale.config.terms import BM25
from langscale.languages.families import branch, family, script
from langscale.reporting.figures.style import RC, WIDTH, blank, named, numbers, select

BESIDE = 36  # up to so many languages, mAP and gain stand side by side; more need the whole width
SMALLEST = 0.105  # inches of a cell whose language can still be read
PRINTED = 12  # up to so many languages, the cells have room for their values


def order(codes: Sequence[str]) -> list[str]:
    """By script, then family, branch and code."""
    return sorted(codes, key=lambda code: (script(code), family(code), branch(code), code))


def square(rows: pd.DataFrame, codes: Sequence[str]) -> np.ndarray:
    """mAP [L, L], question languages by candidate languages; nan where there is no pair."""
    wide = rows.pivot(index="query_language", columns="candidate_language", values="value")
    return wide.reindex(index=codes, columns=codes).to_numpy(dtype=float)


def matrix(pairs: pd.DataFrame, pool: Sequence[str]) -> Figure:
    """mAP at the largest n and its gain from the smallest, of the sampler that tells what n does.

    A block per benchmark and model. Question languages are rows, candidate languages columns, the diagonal is mono.
    Without a smaller n, the gain is that from the untrained encoder. Held-out languages have a star.
    """
    pairs = named(select(pairs, metric="mAP", status="all"))
    pairs = pairs[pairs["model"] != BM25]
    parts = [
        part for _, part in pairs.groupby(["benchmark", "model"], sort=False) if part["n_languages"].max() > 0
    ]
    if not parts:
        return blank()
    most = max(part["query_language"].nunique() for part in parts)
    beside = most <= BESIDE
    side = WIDTH / 2 if beside else max(WIDTH, SMALLEST * most + 1)
    columns, rows = (2, len(parts)) if beside else (1, 2 * len(parts))
    with plt.rc_context(RC | {"axes.grid": False}):
        figure, grid = plt.subplots(
            rows, columns, figsize=(side * columns, (side + 0.35) * rows), squeeze=False, layout="constrained"
        )
        panels = iter(grid.flatten())
        for part in parts:
            codes = order(part["query_language"].unique())
            several = ", ".join(part[["benchmark", "model"]].iloc[0]) + ": " if len(parts) > 1 else ""
            line = _chosen(part)
            largest, first, start = _ends(part, line)
            top, low = square(largest, codes), square(first, codes)
            cell = ", ".join(numbers(largest))
            title = f"{several}{line}, n = {largest['n_languages'].iloc[0]}"
            _draw(
                next(panels), top, codes, pool, f"mAP (0 to 1), {title}", cell, "cividis", 0, np.nanmax(top)
            )
            bound = np.nanmax(np.abs(top - low))
            _draw(
                next(panels),
                top - low,
                codes,
                pool,
                f"gain in mAP from {start}, {title}",
                cell,
                "PuOr",
                -bound,
                bound,
            )
    return figure


def _chosen(part: pd.DataFrame) -> str:
    """The line of the sampler that tells what n does, with the budget that comes first."""
    trained = part[part["n_languages"] > 0]
    first = trained[trained["budget"] == trained["budget"].iloc[0]]
    return rows_of(choose(curves_of(first)), first)["line"].iloc[0]


def _ends(part: pd.DataFrame, line: str) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """The rows at the largest n, those that the gain is counted from, and what these are called."""
    rows = part[part["line"] == line]
    n = sorted(rows["n_languages"].unique())
    largest = rows[rows["n_languages"] == n[-1]]
    if len(n) > 1:
        return largest, rows[rows["n_languages"] == n[0]], f"n = {n[0]}"
    return largest, part[part["n_languages"] == 0], "untrained"


def _draw(
    axes: Axes, values: np.ndarray, codes: list[str], pool: Sequence[str], title: str, cell: str, colors: str, low: float, high: float
) -> None:  # fmt: skip
    shade = plt.get_cmap(colors).with_extremes(bad="0.8")
    image = axes.imshow(values, cmap=shade, vmin=low, vmax=high, interpolation="nearest")
    size = min(7, 72 * 0.8 * axes.get_figure().get_figwidth() / axes.get_gridspec().ncols * 0.74 / len(codes))
    names = [code + ("" if code in pool else "*") for code in codes]
    axes.set_xticks(range(len(codes)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(codes)), names, fontsize=size)
    axes.tick_params(length=0, pad=1)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=7.5)
    axes.set_xlabel(f"candidate language; a cell: {cell}")
    axes.set_ylabel("question language")
    broad = min(1.4, 0.25 * size)
    for width, facts in (
        (broad, [script(c) for c in codes]),
        (broad / 3, [(script(c), branch(c)) for c in codes]),
    ):
        for edge in np.cumsum([len(list(group)) for _, group in groupby(facts)])[:-1] - 0.5:
            axes.axhline(edge, color="white", lw=width)
            axes.axvline(edge, color="white", lw=width)
    right = axes.secondary_yaxis("right")
    groups = [(name, len(list(group))) for name, group in groupby(map(script, codes))]
    middles = np.cumsum([0] + [count for _, count in groups])[:-1] + [(count - 1) / 2 for _, count in groups]
    right.set_yticks(middles, [name for name, _ in groups], fontsize=max(5, min(7, size)))
    right.tick_params(length=0, pad=1)
    right.spines[:].set_visible(False)
    if len(codes) <= PRINTED:
        for (y, x), value in np.ndenumerate(values):
            if not np.isnan(value):
                red, green, blue, _ = shade(image.norm(value))
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
                text = f"{value:.2f}".replace("0.", ".")
                axes.text(
                    x,
                    y,
                    text,
                    ha="center",
                    va="center",
                    fontsize=size * 0.8,
                    color="white" if dark else "black",
                )
    bar = axes.get_figure().colorbar(
        image, ax=axes, orientation="horizontal", fraction=0.03, pad=0.02, aspect=40
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=6)
