"""What the figures share: the style, the files, which rows make a panel, and lines against n."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from langscale.config.terms import ALL, BM25, NONE, UNTRAINED
from langscale.core.files import atomic
from langscale.reporting.wording import label
from langscale.statistics.curve_shapes import curve

# Okabe and Ito's palette (2008), distinct for all kinds of colour vision; line style and marker tell apart in grey
STYLES = (
    ("#0072B2", "o", "-"), ("#D55E00", "s", "--"), ("#009E73", "^", "-."), ("#CC79A7", "D", ":"),
    ("#E69F00", "v", "-"), ("#56B4E9", "P", "--"), ("#000000", "X", "-."),
)  # fmt: skip
FIRST = ("x-x-mono", "x-y", "hybrid 0.5")  # look the same in every study
MAIN = {"en-en", "x-x", "x-x-mono", "x-y", "hybrid"}  # the others are controls
PANELS = {
    "all": "all languages",
    "pool": "pool → pool",
    "pool-heldout": "pool → held-out",
    "heldout-pool": "held-out → pool",
    "heldout": "held-out → held-out",
}
WIDTH = 7.0  # inches, the text of a page: letters keep their size in print
RC = {
    "font.size": 8, "axes.titlesize": 7, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "legend.fontsize": 7.5, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "legend.frameon": False, "svg.hashsalt": "langscale", "svg.fonttype": "none", "figure.dpi": 100, "savefig.dpi": 200,
}  # fmt: skip
N = "training languages n"
FITTED = "fitted curve "  # and the name of the line, as the gid of a curve


def save(figure: Figure, folder: str | Path, name: str) -> None:
    """Write name.svg and name.png, the same bytes for the same tables."""
    for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
        with plt.rc_context(RC), atomic(Path(folder) / f"{name}.{kind}") as partial:
            figure.savefig(partial, format=kind, metadata=metadata, bbox_inches="tight")
    plt.close(figure)


def blank() -> Figure:
    """Where no benchmark has the measures (all are larger than memory): the files exist, and say so."""
    figure = plt.figure(figsize=(5, 1))
    figure.text(0.5, 0.5, "no benchmark of this study has these measures", ha="center", va="center")
    return figure


def select(table: pd.DataFrame, **values: str) -> pd.DataFrame:
    """The rows that have these values, of random ladders, the last checkpoint and the macro average."""
    fixed = values | {"ladder": ALL, "checkpoint": "last", "average": "macro"}
    fixed = {name: value for name, value in fixed.items() if name in table}
    return table[(table[list(fixed)] == pd.Series(fixed, dtype=object)).all(axis=1)]


def headline(scaling: pd.DataFrame, metric: str, setting: str) -> pd.DataFrame:
    """The rows of scaling.csv of one metric and setting over all languages."""
    everything = {"query_language": ALL, "candidate_language": ALL, "status": ALL}
    return select(scaling, metric=metric, setting=setting, **everything)


def named(table: pd.DataFrame, like: pd.DataFrame | None = None) -> pd.DataFrame:
    """With a column `line`: how the row's line is called, by its sampler, and by its budget where `like` has several."""
    like = table if like is None else like
    line = table.apply(label, axis=1) if len(table) else pd.Series(dtype=str)
    if like.loc[like["n_languages"] > 0, "budget"].nunique() > 1:
        line = line + (" " + table["budget"]).where(table["budget"] != NONE, "")
    return table.assign(line=line)


