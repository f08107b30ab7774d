"""The CSV tables of a study, as data frames."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd

from langscale.config.study import Study
from langscale.data import catalogue
from langscale.design.grid import Grid
from langscale.retrieval.measures import in_list_table, in_table
from langscale.retrieval.scores import load
from langscale.statistics.contrasts import contrast_table
from langscale.statistics.curve_fits import curve_table
from langscale.statistics.decomposition import decomposition_table
from langscale.statistics.diversity import diversity_table
from langscale.statistics.gaps import gap_table
from langscale.statistics.heldout_gains import generality_table, similarity_table
from langscale.statistics.language_entry import entry_table
from langscale.statistics.multiple_testing import adjusted
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import Quantity, pair_set_quantities, status_quantities
from langscale.statistics.score_tables import (
    by_language,
    by_pair,
    language_shares,
    main_table,
    median_rows,
    ranks_by_language,
    replicate_rows,
    score_rows,
    score_table,
    transfer_table,
    xtreme_r_table,
)
from langscale.statistics.sensitivity import sensitivity_table
from langscale.statistics.trends import trend_table
from langscale.statistics.variance_components import component_table

OF_PANEL = {
    "transfer": transfer_table,
    "contrasts": contrast_table,
    "decomposition": decomposition_table,
    "trends": trend_table,
    "curves": curve_table,
    "components": component_table,
    "entry": entry_table,
    "diversity": diversity_table,
    "gaps": gap_table,
    "similarity": similarity_table,
    "generality": generality_table,
}
"""Tables from a study, a panel and constant columns."""

Files = Mapping[tuple[str, str, str], str]
"""(run folder, checkpoint, benchmark) -> file of scores."""
Makers = dict[str, Callable[[], pd.DataFrame]]
"""Table -> the function that makes it."""


def runs_table(grid: Grid) -> pd.DataFrame:
    """The run behind each cell. `alias` marks a cell with the run of an earlier cell."""
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


def panels(study: Study, grid: Grid, files: Files) -> Iterator[tuple[str, str, Panel]]:
    """(benchmark, checkpoint, panel of all scored runs), with the clusters that the benchmark's record names.

    Without this column, as in scores of former versions, the clusters are the finer ones.
    """
    for benchmark in sorted(study.benchmarks):
        by = catalogue.benchmark(benchmark, study.benchmarks[benchmark]).resampled
        for checkpoint in grid.checkpoints:
            # untrained rows have no best checkpoint; their only one stands beside both
            keys = {r.path: (r.path, checkpoint if r.steps else "last", benchmark) for r in grid.runs}
            scores = {path: load(files[key]) for path, key in keys.items() if key in files}
            known = all(by in found.queries for found in scores.values())
            yield benchmark, checkpoint, Panel(study, grid, scores, by if known else "cluster")


def _makers(study: Study, panel: Panel, labels: dict[str, Any]) -> Makers:
    """The function of each table of a panel, slow ones first. `bias` lacks its rows of `scaling`."""

    def scores(quantities: Callable[[Panel], list[Quantity]]) -> Callable[[], pd.DataFrame]:
        return lambda: score_table(score_rows(panel, quantities(panel), labels))

    return {
        "scaling": scores(lambda panel: pair_set_quantities(study) + status_quantities()),
        "pairs": scores(by_pair),
        "languages": scores(by_language),
        "ranks": scores(ranks_by_language),
        "shares": scores(language_shares),
        "sensitivity": lambda: sensitivity_table(panel, labels),
        "seeds": lambda: score_table(replicate_rows(panel, labels)),
        "bias": lambda: score_table(median_rows(panel, labels)),
        **{name: partial(make, study, panel, labels) for name, make in OF_PANEL.items()},
    }


_shared: Makers = {}  # of a forked process, which inherits the functions, because they cannot be sent


def _side_by_side(makers: Makers, processes: int) -> dict[str, pd.DataFrame]:
    """The tables of all makers, made in forked processes on Linux."""
    if processes < 2 or sys.platform != "linux":
        return {name: make() for name, make in makers.items()}
    context = multiprocessing.get_context("fork")
    with context.Pool(min(processes, len(makers)), _shared.update, [makers]) as pool:
        return dict(zip(makers, pool.imap(_make, makers), strict=True))


def _make(name: str) -> pd.DataFrame:
    return _shared[name]()


def all_tables(study: Study, grid: Grid, files: Files, processes: int = 1) -> dict[str, pd.DataFrame]:
    """Every table of scores and statistics by name.

    processes: the largest number of forked processes. It changes no table.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    for benchmark, checkpoint, panel in panels(study, grid, files):
        options = study.benchmarks[benchmark]
        labels = {
            "benchmark": benchmark,
            "checkpoint": checkpoint,
            "candidate_text": options.candidate_text
            or catalogue.benchmark(benchmark, options).candidate_text,
        }
        found = _side_by_side(_makers(study, panel, labels), processes)
        scaling = found["scaling"]
        bias = scaling[scaling["metric"].isin([measure.name for measure in in_table("bias")])]
        found["main"] = main_table(scaling, (in_list_table if panel.lists_only else in_table)("main"))
        found["bias"] = pd.concat([bias, found["bias"]])
        found["xtreme-r"] = xtreme_r_table(study, scaling)
        for name, table in found.items():
            parts.setdefault(name, []).append(table)
    # an empty table has no types to keep
    tables = {
        name: pd.concat([t for t in found if len(t)] or found[:1], ignore_index=True)
        for name, found in parts.items()
    }
    tables |= {name: adjusted(table) for name, table in tables.items() if "p_adjusted" in table}
    return {"runs": runs_table(grid)} | tables
