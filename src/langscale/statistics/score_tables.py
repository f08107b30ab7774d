"""Tables of scores: a row per quantity and point of the design, with both intervals."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from langscale.config.study import Study
from langscale.config.terms import ALL, POINT, SETTINGS
from langscale.data import catalogue
from langscale.design.grid import points
from langscale.languages import families
from langscale.retrieval.measures import MAP, MAP_AT_20, MEASURES, RANK, RECALL_AT_1, Measure, in_table
from langscale.statistics.intervals import cell_units, cluster_parts
from langscale.statistics.panel import Panel, estimated
from langscale.statistics.quantities import OTHER, OWN, Quantity, heldout_languages, pair_set_quantities
from langscale.statistics.zero_shot import of_point

SCORES = (
    "model", "sampler", "alpha", "budget", "ladder", "n_languages", "seed", "benchmark", "setting",
    "query_language", "candidate_language", "pair_set", "status", "metric", "value", "n_queries", "n_runs",
    "ci_low", "ci_high", "runs_ci_low", "runs_ci_high", "checkpoint", "candidate_text", "average",
    "zero_shot",
)  # fmt: skip
"""Columns of every table of scores."""


def score_rows(
    panel: Panel, quantities: Sequence[Quantity], labels: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """One row per quantity and point with a value, with both intervals.

    n_queries is the number of queries with a value. By status it may differ between replicates, and their
    mean is given. `labels`: constant columns.
    """
    columns = [panel.columns(p) for p in panel.points]
    comparisons = [cell_units(replicates) for replicates in columns]
    constant = {"seed": ALL} | labels
    unseen = [of_point(panel.study, panel.grid, p, labels["benchmark"]) for p in panel.points]
    for quantity, average, queries, found in panel.estimates(quantities, comparisons):
        for i, point in enumerate(panel.points):
            if np.isnan(found["mean"][i]):
                continue
            yield constant | point.columns() | quantity.columns() | estimated(found, i) | {
                "value": found["mean"][i],
                "n_queries": round(queries[list(columns[i].values())].mean()),
                "average": average,
                "zero_shot": unseen[i],
            }  # fmt: skip


def score_table(rows: Iterator[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table with the columns SCORES."""
    return pd.DataFrame(list(rows), columns=list(SCORES))


def by_language(panel: Panel) -> list[Quantity]:
    """The measures of tables/languages.csv for every query language; candidates of all languages."""
    return [
        Quantity(setting, measure.name, ALL, (code,), query_language=code)
        for code in panel.in_order()
        for setting in SETTINGS
        for measure in MEASURES.values()
        if measure.shown("languages", setting) or (setting == "mono" and "languages" in measure.list_tables)
    ]


def by_pair(panel: Panel) -> list[Quantity]:
    """Quantities of mAP for every ordered pair of languages. The pairs of a language with itself are mono."""
    return [
        Quantity("mono" if x == y else "cross", MAP.name, ALL, (x,), (y,), x, y)
        for x in panel.in_order()
        for y in panel.in_order()
    ]


def relatives(study: Study) -> list[tuple[str, str, tuple[str, ...], bool]]:
    """Held-out languages by script and by branch: (grouping, group, languages, whether the pool has the
    group).
    """
    found = []
    for grouping, fact in (("script", families.script), ("branch", families.branch)):
        pool = {fact(code) for code in study.languages.pool}
        groups: dict[str, list[str]] = {}
        for code in study.languages.heldout:
            groups.setdefault(fact(code), []).append(code)
        found += [(grouping, group, tuple(codes), group in pool) for group, codes in groups.items()]
    return found


