"""Figures of lines against the number of training languages or the training step."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from langscale.config.sampler import Spec
from langscale.config.terms import ALL
from langscale.reporting.comparison import NOT
from langscale.reporting.figures.style import (
    RC,
    STYLES,
    Block,
    N,
    blank,
    blocks,
    fits,
    fitting,
    grid_of,
    headline,
    legend,
    lines,
    logit_axis,
    looks,
    marks,
    named,
    number,
    select,
    titled,
    without_empty,
)
from langscale.reporting.wording import PAIR_SETS, count, label, place
from langscale.retrieval.measures import (
    ENGLISH_PREFERENCE,
    MAP,
    NDCG_AT_10,
    OWN_BEFORE_OTHER,
    OWN_FIRST,
    OWN_LANGUAGE_ADVANTAGE,
    RANK_DISTANCE,
    RELEVANT,
)

HEIGHT = 2.0  # inches of a row of panels
NEUTRAL = "no preference"


def comparable(published: pd.DataFrame, setting: str) -> pd.DataFrame:
    """The comparable published values of mAP over all languages in one setting, of trained encoders."""
    same = {"metric": MAP.name, "query_language": ALL, "setting": setting}
    rows = (published[list(same)] == pd.Series(same)).all(axis=1) & (published["verdict"] != NOT)
    return published[rows & (published["n_languages"] > 0)]


def scaling(table: pd.DataFrame, curves: pd.DataFrame, published: pd.DataFrame, setting: str) -> Figure:
    """The mAP of one setting against n_languages: a panel per pair set, a block per benchmark and model.

    Corpora larger than memory have no mAP. In mono, nDCG@10 stands for it.
    """
    measured = [headline(table, metric, setting) for metric in (MAP.name, NDCG_AT_10.name)]
    measured[1] = measured[1][~measured[1]["benchmark"].isin(measured[0]["benchmark"])]
    table = named(pd.concat(measured))
    found = list(blocks(table))
    if not found:
        return blank()
    look = looks(table.loc[table["n_languages"] > 0, "line"])
    printed = named(comparable(published, setting), table)
    chosen = named(select(curves[curves["chosen"].eq(True)], metric=MAP.name, setting=setting), table)
    shown = [name for name in PAIR_SETS if name != ALL and name in set(table["pair_set"])]
    shown = [ALL] * (not shown or len(printed) > 0) + shown
    columns = len(shown) if len(shown) < 5 else 3
    high = -(-len(shown) // columns)
    parts, left_out = fitting(found, high * HEIGHT)
    with plt.rc_context(RC):
        figure, grid = grid_of(len(parts) * high, columns, HEIGHT)
        for i, block in enumerate(parts):
            axes_of = grid[i * high : (i + 1) * high].flatten()
            for name, axes in zip(shown, axes_of, strict=False):
                rows = block.rows[block.rows["pair_set"] == name]
                lines(axes, rows, look)
                fits(axes, _same(chosen[chosen["pair_set"] == name], rows), look)
                star = _same(printed, rows) if name == ALL else printed[:0]
                colors = [look[line]["color"] for line in star["line"]]
                marks(axes, star["n_languages"], star["published"].astype(float), colors)
                axes.set_title(titled(panel_title(setting, name), rows))
                axes.set_ylim(bottom=0)
                axes.set_xlabel(N)
            metric = block.rows["metric"].iloc[0]
            drawn = without_empty(axes_of)
            drawn[0].set_ylabel("\n".join(filter(None, (f"{setting} {metric} (0 to 1)", block.name))))
        legend(figure, left_out)
    return figure


def panel_title(setting: str, pair_set: str) -> str:
    """The pair set of a panel. In mono its one language."""
    if setting != "mono":
        return PAIR_SETS[pair_set]
    return place(setting, pair_set).removeprefix("mono, ").removesuffix(" languages") + " languages"


def _same(found: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of another table for the trained lines of a panel."""
    keys = ["benchmark", "model", "line"]
    there = pd.MultiIndex.from_frame(
        rows.loc[rows["n_languages"] > 0, keys] if len(rows) else found[:0][keys]
    )
    return found[pd.MultiIndex.from_frame(found[keys]).isin(there)] if len(found) else found


def _panels(
    parts: Sequence[Block],
    panels: Mapping[str, pd.DataFrame],
    labels: Mapping[str, str],
    value: str,
    neutral: Mapping[tuple[str, str], float] | None = None,
    far: str = "",
) -> Figure:
    """Lines against n_languages: a row per block, a column per panel, with the rows of the panel's table.

    neutral: the share without preference by benchmark and panel, a horizontal line; these panels have a logit
    scale. far: as of `lines`.
    """
    if not parts:
        return blank()
    kept, left_out = fitting(parts, HEIGHT)
    look = looks(line for block in kept for line in block.rows.loc[block.rows["n_languages"] > 0, "line"])
    with plt.rc_context(RC):
        figure, grid = grid_of(len(kept), len(panels), HEIGHT)
        for block, axes_of in zip(kept, grid, strict=True):
            for (name, table), axes in zip(panels.items(), axes_of, strict=True):
                rows = table[table.index.isin(block.rows.index)]
                lines(axes, rows, look, value, far)
                for benchmark in rows["benchmark"].unique():
                    if neutral and (benchmark, name) in neutral:
                        level = neutral[benchmark, name]
                        axes.axhline(level, color="black", lw=0.8, label=NEUTRAL, zorder=0)
                        logit_axis(axes, [level, *rows[[value, "ci_low", "ci_high"]].to_numpy().ravel()])
                axes.set_title(titled(name, rows))
                axes.set_ylabel(labels[name])
                axes.set_xlabel(N)
            drawn = without_empty(axes_of)
            if block.name:
                drawn[0].set_ylabel(f"{block.name}\n{drawn[0].get_ylabel()}")
        legend(figure, left_out)
    return figure


