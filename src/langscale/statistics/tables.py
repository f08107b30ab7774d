"""The tables of a study, as data frames with the columns that others build on."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from langscale.claims import ledger
from langscale.config.study import Study
from langscale.data.benchmarks import reader
from langscale.design.grid import ALL, Grid
from langscale.languages import families as language_facts
from langscale.retrieval.scores import BIAS, CONTROLS, LISTED, RANK, SETTINGS, TOP, load
from langscale.statistics.contrasts import adjust, contrast_table
from langscale.statistics.curve_fits import curve_table
from langscale.statistics.diversity import diversity_table
from langscale.statistics.gaps import gap_table
from langscale.statistics.intervals import cell_units
from langscale.statistics.language_entry import entry_table
from langscale.statistics.panel import (
    OTHER,
    OWN,
    Panel,
    Quantity,
    estimated,
    pair_set_quantities,
    status_quantities,
)
from langscale.statistics.per_seed import median_rows, replicate_rows
from langscale.statistics.sensitivity import sensitivity_table
from langscale.statistics.trends import adjusted, trend_table
from langscale.statistics.variance_components import component_table
from langscale.statistics.zero_shot import of_point

SCORES = (
    "model", "sampler", "alpha", "budget", "ladder", "n_languages", "seed", "benchmark", "setting", "query_language",
    "candidate_language", "pair_set", "status", "metric", "value", "n_queries", "n_runs", "ci_low", "ci_high",
    "runs_ci_low", "runs_ci_high", "checkpoint", "candidate_text", "average", "zero_shot",
)  # fmt: skip
LANGUAGE_METRICS = {  # what the paper's tables have by question language
    "mono": ("mAP", "R@1", "nDCG@10", "R@100"),
    "cross": ("mAP", "R@1"),
    "multi": ("mAP", "mAP@20", "R@10", "rank distance"),
}
SCALING = {
    "trends": trend_table,
    "curves": curve_table,
    "components": component_table,
    "entry": entry_table,
    "diversity": diversity_table,
    "gaps": gap_table,
}
MAIN_METRICS = ("mAP", "mAP@20", "R@1", "R@10", "rank distance")


def runs_table(grid: Grid) -> pd.DataFrame:
    """Which run gives the value of each cell; `alias` marks cells that share a run with an earlier one."""
    rows, seen = [], set()
    for cell in grid.cells:
        run = cell.run
        rows.append(
            {
                "model": cell.model,
                "sampler": cell.sampler,
                "alpha": cell.alpha,
                "budget": cell.budget,
                "ladder": cell.ladder,
                "n_languages": cell.n_languages,
                "seed": cell.seed,
                "run": run.path,
                "alias": run.path in seen,
                "languages": " ".join(run.languages),
                "steps": run.steps,
            }
        )
        seen.add(run.path)
    return pd.DataFrame(rows)


def score_rows(
    panel: Panel, quantities: Sequence[Quantity], labels: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """One row per quantity and point that has a value, with both intervals; `labels` are constant columns.

    n_queries: questions with a value; by status, where it may differ between replicates, their mean.
    """
    columns = [{seed: panel.column(path) for seed, path in p.runs} for p in panel.points]
    comparisons = [cell_units(replicates) for replicates in columns]
    constant = {"seed": ALL} | labels
    unseen = [of_point(panel.study, panel.grid, p, labels["benchmark"]) for p in panel.points]
    for quantity, average, questions, found in panel.estimates(quantities, comparisons):
        for i, point in enumerate(panel.points):
            if np.isnan(found["mean"][i]):
                continue
            yield (
                constant
                | point.columns()
                | quantity.columns()
                | estimated(found, i)
                | {
                    "value": found["mean"][i],
                    "n_queries": round(questions[list(columns[i].values())].mean()),
                    "average": average,
                    "zero_shot": unseen[i],
                }
            )


def score_table(rows: Iterator[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table with the columns of every scores table."""
    return pd.DataFrame(list(rows), columns=list(SCORES))


def by_language(study: Study) -> list[Quantity]:
    """The metrics of LANGUAGE_METRICS of every question language; candidates of all languages."""
    return [
        Quantity(setting, metric, ALL, (code,), query_language=code)
        for code in study.languages.all
        for setting in SETTINGS
        for metric in LANGUAGE_METRICS[setting]
    ]


def by_pair(study: Study) -> list[Quantity]:
    """mAP of every ordered pair of languages, the diagonal being mono."""
    return [
        Quantity("mono" if x == y else "cross", "mAP", ALL, (x,), (y,), x, y)
        for x in study.languages.all
        for y in study.languages.all
    ]


def relatives(study: Study) -> list[tuple[str, str, tuple[str, ...], bool]]:
    """Held-out languages by script and by branch: (grouping, group, languages, is there one in the pool)."""
    found = []
    for grouping, fact in (("script", language_facts.script), ("branch", language_facts.branch)):
        pool = {fact(code) for code in study.languages.pool}
        groups: dict[str, list[str]] = {}
        for code in study.languages.heldout:
            groups.setdefault(fact(code), []).append(code)
        found += [(grouping, group, tuple(codes), group in pool) for group, codes in groups.items()]
    return found


