"""The CSV tables of a study, as data frames."""

from collections.abc import Iterator, Mapping

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
from langscale.statistics.language_entry import entry_table
from langscale.statistics.multiple_testing import adjusted
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import pair_set_quantities, status_quantities
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
}
"""Tables from a study, a panel and constant columns."""

Files = Mapping[tuple[str, str, str], str]
"""(run folder, checkpoint, benchmark) -> file of scores."""


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
    """(benchmark, checkpoint, panel of all scored runs)."""
    for benchmark in sorted(study.benchmarks):
        for checkpoint in grid.checkpoints:
            # untrained rows have no best checkpoint; their only one stands beside both
            keys = {r.path: (r.path, checkpoint if r.steps else "last", benchmark) for r in grid.runs}
            scores = {path: load(files[key]) for path, key in keys.items() if key in files}
            yield benchmark, checkpoint, Panel(study, grid, scores)


def all_tables(study: Study, grid: Grid, files: Files) -> dict[str, pd.DataFrame]:
    """Every table of scores and statistics by name."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for benchmark, checkpoint, panel in panels(study, grid, files):
        options = study.benchmarks[benchmark]
        labels = {
            "benchmark": benchmark,
            "checkpoint": checkpoint,
            "candidate_text": options.candidate_text
            or catalogue.benchmark(benchmark, study.benchmarks[benchmark]).candidate_text,
        }
        scaling = score_table(score_rows(panel, pair_set_quantities(study) + status_quantities(), labels))
        bias = scaling[scaling["metric"].isin([measure.name for measure in in_table("bias")])]
        for name, table in {
            "scaling": scaling,
            "main": main_table(scaling, (in_list_table if panel.lists_only else in_table)("main")),
            "languages": score_table(score_rows(panel, by_language(study), labels)),
            "pairs": score_table(score_rows(panel, by_pair(study), labels)),
            "seeds": score_table(replicate_rows(panel, labels)),
            "ranks": score_table(score_rows(panel, ranks_by_language(study), labels)),
            "bias": pd.concat([bias, score_table(median_rows(panel, labels))]),
            "shares": score_table(score_rows(panel, language_shares(study), labels)),
            "sensitivity": sensitivity_table(panel, labels),
            **{name: make(study, panel, labels) for name, make in OF_PANEL.items()},
        }.items():
            parts.setdefault(name, []).append(table)
    # an empty table has no types to keep
    tables = {
        name: pd.concat([t for t in found if len(t)] or found[:1], ignore_index=True)
        for name, found in parts.items()
    }
    tables |= {name: adjusted(table) for name, table in tables.items() if "p_adjusted" in table}
    return {"runs": runs_table(grid)} | tables
