"""Figures and report of a study with planted scores, as the workflow makes them from its files."""

import json

import pandas as pd

from langscale.core.csv_tables import read_csv, write_csv
from langscale.reporting import comparison, layouts, report
from langscale.reporting.budgets import joint_budgets
from langscale.reporting.contents import FIGURE_TABLES, figure_names
from langscale.reporting.figures.all_figures import all_figures
from langscale.reporting.figures.style import save
from langscale.reporting.provenance import provenance
from support.project_copy import ROOT

CAPTIONS = {file.stem: file.read_text() for file in sorted((ROOT / "workflow/report").glob("*.rst"))}


CENSUS = ["data", "file", "language", "rows", "empty", "repeated", "repaired"]


def logs():
    rows = [(s, n, step, 5 / (step + n)) for s in ("x-x-mono", "x-y") for n in (1, 3) for step in range(9)]
    return pd.DataFrame(rows, columns=["sampler", "n_languages", "step", "loss"])


def read(folder, name):
    return read_csv(folder / f"tables/{name}.csv")


def figure_tables(folder):
    """The tables that the figures are drawn from."""
    return {name: read(folder, name) for name in FIGURE_TABLES}


def write_table(table, folder, name):
    """A table as the workflow leaves it: CSV, and for those with a layout for reading Markdown and LaTeX."""
    write_csv(folder / f"{name}.csv", table)
    if name in layouts.LAYOUTS:
        layouts.write_readable(read_csv(folder / f"{name}.csv"), folder, name)


def write_tables(made, folder):
    for name, table in made.tables.items():
        write_table(table, folder / "tables", name)
    comparison.write(
        *comparison.compare(made.study, made.tables["scaling"], made.tables["languages"]), folder / "tables"
    )
    data = [("cldr train", "pairs", code, "pool", 1200) for code in made.study.languages.pool]
    data = pd.DataFrame(data, columns=["data", "what", "language", "role", "count"])
    write_table(data, folder / "tables", "data")
    census = pd.DataFrame([("source cldr", "x.jsonl", "en", 5, 1, 1, 0)], columns=CENSUS)
    write_table(census, folder / "tables", "census")


def draw(study, folder):
    shown = figure_names(study), joint_budgets(study)
    for name, figure in all_figures(figure_tables(folder), logs(), study.languages.pool, *shown):
        save(figure, folder / "figures", name)


def page(study, folder):
    log = folder / "log.csv"
    pd.DataFrame({"pairs_per_second": [64.0, 32.0]}).to_csv(log, index=False)
    stored = json.loads(json.dumps(provenance(study.model_dump(), [str(log)], folder)))
    return report.build(study, folder, stored, CAPTIONS)


def write(made, folder):
    """Tables, figures and report.html in `folder`; the text of the page."""
    write_tables(made, folder)
    draw(made.study, folder)
    text = page(made.study, folder)
    (folder / "report.html").write_text(text, encoding="utf-8")
    return text
