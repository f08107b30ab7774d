"""Tables on disk: CSV with every row and column, and a layout for reading as Markdown and LaTeX."""

from pathlib import Path

import pandas as pd

from langscale.files import atomic
from langscale.grid import ALL, BM25, NONE

MAIN = (
    ("mono", "mAP"), ("mono", "R@1"), ("cross", "mAP"), ("cross", "R@1"), ("multi", "mAP"), ("multi", "mAP@20"),
    ("multi", "R@10"), ("multi", "rank distance"),
)  # fmt: skip


def write(table: pd.DataFrame, folder: str | Path, name: str) -> None:
    """Write folder/name.csv and, for a table with a layout for reading, .md and .tex."""
    texts = {"csv": table.to_csv(index=False, float_format="%.6g", lineterminator="\n")}
    if name in LAYOUTS:
        shown = LAYOUTS[name](table)
        texts["md"] = f"{shown.to_markdown(index=False)}\n\n{NOTE}\n"
        texts["tex"] = shown.to_latex(
            index=False,
            escape=True,
            column_format="l" * shown.shape[1],
            caption=NOTE.replace("%", r"\%").replace("_", r"\_"),
        )
    for kind, text in texts.items():
        with atomic(Path(folder) / f"{name}.{kind}") as partial:
            partial.write_text(text, encoding="utf-8")


def interval(row: pd.Series, value: str = "value") -> str:
    """`.123 [.110, .136]` with the procedure interval; the value alone where there is none."""
    digits = 1 if abs(row[value]) >= 10 else 3
    numbers = [f"{row[key]:.{digits}f}" for key in (value, "ci_low", "ci_high")]
    return numbers[0] if pd.isna(row["ci_low"]) else f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def label(row: pd.Series, side: str = "") -> str:
    """How the sampler of a row is called: a baseline by its own name, hybrid with its alpha."""
    sampler, alpha = row[f"{side}sampler"], row[f"{side}alpha"]
    return "BM25" if sampler == NONE else sampler + ("" if pd.isna(alpha) else f" {alpha:g}")


def _wide(table: pd.DataFrame, rows: dict[str, pd.Series], columns: pd.Series) -> pd.DataFrame:
    """Cells with intervals, in the order of appearance; ValueError where two rows are for one cell."""
    long = pd.DataFrame(rows | {"column": columns, "text": table.apply(interval, axis=1)})
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
    first = _several(table, "benchmark", "checkpoint", "model") | {"sampler": table.apply(label, axis=1)}
    return first | _several(table, "budget", "ladder") | {"n": table["n_languages"]}


def headline(table: pd.DataFrame) -> pd.DataFrame:
    """The rows over all languages, macro; any metric, setting and pair set."""
    same = ("candidate_language", "query_language", "status")
    return table[(table[list(same)] == ALL).all(axis=1) & (table["average"] == "macro")]


def scaling(table: pd.DataFrame) -> pd.DataFrame:
    """mAP against n: a column per setting and pair set."""
    table = headline(table)
    table = table[table["metric"] == "mAP"]
    return _wide(table, _points(table), table["setting"] + " " + table["pair_set"])


def main(table: pd.DataFrame) -> pd.DataFrame:
    """Samplers by setting, as Table 1 of arXiv:2408.10536."""
    table = headline(table)
    table = table[[pair in MAIN for pair in zip(table["setting"], table["metric"], strict=True)]]
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
    return _wide(table, _several(table, "benchmark", "checkpoint") | rows, _columns(table))


def by_language(table: pd.DataFrame) -> pd.DataFrame:
    """A row per question language, a column per sampler and n."""
    rows = _several(table, "benchmark", "checkpoint") | {"question language": table["query_language"]}
    return _wide(table, rows, _columns(table))


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
            "p": table["p"].map("{:.2g}".format),
            "adjusted (Holm)": table["p_adjusted"].map("{:.2g}".format),
            "replicates": table["n_runs"],
        }
    )


def bias(table: pd.DataFrame) -> pd.DataFrame:
    """Measures of language bias in multi, one column each."""
    table = headline(table)
    return _wide(table, _points(table), table["metric"])


LAYOUTS = {"scaling": scaling, "main": main, "transfer": transfer, "contrasts": contrasts, "bias": bias}
NOTE = (
    "In brackets: 95% procedure interval, which speaks about new training runs and new questions; where it is missing, "
    "there are fewer than four replicates, or the measure is a median. The csv has the interval of these runs "
    "(runs_ci), questions alone drawn anew, as well."
)
