"""The paper's study with planted tables: its values are the published ones, moved by a stated amount."""

import pandas as pd

from langscale.config.study import Study, load
from langscale.published import figures as published
from langscale.statistics import score_tables
from langscale.statistics.contrasts import CONTRASTS

XLMR, LABSE, E5 = (
    "FacebookAI/xlm-roberta-base",
    "sentence-transformers/LaBSE",
    "intfloat/multilingual-e5-small",
)
SOURCES = ["mmarco", "nq", "wikiqa", "duorc", "newsqa", "mfaq", "mr-tydi", "yahoo-qa"]
POOL, HELDOUT = ["en", "ar", "zh", "de", "hi", "ru", "es", "th", "tr"], ["el", "vi"]


def study(**changes) -> Study:
    """The training and evaluation of the paper as a config."""
    values = {
        "study": "t",
        "languages": {"pool": POOL, "heldout": HELDOUT},
        "accept_licence": ["mlqa-r"],
        "sources": {name: {"pairs": 39_780_811} if name == "mmarco" else {} for name in SOURCES}
        | {"squadshifts": {"train": False, "validation": True}},
        "benchmarks": {"xquad-r": {}, "mlqa-r": {}},
        "models": {"xlm-r": {"hub": XLMR}, "labse": {"hub": LABSE}},
        "training": {"validation": {"languages": "en"}},
        "budgets": {"total": {"kind": "fixed-total", "steps": 20000, "whole_pool": False}},
        "replicates": 5,
        "grid": [{"samplers": ["x-x-mono", "x-y", "hybrid"], "n": [9]}],
    }
    return load(values | changes)


def rows(study: Study, moved=lambda figure: 0.0, half: float | None = 0.004, **changes) -> list[dict]:
    """A row of scores for every figure of the paper on benchmarks and models of the study.

    moved: the difference from the published value. half: half the interval (for rank distance times 1000),
    None: no interval. changes: other values of columns.
    """
    names = {options.hub: name for name, options in study.models.items()}
    budget = next(iter(study.budgets))
    found = []
    for figure in published.figures().to_dict("records"):
        known = figure["source"] == published.PAPER and figure["table"] not in ("Table 1", "Table 2")
        if not known or figure["query_language"] == "median" or figure["model"] not in names:
            continue
        value = float(figure["value"]) + moved(figure)
        width = None if half is None else half * (1000 if figure["metric"] == published.RANK_DISTANCE else 1)
        for benchmark, options in study.benchmarks.items():
            if (options.set or benchmark) != figure["benchmark"]:
                continue
            found.append(
                {
                    "model": names[figure["model"]],
                    "sampler": figure["sampler"],
                    "alpha": figure["alpha"],
                    "budget": budget,
                    "ladder": "all",
                    "n_languages": 9,
                    "seed": "all",
                    "benchmark": benchmark,
                    "setting": figure["setting"],
                    "query_language": figure["query_language"],
                    "candidate_language": "all",
                    "pair_set": "all",
                    "status": "all",
                    "metric": figure["metric"],
                    "value": value,
                    "n_queries": 100,
                    "n_runs": 5,
                    "ci_low": None if width is None else value - width,
                    "ci_high": None if width is None else value + width,
                    "checkpoint": "best",
                    "candidate_text": options.candidate_text or "sentence",
                    "average": "macro",
                }
                | changes
            )
    return found


def split(rows: list[dict]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows as scaling.csv, all languages, and languages.csv, one."""
    table = pd.DataFrame(rows, columns=list(score_tables.SCORES)).astype(
        {"ci_low": float, "ci_high": float, "alpha": float}
    )
    whole = table["query_language"] == "all"
    return table[whole].reset_index(drop=True), table[~whole].reset_index(drop=True)


def contrast(better: str, than: str, p: float, turned: bool = False, **changes) -> dict:
    """A paired contrast on XQuAD-R mono mAP in favour of `better`. turned: the reverse difference."""
    sides = {"cell": than, "reference": better} if turned else {"cell": better, "reference": than}
    row = {"benchmark": "xquad-r", "setting": "mono", "query_language": "all", "candidate_language": "all",
           "pair_set": "all", "metric": "mAP", "difference": -0.01 if turned else 0.01, "p_adjusted": p,
           "family": "exploratory", "checkpoint": "best", "average": "macro"}  # fmt: skip
    for side, sampler in sides.items():
        names = {"model": "xlm-r", "sampler": sampler, "alpha": 0.5 if sampler == "hybrid" else None}
        names |= {"budget": "total", "ladder": "all", "n_languages": 9}
        row |= {f"{side}_{name}": value for name, value in names.items()}
    return row | changes


def contrasts(*found: dict) -> pd.DataFrame:
    """contrasts.csv."""
    return pd.DataFrame(list(found), columns=list(CONTRASTS))
