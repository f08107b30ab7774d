"""The report: one HTML file for offline reading, from the tables and figures of a study."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml
from markupsafe import Markup

from langscale.config.model import Model
from langscale.config.runs import Budget
from langscale.config.study import Study
from langscale.config.terms import ALL, SETTINGS
from langscale.core.csv_tables import read_csv
from langscale.languages.families import name as language_name
from langscale.reporting import comparison, formats, layouts, paper_tables, wording
from langscale.reporting.answers import (
    NO_MAP,
    Answer,
    answers,
    claim_counts,
    for_new_languages,
    missing,
    query_languages,
)
from langscale.reporting.budgets import joint_budgets
from langscale.reporting.contents import FIGURES, table_record
from langscale.reporting.glossary import TERMS

QUESTION = "How does the number of training languages change dense retrieval in languages it never saw?"
QUESTION_WITHOUT_TRAINING = "How well do these encoders retrieve within a language and across languages?"
SECTIONS = {
    "design": "Design and terms",
    "claims": "Claims",
    "trends": "Effect of the number of training languages",
    "samplers": "Comparison of samplers",
    "heldout": "Held-out languages",
    "languages": "Single languages and pairs of languages",
    "bias": "Language bias",
    "published": "Published values",
    "numbers": "All numbers",
    "made": "Data, training and software",
    "missing": "Not included",
}
DEFINED = (
    "n", "pool", "held-out language", "ladder", "replicate", "sampler", "budget", "setting", "pair set",
    "mAP", "R@k", "preference among translations", "rank distance",
    "confidence interval over runs and queries", "significant", "verdict", "untrained", "BM25",
)  # fmt: skip
"""Terms of the glossary that the report defines."""
BUDGETS = {
    "fixed-total": "at every n, on the same pairs",
    "fixed-per-language": "times n, on the same pairs",
    "fixed-rows": "at every n, on 1/n of the pairs",
}
MODES = {
    "full": "all weights of the encoder are",
    "lora": "low-rank matrices in the layers of the encoder (LoRA) are",
    "adapter": "{adapter} on the vectors of the frozen encoder is",
}
"""Training mode -> what is trained."""


@dataclass(frozen=True)
class Shown:
    """A table of the page, or a sentence instead of one.

    folded: the summary of a table that is closed at first, else empty.
    """

    name: str
    title: str
    caption: str
    columns: list[str]
    rows: list[list[Markup]]
    notes: list[str] = field(default_factory=list)
    sentence: str = ""
    folded: str = ""


def cell(text: str) -> Markup:
    """A cell in HTML, with its interval in an element of its own: it stays on one line."""
    return Markup(re.sub(r"(\[[^\]]*\])", r'<span class="ci">\1</span>', formats.html(text)))


def compact(table: pd.DataFrame) -> pd.DataFrame:
    """The table as text, without empty columns and rows.

    With one training language all samplers and budgets are the same. Equal columns of theirs are one.
    """
    texts = table.map(formats.text)
    texts = texts.loc[:, (texts != "").any()].rename(columns=str)
    single = [str(name) for name in texts if re.search(r", 1 language(, |$)", str(name))]
    if len(single) > 1 and all(texts[name].equals(texts[single[0]]) for name in single):
        texts = texts.drop(columns=single[1:]).rename(columns={single[0]: "1 language"})
    return texts[(texts != "").any(axis=1)]


def shown(
    name: str,
    table: pd.DataFrame,
    captions: Mapping[str, str],
    notes: Sequence[str] = (),
    title: str = "",
    folded: str = "",
) -> Shown:
    """A table of the page. A layout of one cell is a sentence."""
    record = table_record(name.partition("/")[0])
    texts = compact(table)
    rows = [[str(text) for text in row] for row in texts.itertuples(index=False, name=None)]
    if texts.shape == (1, 1):
        sentence = rows[0][0]
        return Shown(
            name, title or record.title, "", [], [], sentence=f"{sentence[:1].upper()}{sentence[1:]}."
        )
    cells = [[cell(text) for text in row] for row in rows]
    caption = captions[record.caption]
    return Shown(
        name, title or record.title, caption, list(map(str, texts)), cells, list(notes), folded=folded
    )


def by_setting(
    name: str, make: Callable[[pd.DataFrame], pd.DataFrame], table: pd.DataFrame, captions: Mapping[str, str]
) -> list[Shown]:
    """A wide layout as one table per setting."""
    found = []
    for setting in SETTINGS:
        part = make(table[table["setting"] == setting]) if (table["setting"] == setting).any() else table[:0]
        if len(part) and part.shape != (1, 1):
            part = part.rename(columns={c: str(c).removeprefix(f"{setting}, ") for c in part})
            title = f"{table_record(name).title}: {setting}"
            notes = _notes(part, name)
            found.append(shown(f"{name}/{setting}", part, captions, notes, title))
    return found or [shown(name, make(table), captions)]


def published(
    study: Study, scaling: pd.DataFrame, languages: pd.DataFrame, captions: Mapping[str, str]
) -> Iterator[Shown]:
    """The comparable published values. Below it, folded, the others with their reasons."""
    table, without = comparison.compare(study, scaling, languages)
    averages = table[table["query_language"] == ALL]
    fit = table["verdict"] != comparison.NOT
    if fit.any() or averages.empty:
        notes = comparison.closing(table[fit], without)
        yield shown("published", comparison.readable(table[fit]), captions, notes)
    others = table[~fit]
    if len(others):
        number = wording.count(len(others), "published value")
        folded = f"{number} of other encoders, data or training, with the reasons against a comparison"
        notes = comparison.closing(others, without)
        yield shown("published/other", comparison.readable(others), captions, notes, "Not comparable", folded)


def _notes(table: pd.DataFrame, name: str) -> list[str]:
    """The notes below a table, without the meaning of brackets, explained once on the page."""
    return [note for note in layouts.footnotes(table, name) if note != layouts.INTERVALS]


def page_tables(study: Study, folder: Path, captions: Mapping[str, str]) -> dict[str, list[Shown]]:
    """Every table of the page by the name of its CSV. A list, because some are shown in parts."""

    def read(name: str) -> pd.DataFrame:
        return read_csv(folder / "tables" / f"{name}.csv")

    def one(name: str, make: Callable[[pd.DataFrame], pd.DataFrame]) -> list[Shown]:
        table = make(read(name))
        return [shown(name, table, captions, _notes(table, name))]

    scaling, languages, contrasts = read("scaling"), read("languages"), read("contrasts")
    found = {
        name: one(name, layouts.LAYOUTS[name]) for name in ("claims", "main", "curves", "contrasts", "bias")
    }
    found["scaling"] = by_setting("scaling", layouts.scaling, scaling, captions)
    found["decomposition"] = by_setting(
        "decomposition", layouts.decomposition, read("decomposition"), captions
    )
    if joint := joint_budgets(study):
        table = layouts.budgets(scaling, joint)
        found["budgets"] = [shown("budgets", table, captions, _notes(table, "budgets"))] * bool(len(table))
    found["trends"] = by_setting("trends", layouts.trends, read("trends"), captions)
    found["languages"] = one("languages", layouts.ends)
    for name, make in (("entry", layouts.entry), ("diversity", layouts.diversity)):
        found[name] = one(name, make)
    found |= {"components": one("components", layouts.components), "data": one("data", layouts.data)}
    found["sensitivity"] = one("sensitivity", layouts.sensitivity)
    if study.languages.heldout:
        found |= {name: one(name, layouts.LAYOUTS[name]) for name in ("transfer", "gaps", "generality")}
        gains = layouts.similarity(read("similarity"))
        folded = "The gain of each held-out language, with its nearest training language"
        notes = _notes(gains, "similarity")
        found["similarity"] = [shown("similarity", gains, captions, notes, folded=folded)]
    found["published"] = list(published(study, scaling, languages, captions))
    for name in paper_tables.names(study):
        paper = paper_tables.fill(study, name, scaling, languages, contrasts)
        found[name] = [shown(name, paper.shown(), captions, [paper.caption])]
    return found


def build(study: Study, folder: str | Path, provenance: dict[str, Any], captions: Mapping[str, str]) -> str:
    """The report as HTML, from the tables and figures in `folder`. Captions by figure and table."""
    folder = Path(folder)
    names = ("scaling", "contrasts", "claims", "curves", "languages", "decomposition", "generality")
    scaling, contrasts, claims, curves, languages, decomposition, generality = (
        read_csv(folder / "tables" / f"{name}.csv") for name in names
    )
    found = answers(study, scaling, contrasts, languages, decomposition)
    headline = next(iter(found.values()), Answer([NO_MAP], ""))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("report.html.jinja").render(
        study=study,
        question=QUESTION if study.grid else QUESTION_WITHOUT_TRAINING,
        models={name: _model(model) for name, model in study.models.items()},
        training=training(study),
        budgets=[_budget(name, budget) for name, budget in study.budgets.items()],
        benchmarks=_evaluated(study, languages),
        answer=headline,
        others=dict(list(found.items())[1:]),
        beyond=for_new_languages(study, scaling, generality),
        counts=claim_counts(claims),
        figures=_figures(folder / "figures"),
        captions=captions,
        tables=page_tables(study, folder, captions),
        terms={term: TERMS[term] for term in _terms(study)},
        sections={k: v for k, v in SECTIONS.items() if k != "heldout" or study.languages.heldout},
        missing=missing(study, scaling, claims, curves),
        names={code: language_name(code) for code in study.languages.all},
        provenance=provenance,
        config=yaml.safe_dump(provenance["config"], sort_keys=False, allow_unicode=True),
    )


def _terms(study: Study) -> list[str]:
    """The defined terms: those of every study, and of its data set and options."""
    entities = ["entity description"] * ("cldr" in study.benchmarks)
    return [term for term in DEFINED if study.languages.heldout or term != "held-out language"] + entities


def _evaluated(study: Study, languages: pd.DataFrame) -> dict[str, tuple[list[str], list[str]]]:
    """Benchmark -> its query languages in the pool, and those held out."""
    found = {}
    for benchmark in study.benchmarks:
        there = query_languages(study, languages, benchmark)
        held = set(study.languages.heldout)
        found[benchmark] = ([c for c in there if c not in held], [c for c in there if c in held])
    return found


def training(study: Study) -> str:
    """How the models are trained, in words: each mode, with the pairs of a step."""
    if not study.grid:
        return "No model is trained. The encoders are evaluated as they are."
    used = {name for arm in study.grid for name in arm.models or study.models}
    groups: dict[tuple[str, int], list[str]] = {}
    for name, model in study.models.items():
        if name in used:
            groups.setdefault((_mode(model), study.training_of(name).batch_size), []).append(name)
    languages = f"n of {wording.count(len(study.languages.pool), 'language')}"
    found = [
        f"{', '.join(names)}: {mode} trained contrastively on parallel query-passage pairs in {languages}, "
        f"{wording.count(size, 'pair')} a step."
        for (mode, size), names in groups.items()
    ]
    return " ".join(found)


def _mode(model: Model) -> str:
    """What is trained, in words."""
    hidden = model.adapter.hidden if model.adapter else None
    kind = f"an adapter with {wording.count(hidden, 'hidden unit')}" if hidden else "a linear adapter"
    return MODES[model.train].format(adapter=kind)


def _model(model: Model) -> str:
    """An encoder in words, with the dimensions to which its vectors are cut."""
    cut = " and the first ".join(map(str, model.dimensions or ()))
    return _origin(model) + (f", whole vectors and the first {cut} numbers of them" if cut else "")


def _origin(model: Model) -> str:
    """Where an encoder comes from, in words."""
    if model.architecture is None:
        packed = f"{model.bundled} with 4-bit weights" if model.bundled else None
        return f"{model.hub or model.path or packed}, pretrained"
    words = {"num_hidden_layers": "layer", "hidden_size": "dimension"}
    there = {key: word for key, word in words.items() if key in model.architecture}
    sizes = [wording.count(model.architecture[key], word) for key, word in there.items()]
    return f"{', '.join([model.architecture['model_type'], *sizes])}, from random weights"


def _budget(name: str, budget: Budget) -> str:
    """A budget in words."""
    return f"{name}: {budget.steps:,} steps {BUDGETS[budget.kind]}"


def _figures(folder: Path) -> dict[str, dict[str, str]]:
    """Title, alternative text and data address of every figure in the folder."""
    found = {}
    for name, record in FIGURES.items():
        file = folder / f"{name}.svg"
        if file.exists():
            source = "data:image/svg+xml;base64," + base64.b64encode(file.read_bytes()).decode()
            found[name] = {"title": record.title, "alt": record.alternative, "source": source}
    return found
