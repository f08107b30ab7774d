"""The report: one HTML file that opens offline and tells what the study found."""

import base64
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from langscale import layout
from langscale.config import Study
from langscale.grid import NONE, UNTRAINED
from langscale.languages import name as language_name
from langscale.panel import ALL

CAPTIONS = {
    "scaling-cross": (
        "Cross-lingual retrieval against the number of training languages. Each panel is a fixed set of (question "
        "language, candidate language) pairs that does not move with n. Bars: 95% procedure intervals."
    ),
    "scaling-mono": "Retrieval within a language. On languages never trained on it is mostly string overlap: "
    "compare the dashed line of the untrained encoder and the dotted one of BM25.",
    "scaling-multi": "Retrieval from the pool of all languages together.",
    "transfer": "Held-out languages by script and by branch, beside the untrained encoder and BM25.",
    "bias": "Language bias in the pool of all languages: distance between the first and the last relevant candidate, "
    "how much deeper the translations lie than the candidate in the question's own language, and the share of the "
    "question's own language in the first ten.",
    "training": "Training loss. At n = 1 every sampler is the same.",
}


def sentences(study: Study, scaling: pd.DataFrame, contrasts: pd.DataFrame) -> list[str]:
    """The answer, written from the numbers: what n does to cross mAP among pool pairs and on held-out languages."""
    scaling = layout.headline(scaling)
    scaling = scaling[
        (scaling["metric"] == "mAP") & (scaling["checkpoint"] == "last") & (scaling["ladder"] == ALL)
    ]
    trained = scaling[scaling["n_languages"] > 0]
    first, last = trained["n_languages"].min(), trained["n_languages"].max()
    found = []
    for (benchmark, model, budget), part in trained.groupby(["benchmark", "model", "budget"], sort=False):
        where = (
            f"On {benchmark} with {model} ({budget})" if len(study.benchmarks) * len(study.models) > 1 else ""
        )
        cross = part[part["setting"] == "cross"]
        at = cross[(cross["pair_set"] == "pool") & (cross["n_languages"] == last)].sort_values("value")
        best = at.iloc[-1]
        start = cross[(cross["pair_set"] == "pool") & (cross["n_languages"] == first)].iloc[0]
        untrained = _baseline(scaling, benchmark, model, "cross", "pool")
        keys = {"benchmark": benchmark, "cell_model": model, "cell_budget": budget, "setting": "cross"}
        gain = _contrast(contrasts, keys | {"pair_set": "pool"}, best, last, first)
        found.append(
            f"{where + ': f' if where else 'F'}rom {first} to {last} training languages, cross-lingual mAP between "
            f"pool languages goes from {layout.interval(start)} to {layout.interval(best)} with the best sampler, "
            f"{layout.label(best)} ({_change(gain)}); the untrained encoder has {untrained}."
        )
        held = []
        for pair_set, text in (("heldout-pool", "asking in them"), ("pool-heldout", "asking for them")):
            rows = cross[cross["pair_set"] == pair_set]
            if rows.empty:
                continue
            top = rows[rows["n_languages"] == last].sort_values("value").iloc[-1]
            change = _contrast(contrasts, keys | {"pair_set": pair_set}, top, last, first)
            base = _baseline(scaling, benchmark, model, "cross", pair_set)
            held.append(
                f"{text}, {layout.label(top)} reaches {layout.interval(top)} ({_change(change)}; untrained {base})"
            )
        if held:
            found.append(
                f"For the {len(study.languages.heldout)} languages it never saw, at n = {last}: "
                + "; ".join(held)
                + "."
            )
        winners = []
        for setting in ("mono", "cross", "multi"):
            rows = part[
                (part["setting"] == setting) & (part["pair_set"] == ALL) & (part["n_languages"] == last)
            ]
            top = rows.sort_values("value").iloc[-1]
            winners.append(f"{setting} {layout.label(top)} ({top['value']:.3f})")
        found.append(f"Highest mAP over all languages at n = {last}: " + ", ".join(winners) + ".")
    return found


def _baseline(scaling: pd.DataFrame, benchmark: str, model: str, setting: str, pair_set: str) -> str:
    rows = scaling[
        (scaling["sampler"] == UNTRAINED) & (scaling["benchmark"] == benchmark) & (scaling["model"] == model)
    ]
    rows = rows[(rows["setting"] == setting) & (rows["pair_set"] == pair_set)]
    return layout.interval(rows.iloc[0])


def _contrast(
    contrasts: pd.DataFrame, keys: dict[str, Any], cell: pd.Series, n: int, reference: int
) -> pd.Series | None:
    sampler = cell["sampler"]
    keys = keys | {"cell_sampler": sampler, "cell_n_languages": n, "reference_n_languages": reference}
    keys |= {
        "reference_sampler": sampler,
        "metric": "mAP",
        "checkpoint": "last",
        "cell_ladder": ALL,
        "average": "macro",
    }
    keys |= {"candidate_language": ALL}
    rows = contrasts[(contrasts[list(keys)] == pd.Series(keys)).all(axis=1)]
    rows = rows[rows["cell_alpha"].isna() if pd.isna(cell["alpha"]) else rows["cell_alpha"] == cell["alpha"]]
    return rows.iloc[0] if len(rows) else None


def _change(row: pd.Series | None) -> str:
    if row is None:
        return "no paired contrast"
    if pd.isna(row["ci_low"]):
        return f"difference {row['difference']:+.3f}, no procedure interval: {row['note']}"
    return f"paired difference {row['difference']:+.3f} [{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]"


def language_table(languages: pd.DataFrame) -> pd.DataFrame:
    """Cross mAP of every question language: untrained, and every sampler at the smallest and largest n."""
    table = languages[(languages["setting"] == "cross") & (languages["average"] == "macro")]
    table = table[(table["checkpoint"] == "last") & (table["ladder"].isin([ALL]))]
    trained = table["n_languages"][table["n_languages"] > 0]
    shown = table["n_languages"].isin([0, trained.min(), trained.max()]) & (table["sampler"] != NONE)
    return layout.by_language(table[shown])


def build(study: Study, folder: str | Path, provenance: dict[str, Any]) -> str:
    """The report as HTML, from the tables and figures in `folder`."""
    folder = Path(folder)

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(folder / "tables" / f"{name}.csv", keep_default_na=False, na_values=[""])

    def html(shown: pd.DataFrame) -> str:
        return shown.to_html(index=False, border=0, escape=True)

    figures = {
        name: {
            "caption": caption,
            "source": "data:image/svg+xml;base64,"
            + base64.b64encode((folder / "figures" / f"{name}.svg").read_bytes()).decode(),
        }
        for name, caption in CAPTIONS.items()
        if (folder / "figures" / f"{name}.svg").exists()
    }
    scaling, contrasts = table("scaling"), table("contrasts")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("report.html.jinja").render(
        study=study,
        question="A dense retriever is trained contrastively on question-passage pairs in n languages: what does n do "
        "to retrieval in languages, and across languages, that it never saw?",
        answer=sentences(study, scaling, contrasts),
        figures=figures,
        main=html(layout.main(table("main"))),
        scaling=html(layout.scaling(scaling)),
        transfer=html(layout.transfer(table("transfer"))) if study.languages.heldout else "",
        contrasts=html(layout.contrasts(contrasts)),
        languages=html(language_table(table("languages"))),
        names={code: language_name(code) for code in study.languages.all},
        provenance=provenance,
        config=yaml.safe_dump(provenance["config"], sort_keys=False, allow_unicode=True),
    )
