"""The report: one HTML file that opens offline and tells what the study found."""

import base64
from html import escape
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from langscale import layout
from langscale.config import Study
from langscale.grid import ALL, BM25, NONE
from langscale.languages import name as language_name
from langscale.scores import SETTINGS

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
    scaling, contrasts = (
        table[(table["metric"] == "mAP") & (table["checkpoint"] == "last") & (table["average"] == "macro")]
        for table in (layout.headline(scaling), contrasts)
    )
    scaling = scaling[scaling["ladder"] == ALL]
    names = ["benchmark", "model", "budget"]
    curves = scaling.loc[scaling["n_languages"] > 0, names].drop_duplicates()
    found = []
    for benchmark, model, budget in curves.itertuples(index=False):
        where = f"On {benchmark} with {model} ({budget}): " if len(curves) > 1 else ""
        here = scaling[(scaling["benchmark"] == benchmark) & scaling["model"].isin([model, BM25])]
        here = here[here["budget"].isin([budget, NONE])]
        first, last = here.loc[here["n_languages"] > 0, "n_languages"].agg(["min", "max"])
        cross = {name: rows for name, rows in here[here["setting"] == "cross"].groupby("pair_set")}
        if "pool" in cross:
            found.append(
                f"{where}From {first} to {last} training languages, cross-lingual mAP between pool languages goes from "
                "{start} to {end} with the best sampler, {sampler} ({change}); "
                "{baselines}.".format(**_curve(cross["pool"], contrasts))
            )
        held = [
            text
            + ", {sampler} reaches {end} ({change}; {baselines})".format(**_curve(cross[name], contrasts))
            for name, text in (("heldout-pool", "asking in them"), ("pool-heldout", "asking for them"))
            if name in cross
        ]
        if held:
            count = len(study.languages.heldout)
            found.append(f"{where}For the {count} languages it never saw, at n = {last}: {'; '.join(held)}.")
        end = here[(here["pair_set"] == ALL) & (here["n_languages"] == last)].sort_values("value")
        tops = end.groupby("setting", sort=False).tail(1).set_index("setting")
        winners = ", ".join(
            f"{setting} {layout.label(tops.loc[setting])} ({tops.loc[setting, 'value']:.3f})"
            for setting in SETTINGS
            if setting in tops.index
        )
        found.append(f"{where}Highest mAP over all languages at n = {last}: {winners}.")
    return found


def _curve(rows: pd.DataFrame, contrasts: pd.DataFrame) -> dict[str, str]:
    """What is told of one pair set: the sampler that is best at the largest n, there and at the smallest n."""
    trained = rows[rows["n_languages"] > 0].sort_values("value")
    best = trained[trained["n_languages"] == trained["n_languages"].max()].iloc[-1]
    sampler = trained[trained.apply(layout.label, axis=1) == layout.label(best)]
    start = sampler[sampler["n_languages"] == trained["n_languages"].min()].iloc[0]
    baselines = rows[rows["n_languages"] == 0]
    return {
        "sampler": layout.label(best),
        "start": layout.interval(start),
        "end": layout.interval(best),
        "change": _change(_contrast(contrasts, best, start["n_languages"])),
        "baselines": ", ".join(
            f"{layout.label(row)} {layout.interval(row)}" for _, row in baselines.iterrows()
        ),
    }


def _contrast(contrasts: pd.DataFrame, cell: pd.Series, n: int) -> pd.Series | None:
    """The contrast of a row of scaling.csv with the same curve at n, if there is one."""
    same = ("benchmark", "setting", "pair_set", "candidate_language")
    wanted = {name: cell[name] for name in same} | {
        "cell_n_languages": cell["n_languages"],
        "reference_n_languages": n,
    }
    for side in ("cell", "reference"):
        wanted |= {f"{side}_{name}": cell[name] for name in ("model", "sampler", "budget", "ladder")}
        alpha = contrasts[f"{side}_alpha"]
        contrasts = contrasts[alpha.isna() if pd.isna(cell["alpha"]) else alpha == cell["alpha"]]
    rows = contrasts[(contrasts[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return rows.iloc[0] if len(rows) else None


def _change(row: pd.Series | None) -> str:
    if row is None:
        return "no paired contrast"
    if pd.isna(row["ci_low"]):
        return f"difference {row['difference']:+.3f}, no procedure interval: {row['note']}"
    return f"paired difference {row['difference']:+.3f} [{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]"


def language_table(languages: pd.DataFrame) -> pd.DataFrame:
    """Cross mAP of every question language: untrained, and every sampler at the smallest and largest n."""
    table = languages[(languages["setting"] == "cross") & (languages["metric"] == "mAP")]
    table = table[table["average"] == "macro"]
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
        text = shown.to_html(index=False, border=0, escape=True)
        return text + "".join(f'<p class="small">{escape(note)}</p>' for note in layout.notes(text))

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