def transfer_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """Held-out languages by script and branch: cross mAP between them and the pool, both ways, and mono."""
    columns = ("grouping", "group", "languages", "group_in_pool")
    tables, pool = [pd.DataFrame(columns=[*columns, *SCORES])], tuple(study.languages.pool)
    for grouping, group, codes, known in relatives(study):
        quantities = [
            Quantity("cross", "mAP", "heldout-pool", codes, pool),
            Quantity("cross", "mAP", "pool-heldout", pool, codes),
            Quantity("mono", "mAP", "heldout", codes, codes),
        ]
        table = score_table(score_rows(panel, quantities, labels))
        for i, value in enumerate((grouping, group, " ".join(codes), known)):
            table.insert(i, columns[i], value)
        tables.append(table)
    return pd.concat(tables[1:] or tables, ignore_index=True)


def ranks_by_language(study: Study) -> list[Quantity]:
    """The rank in multi of the relevant candidate of each language, questions in all languages."""
    return [Quantity("multi", RANK, ALL, None, (c,), candidate_language=c) for c in study.languages.all]


def language_shares(study: Study) -> list[Quantity]:
    """What fills the first 10 of multi: the question's own language, the others of the pool, the others held out, and
    every language; questions in all languages.
    """
    pool, heldout = tuple(study.languages.pool), tuple(study.languages.heldout)
    return [
        quantity
        for metric in TOP
        for quantity in (
            Quantity("multi", metric, candidate_language=OWN),
            Quantity("multi", metric, ALL, None, pool, candidate_language=f"{OTHER}-pool"),
            Quantity("multi", metric, ALL, None, heldout, candidate_language=f"{OTHER}-heldout"),
            *(Quantity("multi", metric, ALL, None, (c,), candidate_language=c) for c in study.languages.all),
        )
    ]


def main_table(scaling: pd.DataFrame, metrics: Sequence[str] = MAIN_METRICS) -> pd.DataFrame:
    """The rows of Table 1 of arXiv:2408.10536: samplers by setting at the largest n, with the rank distance."""
    largest = scaling["n_languages"] == scaling["n_languages"].max()
    shown = (scaling[["pair_set", "candidate_language", "status"]] == ALL).all(axis=1)
    wanted = scaling["metric"].isin(metrics)
    return scaling[(largest | (scaling["n_languages"] == 0)) & shown & wanted].reset_index(drop=True)


def all_tables(
    study: Study, grid: Grid, files: dict[tuple[str, str, str], str], audit: pd.DataFrame | None = None
) -> dict[str, pd.DataFrame]:
    """Every table by name. `files`: score file by (run folder, checkpoint, benchmark); `audit`: tables/audit.csv."""
    parts: dict[str, list[pd.DataFrame]] = {}
    claimed: list[ledger.Entry] = []
    for benchmark, options in sorted(study.benchmarks.items()):
        for checkpoint in grid.checkpoints:
            # untrained rows have no best checkpoint; their only one stands beside both
            keys = {r.path: (r.path, checkpoint if r.steps else "last", benchmark) for r in grid.runs}
            found = {path: files[key] for path, key in keys.items() if key in files}
            panel = Panel(study, grid, {path: load(file) for path, file in found.items()})
            listed = not panel.gives("cross", "mAP")
            labels = {
                "benchmark": benchmark,
                "checkpoint": checkpoint,
                "candidate_text": options.candidate_text or reader(options.set or benchmark).text,
            }
            scaling = score_table(score_rows(panel, pair_set_quantities(study) + status_quantities(), labels))
            for name, table in {
                "scaling": scaling,
                "main": main_table(scaling, tuple(LISTED) if listed else MAIN_METRICS),
                "languages": score_table(score_rows(panel, by_language(study), labels)),
                "pairs": score_table(score_rows(panel, by_pair(study), labels)),
                "transfer": transfer_table(study, panel, labels),
                "contrasts": contrast_table(study, panel, labels),
                "sensitivity": sensitivity_table(panel, labels),
                "seeds": score_table(replicate_rows(panel, labels)),
                "ranks": score_table(score_rows(panel, ranks_by_language(study), labels)),
                "bias": pd.concat(
                    [
                        scaling[scaling["metric"].isin([*BIAS, *CONTROLS])],
                        score_table(median_rows(panel, labels)),
                    ]
                ),
                "shares": score_table(score_rows(panel, language_shares(study), labels)),
                **{name: make(study, panel, labels) for name, make in SCALING.items()},
            }.items():
                parts.setdefault(name, []).append(table)
            if checkpoint == "last":
                claimed += ledger.entries(panel, benchmark)
    # an empty table has no types to keep
    tables = {
        name: pd.concat([t for t in found if len(t)] or found[:1], ignore_index=True)
        for name, found in parts.items()
    }
    tables |= {name: adjusted(tables[name]) for name in SCALING if "p_adjusted" in tables[name]}
    tables |= {
        "contrasts": adjust(tables["contrasts"]),
        "claims": ledger.table(study, claimed, audit, tables["diversity"]),
    }
    return {"runs": runs_table(grid)} | tables
