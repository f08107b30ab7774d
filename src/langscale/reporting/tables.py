"""Tables on disk: CSV with every row and column, and a layout for reading as Markdown and LaTeX."""

from pathlib import Path

import pandas as pd

from langscale.config.terms import ALL, BM25, NONE
from langscale.core.files import atomic
from langscale.reporting.wording import digits, headline, interval, label, mark, notes, p_value

MAIN = (
    ("mono", "mAP"), ("mono", "R@1"), ("cross", "mAP"), ("cross", "R@1"), ("multi", "mAP"), ("multi", "mAP@20"),
    ("multi", "R@10"), ("multi", "rank distance"),
)  # fmt: skip
LISTS = (("mono", "nDCG@10"), ("mono", "R@100"))  # of corpora that are larger than memory


def write_readable(table: pd.DataFrame, folder: str | Path, name: str) -> None:
    """Write folder/name.md and .tex of a table that has a layout for reading."""
    shown = LAYOUTS[name](table)
    markdown = shown.to_markdown(index=False) + "\n"
    footnotes = [NOTE] * (name in NOTED) + notes(markdown)
    latex = shown.to_latex(index=False, escape=True, column_format="l" * shown.shape[1])
    latex += "".join(f"\\par {note}\n" for note in footnotes).replace("%", r"\%")
    texts = {
        "md": markdown + "".join(f"\n{note}\n" for note in footnotes),
        "tex": latex.replace("†", r"\textdagger{}").replace("‡", r"\textdaggerdbl{}"),
    }
    for kind, text in texts.items():
        with atomic(Path(folder) / f"{name}.{kind}") as partial:
            partial.write_text(text, encoding="utf-8")


def _wide(
    table: pd.DataFrame,
    rows: dict[str, pd.Series],
    columns: pd.Series,
    value: str = "value",
    marks: pd.Series | str = "",
) -> pd.DataFrame:
    """Cells with intervals, in the order of appearance; ValueError where two rows are for one cell."""
    long = pd.DataFrame(
        rows | {"column": columns, "text": table.apply(interval, axis=1, value=value) + marks}
    )
    if long.duplicated([*rows, "column"]).any():
        raise ValueError(f"two values for one cell, by {', '.join(rows)} and column")
    order = list(dict.fromkeys(long["column"]))
    wide = long.pivot_table(index=list(rows), columns="column", values="text", aggfunc="first", sort=False)
    return wide.reindex(columns=order).fillna("").reset_index().rename_axis(columns=None)


def _several(table: pd.DataFrame, *names: str) -> dict[str, pd.Series]:
    """Those of the columns that are not the same everywhere (but for the baselines, which have no model or budget)."""
    columns = {name: table[name] for name in names}
    return {k: v for k, v in columns.items() if v[~v.isin([NONE, BM25])].nunique() > 1}


