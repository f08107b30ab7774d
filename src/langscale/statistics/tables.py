"""The tables of a study, as data frames with the columns that others build on."""

from collections.abc import Iterator, Mapping

import pandas as pd

from langscale.config.study import Study
from langscale.data import catalogue
from langscale.design.grid import Grid
from langscale.retrieval.measures import in_list_table, in_table
from langscale.retrieval.scores import load
from langscale.statistics.contrasts import adjust, contrast_table, gap_table, sensitivity_table
from langscale.statistics.curve_fits import curve_table
from langscale.statistics.diversity import diversity_table
from langscale.statistics.language_entry import entry_table
from langscale.statistics.panel import (
    Panel,
    pair_set_quantities,
    status_quantities,
)
from langscale.statistics.score_tables import (
    by_language,
    by_pair,
    language_shares,
    main_table,
    median_rows,
    ranks_by_language,
    replicate_rows,
    runs_table,
    score_rows,
    score_table,
    transfer_table,
)
from langscale.statistics.trends import adjusted, trend_table
from langscale.statistics.variance_components import component_table

SCALING = {
    "trends": trend_table,
    "curves": curve_table,
    "components": component_table,
    "entry": entry_table,
    "diversity": diversity_table,
    "gaps": gap_table,
}


def panels(
    study: Study, grid: Grid, files: Mapping[tuple[str, str, str], str]
) -> Iterator[tuple[str, str, Panel]]:
    """(benchmark, checkpoint, panel of all runs that have scores); `files`: by (run folder, checkpoint, benchmark)."""
    for benchmark in sorted(study.benchmarks):
        for checkpoint in grid.checkpoints:
            # untrained rows have no best checkpoint; their only one stands beside both
            keys = {r.path: (r.path, checkpoint if r.steps else "last", benchmark) for r in grid.runs}
            found = {path: files[key] for path, key in keys.items() if key in files}
            yield (
                benchmark,
                checkpoint,
                Panel(study, grid, {path: load(file) for path, file in found.items()}),
            )


def all_tables(
    study: Study, grid: Grid, files: Mapping[tuple[str, str, str], str]
) -> dict[str, pd.DataFrame]:
    """Every table of scores and statistics by name; `files` as in `panels`."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for benchmark, checkpoint, panel in panels(study, grid, files):
        options = study.benchmarks[benchmark]
        labels = {
            "benchmark": benchmark,
            "checkpoint": checkpoint,
            "candidate_text": options.candidate_text
            or catalogue.benchmark(study.set_of(benchmark)).candidate_text,
        }
        scaling = score_table(score_rows(panel, pair_set_quantities(study) + status_quantities(), labels))
        for name, table in {
            "scaling": scaling,
            "main": main_table(scaling, (in_list_table if panel.lists_only else in_table)("main")),
            "languages": score_table(score_rows(panel, by_language(study), labels)),
            "pairs": score_table(score_rows(panel, by_pair(study), labels)),
            "transfer": transfer_table(study, panel, labels),
            "contrasts": contrast_table(study, panel, labels),
            "sensitivity": sensitivity_table(panel, labels),
            "seeds": score_table(replicate_rows(panel, labels)),
            "ranks": score_table(score_rows(panel, ranks_by_language(study), labels)),
            "bias": pd.concat(
                [
                    scaling[scaling["metric"].isin([measure.name for measure in in_table("bias")])],
                    score_table(median_rows(panel, labels)),
                ]
            ),
            "shares": score_table(score_rows(panel, language_shares(study), labels)),
            **{name: make(study, panel, labels) for name, make in SCALING.items()},
        }.items():
            parts.setdefault(name, []).append(table)
    # an empty table has no types to keep
    tables = {
        name: pd.concat([t for t in found if len(t)] or found[:1], ignore_index=True)
        for name, found in parts.items()
    }
    tables |= {name: adjusted(tables[name]) for name in SCALING if "p_adjusted" in tables[name]}
    return {"runs": runs_table(grid)} | tables | {"contrasts": adjust(tables["contrasts"])}