def looks(lines: Sequence[str]) -> dict[str, dict[str, str]]:
    """Colour, marker and line style of every line; the paper's samplers come first. After seven, hollow markers."""
    order = [*FIRST, *sorted(set(lines) - set(FIRST))]
    found = {}
    for i, name in enumerate(order):
        color, marker, _ = STYLES[i % len(STYLES)]
        style = STYLES[(i + i // len(STYLES)) % len(STYLES)][2]
        found[name] = {
            "color": color,
            "marker": marker,
            "ls": style,
            "mfc": color if i < len(STYLES) else "white",
        }
    return found


@dataclass(frozen=True)
class Block:
    """Rows of a table that are drawn side by side: one benchmark, model and, where lines are many, budget and kind."""

    name: str
    rows: pd.DataFrame


def blocks(table: pd.DataFrame, most: int = 8) -> Iterator[Block]:
    """The blocks of a named table; one with more than `most` lines is split by budget, then into samplers and controls."""
    several = table["benchmark"].nunique() * table.loc[table["model"] != BM25, "model"].nunique() > 1
    for benchmark, model in product(table["benchmark"].unique(), table["model"].unique()):
        rows = table[(table["benchmark"] == benchmark) & table["model"].isin([model, BM25])]
        name = f"{benchmark}, {model}" if several else ""
        if model == BM25 or not (rows["model"] == model).any():
            continue
        trained = rows[rows["n_languages"] > 0]
        if trained["line"].nunique() <= most:
            yield Block(name, rows)
            continue
        main = rows["sampler"].isin(MAIN)
        for budget, (kind, of_kind) in product(trained["budget"].unique(), (("", main), ("controls", ~main))):
            part = rows[((rows["budget"] == budget) & of_kind) | (rows["n_languages"] == 0)]
            if (part["n_languages"] > 0).any():
                yield Block(", ".join(filter(None, (name, budget, kind))), part)


def grid_of(rows: int, columns: int, height: float = 2.0) -> tuple[Figure, np.ndarray]:
    """A figure of a page's width with rows x columns axes; the caller is in rc_context(RC)."""
    return plt.subplots(
        rows, columns, figsize=(WIDTH, height * rows + 0.5), squeeze=False, layout="constrained"
    )


def lines(axes: Axes, table: pd.DataFrame, look: dict[str, dict[str, str]], value: str = "value") -> None:
    """Value against n with procedure intervals where there are any: a line per name, the baselines across."""
    trained = table[table["n_languages"] > 0]
    shown = [name for name in look if name in set(trained["line"])]
    for i, name in enumerate(shown):
        rows = trained[trained["line"] == name].sort_values("n_languages")
        # a small shift keeps the intervals of several lines apart
        x = rows["n_languages"] * (1 + 0.03 * (i - (len(shown) - 1) / 2))
        axes.plot(x, rows[value], ms=3.5, lw=1, label=name, **look[name])
        if "ci_low" in rows and rows["ci_low"].notna().any():
            axes.vlines(x, rows["ci_low"], rows["ci_high"], color=look[name]["color"], lw=1)
    for sampler, style, text in ((UNTRAINED, (0, (5, 3)), "untrained"), (NONE, (0, (1, 2)), "BM25")):
        for _, row in table[table["sampler"] == sampler].iterrows():
            axes.axhline(row[value], color="0.35", ls=style, lw=1, label=text)
            if "ci_low" in row and pd.notna(row["ci_low"]):
                axes.axhspan(row["ci_low"], row["ci_high"], color="0.5", alpha=0.12, lw=0)
    ticks = sorted(trained["n_languages"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, _apart(ticks))
    axes.minorticks_off()


def _apart(ticks: Sequence[int]) -> list[str]:
    """The labels of n on a logarithmic axis: none where the next larger one would lie on it."""
    labels, next_one = [], np.inf
    for n in reversed(ticks):
        free = np.log2(next_one / n) > 0.11 * np.log2(ticks[-1] / ticks[0])
        labels.append(str(n) if free else "")
        next_one = n if free else next_one
    return labels[::-1]


def fits(axes: Axes, chosen: pd.DataFrame, look: dict[str, dict[str, str]]) -> None:
    """The fitted curves of rows of curves.csv (`chosen`), thin, over the n that they were fitted to."""
    for _, row in chosen.iterrows():
        n = [int(text) for text in str(row["n_values"]).split()]
        x = np.geomspace(n[0], n[-1], 60)
        y = curve(row["curve"], row[["a", "b", "c"]].to_numpy(dtype=float), x)
        axes.plot(x, y, color=look[row["line"]]["color"], lw=0.6, gid=f"{FITTED}{row['line']}")


def marks(axes: Axes, x: Sequence[float], y: Sequence[float], colors: Sequence[str]) -> None:
    """Published values as stars."""
    for one in zip(x, y, colors, strict=True):
        axes.plot(*one[:2], "*", color=one[2], ms=8, mec="black", mew=0.5, gid="published")


def number(values: pd.Series, what: str) -> str:
    """`4 replicates`, or `2-4 replicates` where the values differ."""
    ends = sorted({values.min(), values.max()})
    return "-".join(f"{n:,.0f}" for n in ends) + f" {what}{'' if ends[-1] == 1 else 's'}"


def numbers(table: pd.DataFrame) -> list[str]:
    """The numbers of questions and of replicates behind the points of a panel.

    Questions by language where the table has n_each and n_asked (langscale.reporting.figures.question_counts), else all together.
    """
    trained = table[table["n_languages"] > 0]
    if trained.empty or "n_runs" not in trained:
        return []
    found = [number(trained["n_runs"], "replicate")]
    if "n_each" in trained and trained["n_each"].notna().all():
        several = f" × {number(trained['n_asked'], 'language')}" if trained["n_asked"].max() > 1 else ""
        found.insert(0, number(trained["n_each"], "question") + several)
    elif "n_queries" in trained:
        found.insert(0, number(trained["n_queries"], "question"))
    return found


def counted(title: str, table: pd.DataFrame) -> str:
    """A panel's title, and below it its `numbers`."""
    return "\n".join([title, *numbers(table)])


def legend(figure: Figure) -> None:
    """One legend below the figure for all its panels."""
    found = {}
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
    if found:
        figure.legend(
            found.values(), found.keys(), loc="outside lower center", ncols=min(6, len(found)),
            handler_map={tuple: HandlerTuple(ndivide=None)},
        )  # fmt: skip


KEYS = ["benchmark", "setting", "pair_set", "n_queries"]


def asked(table: pd.DataFrame, languages: pd.DataFrame, pool: Sequence[str]) -> pd.DataFrame:
    """With the columns n_asked, the number of question languages, and n_each, the questions in each of them.

    Both are nan where the languages do not have the same number of questions with a value. languages: languages.csv.
    Held-out languages that ask are those of a column `languages`, if there is one.
    """
    keys = [*KEYS, *(name for name in ("languages",) if name in table)]
    facts = table[keys].drop_duplicates()
    each = languages.groupby(["benchmark", "setting", "query_language"])["n_queries"].max()
    counts = []
    for row in facts.to_dict("records"):
        known = each.xs((row["benchmark"], row["setting"])) if len(each) else each
        side = row["pair_set"].partition("-")[0]
        if side != ALL:
            known = known[known.index.isin(pool) == (side == "pool")]
        if side == "heldout" and "languages" in row:
            known = known[known.index.isin(row["languages"].split())]
        alike = known.nunique() == 1 and known.sum() == row["n_queries"]
        counts.append((len(known), known.iloc[0]) if alike else (np.nan, np.nan))
    facts[["n_asked", "n_each"]] = np.array(counts, dtype=float).reshape(-1, 2)
    return table.merge(facts, on=keys, how="left")


def of_gaps(gaps: pd.DataFrame, scaling: pd.DataFrame) -> pd.DataFrame:
    """gaps.csv with n_queries, n_asked and n_each, of the questions on either side of the difference.

    scaling: scaling.csv from `asked`.
    """
    keys, counts = ["benchmark", "setting", "pair_set"], ["n_queries", "n_asked", "n_each"]
    plain = (scaling[["query_language", "candidate_language", "status"]] == ALL).all(axis=1)
    facts = scaling.loc[plain & (scaling["metric"] == "mAP"), keys + counts].drop_duplicates(keys)
    pool = facts[facts["pair_set"] == "pool"].drop(columns="pair_set")
    both = gaps.merge(facts, on=keys, how="left").merge(pool, on=keys[:2], how="left", suffixes=("", "_pool"))
    # pool languages ask on both sides of pool - heldout, and held-out ones on one side of the others
    other = both["pair_set"].str.startswith("heldout")
    same = both["n_each"] == both["n_each_pool"]
    both["n_queries"] = (
        both[["n_queries", "n_queries_pool"]]
        .max(axis=1)
        .where(~other, both["n_queries"] + both["n_queries_pool"])
    )
    both["n_asked"] = (both["n_asked_pool"] + both["n_asked"] * other).where(same)
    return both[[*gaps.columns, *counts]].assign(n_each=both["n_each"].where(same))
