"""The report: one HTML file that opens offline and tells what the study found."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from langscale.config.model import Model
from langscale.config.runs import Budget
from langscale.config.study import Study
from langscale.config.terms import ALL, NONE
from langscale.core.tables import read_csv
from langscale.languages.families import name as language_name
from langscale.reporting import comparison, wording
from langscale.reporting import tables as layout
from langscale.reporting.contents import FIGURES, table_record
from langscale.reporting.summary import answers, missing

SECTIONS = {
    "compared": "What was compared, and how to read it",
    "claims": "The claims ledger",
    "trends": "Trends along n",
    "samplers": "Samplers at the largest n",
    "heldout": "Languages never trained on",
    "languages": "Language by language",
    "bias": "Language bias",
    "published": "Beside published figures",
    "numbers": "All scaling numbers",
    "made": "How it was made",
    "missing": "What is missing",
}
BUDGETS = {
    "fixed-total": "at every n, on the same pairs, so a language's share falls with n",
    "fixed-per-language": "times n, on the same pairs, so every language keeps its number",
    "fixed-rows": "at every n, on 1/n of the pairs, so the rows stay as many",
}
QUESTION = (
    "A dense retriever is trained contrastively on question-passage pairs in n languages: what does n do to retrieval in "
    "languages, and across languages, that it never saw?"
)


def language_table(languages: pd.DataFrame) -> pd.DataFrame:
    """Cross mAP of every question language: untrained, and every sampler at the smallest and largest n."""
    table = languages[(languages["setting"] == "cross") & (languages["metric"] == "mAP")]
    table = table[table["average"] == "macro"]
    table = table[(table["checkpoint"] == "last") & (table["ladder"].isin([ALL]))]
    trained = table["n_languages"][table["n_languages"] > 0]
    shown = table["n_languages"].isin([0, trained.min(), trained.max()]) & (table["sampler"] != NONE)
    return layout.by_language(table[shown])


def data_table(data: pd.DataFrame) -> pd.DataFrame:
    """data.csv with a row per language and a column per count."""
    columns = data["data"] + " " + data["what"]
    wide = data.assign(column=columns).pivot_table(
        index=["language", "role"], columns="column", values="count", aggfunc="sum", sort=False
    )
    return wide.astype("Int64").reset_index().rename_axis(columns=None)


def brief(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """(the columns that vary, intervals joined to their value, three digits; what holds for all rows).

    For tables that have no layout of their own.
    """
    if table.empty:
        return pd.DataFrame({"rows": ["none"]}), []
    table = table.drop(
        columns=[c for c in table if c.startswith(("runs_ci", "p_runs")) or c == "candidate_text"]
    )
    if "alpha" in table:
        table = table.assign(sampler=table.apply(wording.label, axis=1)).drop(columns="alpha")
    if "ci_low" in table:
        value = table.columns[table.columns.get_loc("ci_low") - 1]
        joined = table.apply(wording.interval, axis=1, value=value).where(table[value].notna(), "")
        table = table.assign(**{value: joined}).drop(columns=["ci_low", "ci_high"])
    alike = {
        name: table[name].iloc[0]
        for name in table
        if len(table) > 1
        and table[name].nunique(dropna=False) == 1
        and (name != "note" or table[name].isna().all())
    }
    told = [
        f"{name.replace('_', ' ')}: {value}"
        for name, value in alike.items()
        if value not in ("", ALL) and pd.notna(value)
    ]
    table = table.drop(columns=list(alike))
    return table.rename(columns=lambda c: c.replace("_", " ")), [f"In all rows: {', '.join(told)}."] * bool(
        told
    )


def texts(table: pd.DataFrame) -> list[list[str]]:
    """The cells as text: numbers with four digits, nothing where there is none."""

    def text(value: Any) -> str:
        if isinstance(value, float):
            return "" if pd.isna(value) else f"{value:.4g}"
        return "" if value is None or value is pd.NA else str(value)

    return [[text(value) for value in row] for row in table.itertuples(index=False, name=None)]


def build(study: Study, folder: str | Path, provenance: dict[str, Any], captions: Mapping[str, str]) -> str:
    """The report as HTML, from the tables and figures in `folder`; captions by figure and table."""
    folder = Path(folder)

    def read(name: str) -> pd.DataFrame:
        return read_csv(folder / "tables" / f"{name}.csv")

    def below(name: str) -> list[str]:
        """What is written below the table in its Markdown."""
        text = (folder / "tables" / f"{name}.md").read_text(encoding="utf-8")
        return [part.strip() for part in text.split("\n\n")[1:]]

    def table(name: str, shown: pd.DataFrame, notes: list[str]) -> dict[str, Any]:
        record = table_record(name)
        rows = texts(shown)
        marks = wording.notes(" ".join(cell for row in rows for cell in row))
        return {
            "title": record.title,
            "caption": captions[record.caption],
            "columns": list(shown),
            "rows": rows,
            "notes": [*notes, *marks],
        }

    scaling, contrasts, claims, curves = (read(name) for name in ("scaling", "contrasts", "claims", "curves"))
    shown = {name: (layout.LAYOUTS[name](read(name)), []) for name in ("main", "trends", "bias")}
    ledger = layout.claims(claims)
    ledger.insert(2, "verdict", ledger.pop("verdict"))
    shown |= {"claims": (ledger, []), "curves": (layout.curves(curves), [])}
    shown |= {"scaling": (layout.scaling(scaling), []), "contrasts": (layout.contrasts(contrasts), [])}
    shown |= {"languages": (language_table(read("languages")), []), "data": (data_table(read("data")), [])}
    shown |= {name: brief(read(name)) for name in ("entry", "diversity", "components")}
    shown["sensitivity"] = (layout.sensitivity(read("sensitivity")), [])
    if study.languages.heldout:
        shown |= {
            "transfer": (layout.transfer(read("transfer")), []),
            "gaps": (layout.gaps(read("gaps")), []),
        }
    shown["published"] = (comparison.readable(read("published")), below("published"))
    papers = sorted(
        (folder / "tables").glob("paper-*.csv"), key=lambda file: int(re.sub(r"\D", "", file.stem))
    )
    shown |= {file.stem: (read(file.stem), below(file.stem)) for file in papers}

    told = answers(study, scaling, contrasts, claims)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("report.html.jinja").render(
        study=study,
        question=QUESTION,
        models={name: _model(model) for name, model in study.models.items()},
        budgets=[_budget(name, budget) for name, budget in study.budgets.items()],
        answer=next(iter(told.values())),
        others=dict(list(told.items())[1:]),
        figures=_figures(folder / "figures"),
        captions=captions,
        tables={name: table(name, *found) for name, found in shown.items()},
        sections={k: v for k, v in SECTIONS.items() if k != "heldout" or study.languages.heldout},
        missing=missing(study, scaling, claims, curves),
        names={code: language_name(code) for code in study.languages.all},
        provenance=provenance,
        config=yaml.safe_dump(provenance["config"], sort_keys=False, allow_unicode=True),
    )


def _model(model: Model) -> str:
    """What an encoder is, in words."""
    if model.architecture is None:
        packed = f"{model.bundled} with 4-bit weights" if model.bundled else None
        return f"{model.hub or model.path or packed}, pretrained"
    told = {"num_hidden_layers": "layer", "hidden_size": "dimension"}
    sizes = [(model.architecture[key], word) for key, word in told.items() if key in model.architecture]
    parts = [f"{size} {word}{'' if size == 1 else 's'}" for size, word in sizes]
    return f"{', '.join([model.architecture['model_type'], *parts])}, from random weights"


def _budget(name: str, budget: Budget) -> str:
    """What every n is given, in words."""
    return f"budget {name}, {budget.steps:,} steps {BUDGETS[budget.kind]}"


def _figures(folder: Path) -> dict[str, dict[str, str]]:
    """Title, alternative text and data address of every figure that was drawn."""
    found = {}
    for name, record in FIGURES.items():
        file = folder / f"{name}.svg"
        if file.exists():
            source = "data:image/svg+xml;base64," + base64.b64encode(file.read_bytes()).decode()
            found[name] = {"title": record.title, "alt": record.alternative, "source": source}
    return found