def preference(table: pd.DataFrame) -> Figure:
    """Preference among the translations of the relevant passage against n_languages, and its neutral value.

    table: scaling.csv. Without preference a translation is before another one with probability 1/2, and
    before all others with 1 / number of relevant candidates.
    """
    # both are of queries in other languages; a study without English has no such preference
    english = [measure.name for measure in ENGLISH_PREFERENCE[:2]]
    neutral: dict[tuple[str, str], float] = {}
    relevant = headline(table, RELEVANT.name, "multi").query("pair_set == 'all'")
    for benchmark, number_of in relevant.groupby("benchmark")["value"].mean().items():
        neutral |= {(str(benchmark), name): 1 / 2 for name in (OWN_BEFORE_OTHER.name, *english)}
        neutral[str(benchmark), OWN_FIRST.name] = 1 / number_of
    labels = {OWN_BEFORE_OTHER.name: "share (logit scale)"} | dict.fromkeys((OWN_FIRST.name, *english), "")
    return _measures(table, labels, neutral)


def bias(table: pd.DataFrame) -> Figure:
    """Measures of language bias in ranks, which move with accuracy, against n_languages."""
    labels = dict.fromkeys((RANK_DISTANCE.name, OWN_LANGUAGE_ADVANTAGE.name), "ranks")
    return _measures(table, labels, far=",.0f")


def _measures(
    table: pd.DataFrame,
    labels: Mapping[str, str],
    neutral: Mapping[tuple[str, str], float] | None = None,
    far: str = "",
) -> Figure:
    """A panel for each measure of the corpus of all languages that the study has, by its name in `labels`."""
    table = named(pd.concat([headline(table, metric, "multi") for metric in labels]))
    panels = {metric: table[table["metric"] == metric] for metric in labels if metric in set(table["metric"])}
    return _panels(list(blocks(table)), panels, labels, "value", neutral, far)


def shares(table: pd.DataFrame) -> Figure:
    """Languages of the top 10 against n_languages: the query's own, other pool and other held-out languages.

    Each share is divided by the share of these languages among the candidates: 1 in a ranking without
    language bias.
    """
    table = named(select(table, metric="share@10 ratio"))
    kinds = {
        "the query's own language": "own",
        "other pool languages": "other-pool",
        "other held-out languages": "other-heldout",
    }
    by = table["candidate_language"]
    panels = {kind: table[by == which] for kind, which in kinds.items() if which in set(by)}
    if not panels:
        return blank()
    labels = dict.fromkeys(panels, "") | {
        next(iter(panels)): "share of the top 10 /\nshare of the candidates"
    }
    return _panels(list(blocks(table)), panels, labels, "value")


def gaps(table: pd.DataFrame) -> Figure:
    """The gap in mAP against n_languages: pool → pool minus each pair set with held-out languages."""
    table = named(select(table[table["setting"].isin(["mono", "cross"])]))
    if table.empty:
        return blank()
    panels = {
        place(str(setting), str(pair_set)): rows
        for (setting, pair_set), rows in table.groupby(["setting", "pair_set"], sort=False)
    }
    labels = dict.fromkeys(panels, "") | {next(iter(panels)): "gap in mAP\n(pool minus this pair set)"}
    figure = _panels(list(blocks(table)), panels, labels, "gap")
    for axes in figure.axes:
        axes.axhline(0, color="black", lw=0.6, zorder=0)
    return figure


def training(logs: pd.DataFrame) -> Figure:
    """Training loss against the step, mean over runs: a panel per sampler, a line per n_languages.

    logs: step, loss, sampler (a name for Spec.parse), n_languages, and model and budget if there are several.
    """
    specs = {name: Spec.parse(name) for name in logs["sampler"].unique()}
    called = {name: label({"sampler": spec.sampler, "alpha": spec.alpha}) for name, spec in specs.items()}
    logs = logs.assign(sampler=logs["sampler"].map(called))
    names = [
        c for c in ("model", "sampler", "budget") if c == "sampler" or (c in logs and logs[c].nunique() > 1)
    ]
    logs = logs.assign(sampler=logs[names].agg(" ".join, axis=1))
    samplers, sizes = list(logs["sampler"].unique()), sorted(logs["n_languages"].unique())
    columns = min(3, len(samplers))
    parts = [Block(", ".join(samplers[i : i + columns]), logs) for i in range(0, len(samplers), columns)]
    kept, left_out = fitting(parts, HEIGHT)
    samplers = samplers[: len(kept) * columns]
    with plt.rc_context(RC):
        figure, grid = grid_of(len(kept), columns, HEIGHT)
        top = logs.groupby(["sampler", "n_languages", "step"])["loss"].mean().max()
        for sampler, axes in zip(samplers, grid.flatten(), strict=False):
            rows = logs[logs["sampler"] == sampler]
            for n, part in rows.groupby("n_languages"):
                mean = part.groupby("step")["loss"].mean()
                color, _, style = STYLES[sizes.index(n) % len(STYLES)]
                axes.plot(mean.index, mean, color=color, ls=style, lw=1, label=count(int(n), "language"))
            runs = rows.groupby(["n_languages", "step"]).size().groupby("n_languages").max()
            axes.set_title(f"{sampler}\n{number(runs, 'run')} per line")
            axes.set_ylim(0, 1.05 * top)
            axes.set_xlabel("training step")
        for row in grid:
            row[0].set_ylabel("InfoNCE (nats)")
        without_empty(list(grid.flatten()))
        legend(
            figure, left_out, [count(int(n), "language") for n in sizes]
        )  # not every sampler has every number
    return figure