def transfer_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Held-out languages by script and branch: cross mAP with the pool, both ways, and mono mAP."""
    columns = ("grouping", "group", "languages", "group_in_pool")
    tables, pool = [pd.DataFrame(columns=[*columns, *SCORES])], tuple(study.languages.pool)
    for grouping, group, codes, known in relatives(study):
        quantities = [
            Quantity("cross", MAP.name, "heldout-pool", codes, pool),
            Quantity("cross", MAP.name, "pool-heldout", pool, codes),
            Quantity("mono", MAP.name, "heldout", codes, codes),
        ]
        table = score_table(score_rows(panel, quantities, labels))
        table = table.assign(grouping=grouping, group=group, languages=" ".join(codes), group_in_pool=known)
        tables.append(table[[*columns, *SCORES]])
    return pd.concat(tables[1:] or tables, ignore_index=True)


def ranks_by_language(panel: Panel) -> list[Quantity]:
    """The rank in multi of the relevant candidate of each language, for queries in all languages."""
    return [Quantity("multi", RANK.name, ALL, None, (c,), candidate_language=c) for c in panel.in_order()]


def language_shares(panel: Panel) -> list[Quantity]:
    """Shares of the top 10 of multi, for queries in all languages.

    Shares of the query's own language, of the other pool languages, of the other held-out languages, and of
    every language.
    """
    pool, heldout = tuple(panel.study.languages.pool), heldout_languages(panel.study)
    return [
        quantity
        for metric in (measure.name for measure in in_table("shares"))
        for quantity in (
            Quantity("multi", metric, candidate_language=OWN),
            Quantity("multi", metric, ALL, None, pool, candidate_language=f"{OTHER}-pool"),
            Quantity("multi", metric, ALL, None, heldout, candidate_language=f"{OTHER}-heldout"),
            *(Quantity("multi", metric, ALL, None, (c,), candidate_language=c) for c in panel.in_order()),
        )
    ]


def main_table(scaling: pd.DataFrame, measures: Sequence[Measure]) -> pd.DataFrame:
    """Samplers by setting at the largest n, as in Table 1 of arXiv:2408.10536: rows of the scaling table."""
    largest = scaling["n_languages"] == scaling["n_languages"].max()
    shown = (scaling[["pair_set", "candidate_language", "status"]] == ALL).all(axis=1)
    wanted = scaling["metric"].isin([measure.name for measure in measures])
    return scaling[(largest | (scaling["n_languages"] == 0)) & shown & wanted].reset_index(drop=True)


XTREME_R = {"cross": RECALL_AT_1.name, "multi": MAP_AT_20.name}
"""Setting of a task of XTREME-R (arXiv:2104.07412) -> its measure there. Accuracy of the nearest neighbour
is R@1."""


def xtreme_r_table(study: Study, scaling: pd.DataFrame) -> pd.DataFrame:
    """The scores of one benchmark on its task of XTREME-R: macro averages over all languages of the study.

    Rows of the scaling table with the column `task`. Empty if the benchmark is none of the tasks.
    """
    table = scaling.assign(task=None)[["task", *SCORES]]
    known = catalogue.benchmarks().get(study.set_of(scaling["benchmark"].iloc[0])) if len(scaling) else None
    task = known.xtreme_r if known else None
    if task is None:
        return table[:0]
    wanted = dict.fromkeys(("pair_set", "candidate_language", "query_language", "status"), ALL)
    wanted |= {
        "candidate_text": task.candidate_text,
        "setting": task.setting,
        "metric": XTREME_R[task.setting],
    }
    same = (table[list(wanted)] == pd.Series(wanted)).all(axis=1) & (table["average"] == "macro")
    return table[same].assign(task=task.name).reset_index(drop=True)


def replicate_rows(panel: Panel, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of tables/seeds.csv: the headline measures of each replicate.

    `ladder` and `seed` are those of the replicate. Cells with a common run have a row each.
    """
    cells = [(cell, points([cell])[0]) for cell in panel.grid.cells if cell.run.path in panel.scores]
    zero_shot = [of_point(panel.study, panel.grid, point, labels["benchmark"]) for _, point in cells]
    for quantity in pair_set_quantities(panel.study):
        if not panel.shows("seeds", quantity) or quantity.candidate_language != ALL:
            continue
        sums = panel.sums(quantity)
        if sums is None:
            continue
        means = cluster_parts(sums.sums, sums.counts).sum(axis=0)
        for (cell, _), unseen in zip(cells, zero_shot, strict=True):
            column = panel.column(cell.run.path)
            names = {name: getattr(cell, name) for name in (*POINT, "seed")}
            yield labels | names | quantity.columns() | {
                "value": means[column],
                "n_queries": sums.queries[column],
                "n_runs": 1,
                "average": "macro",
                "zero_shot": unseen,
            }  # fmt: skip


def median_rows(panel: Panel, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The measures of tables/bias.csv that are a median over queries, mean over query languages and runs.

    A median is no sum over queries, so it has no interval.
    """
    for measure in in_table("bias"):
        if measure.over_queries == "median" and panel.gives("multi", measure.name):
            yield from _median_rows(panel, measure.name, labels)


def _median_rows(panel: Panel, metric: str, labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    medians = {}
    for path in panel.paths:
        scores = panel.scores[path]
        values = pd.Series(scores.values("multi", metric)[:, 0])
        medians[path] = values.groupby(scores.own).median().mean()
    names = ("seed", "query_language", "candidate_language", "pair_set", "status")
    what = dict.fromkeys(names, ALL) | {"setting": "multi", "metric": metric}
    for point in panel.points:
        paths = dict.fromkeys(path for _, path in point.runs)
        yield labels | what | point.columns() | {
            "value": np.mean([medians[path] for path in paths]),
            "n_queries": len(panel.clusters.language),
            "n_runs": len(paths),
            "average": "macro",
            "zero_shot": of_point(panel.study, panel.grid, point, labels["benchmark"]),
        }  # fmt: skip