def _points(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns that tell points of the design apart."""
    first = _several(table, "benchmark", "checkpoint", "model") | {
        "sampler": table.apply(label, axis=1) + mark(table)
    }
    return first | _several(table, "budget", "ladder") | {"n": table["n_languages"]}


def scaling(table: pd.DataFrame) -> pd.DataFrame:
    """mAP against n: a column per setting and pair set; nDCG@10 of benchmarks that have lists only."""
    table = headline(table)
    known = table.loc[table["metric"] == "mAP", "benchmark"]
    lists = (table["metric"] == "nDCG@10") & ~table["benchmark"].isin(known)
    table = table[(table["metric"] == "mAP") | lists]
    metric = table["metric"].map({"mAP": "", "nDCG@10": "nDCG@10 "})
    return _wide(table, _points(table), table["setting"] + " " + metric + table["pair_set"])


def main(table: pd.DataFrame) -> pd.DataFrame:
    """Samplers by setting, as Table 1 of arXiv:2408.10536."""
    table = headline(table)
    table = table[[pair in MAIN + LISTS for pair in zip(table["setting"], table["metric"], strict=True)]]
    columns = table["metric"].where(
        table["metric"] == "rank distance", table["setting"] + " " + table["metric"]
    )
    return _wide(table, _points(table), columns)


def transfer(table: pd.DataFrame) -> pd.DataFrame:
    """Held-out languages by script and branch: the baselines, then every sampler at the smallest and largest n.

    Without held-out languages, a line that says so.
    """
    if table.empty:
        return pd.DataFrame({"transfer": ["no language is held out"]})
    trained = table.loc[table["n_languages"] > 0, "n_languages"]
    table = table[
        (table["average"] == "macro") & table["n_languages"].isin([0, trained.min(), trained.max()])
    ]
    directions = {"mono": "mono", "heldout-pool": "held-out asks pool", "pool-heldout": "pool asks held-out"}
    setting = table["pair_set"].where(table["setting"] == "cross", "mono").map(directions)
    group = table["grouping"] + " " + table["group"]
    known = table["group_in_pool"].map({True: "yes", False: "no"})
    rows = {"group": group, "in pool": known, "languages": table["languages"], "setting": setting}
    return _wide(table, _several(table, "benchmark", "checkpoint") | rows, _columns(table), marks=mark(table))


def by_language(table: pd.DataFrame) -> pd.DataFrame:
    """A row per question language, a column per sampler and n; a line that there is none, where there is none."""
    if table.empty:
        return pd.DataFrame({"question language": ["no benchmark of this study has other languages' pools"]})
    rows = _several(table, "benchmark", "checkpoint") | {"question language": table["query_language"]}
    return _wide(table, rows, _columns(table), marks=mark(table))


def _columns(table: pd.DataFrame) -> pd.Series:
    text = _sampler_n(table)
    for name, values in _several(table, "model", "budget", "ladder").items():
        shown = values.where(~values.isin([NONE, BM25, ALL]), "")
        text = shown + " " + text if name == "model" else text + " " + shown
    return text.str.strip()


def _sampler_n(table: pd.DataFrame, side: str = "") -> pd.Series:
    n = table[f"{side}n_languages"]
    return table.apply(label, axis=1, side=side) + (" n=" + n.astype(str)).where(n > 0, "")


def contrasts(table: pd.DataFrame) -> pd.DataFrame:
    """The confirmatory contrasts, or a line that there are none."""
    table = table[table["family"] != "exploratory"]
    if table.empty:
        return pd.DataFrame({"contrast": ["none was declared in the config"]})
    names = ("family", "benchmark", "cell_model", "cell_budget", "reference_model", "reference_budget")
    return pd.DataFrame(
        _several(table, *names)
        | {
            "contrast": _sampler_n(table, "cell_") + " minus " + _sampler_n(table, "reference_"),
            "what": table["setting"] + " " + table["metric"] + ", pairs: " + table["pair_set"],
            "difference": table.apply(interval, axis=1, value="difference"),
            "p": table["p"].map(p_value),
            "adjusted (Holm)": table["p_adjusted"].map(p_value),
            "p of equivalence": table["p_equivalent"].map(p_value),
            "smallest detectable": table["smallest_detectable"].map(digits),
            "replicates": table["n_runs"],
        }
    )


def sensitivity(table: pd.DataFrame) -> pd.DataFrame:
    """The declared contrasts (without any, the headline over all languages) under both clusterings, side by side."""
    if table.empty:
        return pd.DataFrame({"cluster": ["no benchmark of this study has coarser clusters"]})
    declared = table["reference_sampler"].notna()
    table = table[(declared if declared.any() else table["pair_set"] == ALL) & (table["average"] == "macro")]
    names = _sampler_n(table, "cell_")
    if declared.any():
        names += " minus " + _sampler_n(table.astype({"reference_n_languages": int}), "reference_")
    what = table["setting"] + " " + table["metric"] + ", pairs: " + table["pair_set"]
    rows = _several(table, "benchmark", "cell_model", "cell_budget") | {"contrast": names, "what": what}
    return _wide(table, rows, "by " + table["cluster"])


def bias(table: pd.DataFrame) -> pd.DataFrame:
    """Measures of language bias in multi, one column each."""
    table = headline(table)
    if table.empty:
        return pd.DataFrame({"bias": ["no benchmark has a ranking of all languages"]})
    return _wide(table, _points(table), table["metric"])


def _lines(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns that tell curves along n apart."""
    first = _several(table, "benchmark", "checkpoint", "model") | {"sampler": table.apply(label, axis=1)}
    return first | _several(table, "budget", "ladder") | {"n": table["n_values"]}


def trends(table: pd.DataFrame) -> pd.DataFrame:
    """Slopes per doubling of n: mAP in a column per setting and pair set, and rank distance."""
    table = table[table["metric"].isin(["mAP", "rank distance"]) & (table["average"] == "macro")]
    if table.empty:
        return pd.DataFrame({"trend": ["no sampler has two numbers of languages"]})
    columns = (table["setting"] + " " + table["pair_set"]).where(table["metric"] == "mAP", table["metric"])
    return _wide(table, _lines(table), columns, value="slope")


def gaps(table: pd.DataFrame) -> pd.DataFrame:
    """mAP of pool pairs minus that of each pair set with held-out languages; a line where none is held out."""
    if table.empty:
        return pd.DataFrame({"gap": ["no language is held out"]})
    rows = _several(table, "benchmark", "checkpoint", "model") | {"sampler": table.apply(label, axis=1)}
    rows |= _several(table, "budget", "ladder") | {"n": table["n_languages"]}
    return _wide(table, rows, table["setting"] + " " + table["pair_set"], value="gap")


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """The curve of least leave-one-n-out error for mAP, with the n of half and 95% of the gain and an extrapolation."""
    table = table[table["chosen"].eq(True) & (table["metric"] == "mAP") & (table["average"] == "macro")]
    if table.empty:
        return pd.DataFrame({"curve": ["fewer than four numbers of languages: no curves to compare"]})
    told = {
        "curve": table["curve"],
        "chosen in resamples": table["chosen_share"].map("{:.0%}".format, na_action="ignore").fillna(""),
        "error": table["error"].map("{:.4f}".format),
    }
    for name, key in (("n of half the gain", "n50"), ("n of 95%", "n95")):
        told[name] = table.apply(_identified, axis=1, key=key)
    names = {"value": "extrapolated_2x", "low": "extrapolated_2x_low", "high": "extrapolated_2x_high"}
    told["at twice the largest n (extrapolated)"] = table.apply(interval, axis=1, **names)
    where = {"setting": table["setting"], "pair set": table["pair_set"]}
    return pd.DataFrame(_lines(table) | where | told).reset_index(drop=True)


def _identified(row: pd.Series, key: str) -> str:
    if pd.isna(row[key]):
        return "not identified"
    low, high = (
        "?" if pd.isna(row[f"{key}_{end}"]) else f"{row[f'{key}_{end}']:.1f}" for end in ("low", "high")
    )
    return f"{row[key]:.1f} [{low}, {high}]"


def claims(table: pd.DataFrame) -> pd.DataFrame:
    """A verdict per claim, model and benchmark, with the comparison that decides it."""
    table = table[table["part"] == ALL]

    return pd.DataFrame(
        {"claim": table["claim"], "statement": table["statement"]}
        | {name: table[name] for name in _several(table[table["model"] != ALL], "benchmark", "model")}
        | {
            "verdict": table["verdict"],
            "what decides": table["compared"].fillna(""),
            "claimed": table["claimed"].fillna(""),
            "effect": table.apply(interval, axis=1, value="effect").where(table["effect"].notna(), ""),
            "adjusted p (Holm)": table["p_adjusted"].map(p_value),
            "smallest detectable": table["smallest_detectable"].map(digits),
            "reason": table["reason"].fillna(""),
        }
    )


LAYOUTS = {
    "scaling": scaling,
    "main": main,
    "transfer": transfer,
    "contrasts": contrasts,
    "trends": trends,
    "curves": curves,
    "gaps": gaps,
    "claims": claims,
    "bias": bias,
}
NOTED = ("scaling", "main", "transfer", "contrasts", "trends", "claims", "bias")
NOTE = (
    "In brackets: 95% procedure interval, which speaks about new training runs and new questions; where it is missing, "
    "there are fewer than four replicates, the measure is a median, or p is that of a permutation. The csv also has the interval of these runs, "
    "for which questions alone are drawn anew."
)
