"""Layouts for reading: a selection of rows and columns of the CSV tables, with intervals as text."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path

import pandas as pd

from langscale.config.terms import ALL, BM25, NONE
from langscale.languages.families import script_name
from langscale.reporting import formats
from langscale.reporting.budgets import GROWS, together
from langscale.reporting.wording import (
    Row,
    decimal,
    digits,
    headline,
    interval,
    label,
    mark,
    notes,
    p_value,
    place,
    with_languages,
)
from langscale.retrieval.measures import (
    COMPLETE_AT_100,
    ENGLISH_PREFERENCE,
    MAP,
    MAP_AT_20,
    MAX_AT_R,
    NDCG_AT_10,
    OWN_BEFORE_OTHER,
    OWN_FIRST,
    RANK_DISTANCE,
    RECALL_AT_1,
    RECALL_AT_10,
    RECALL_AT_100,
)

MAIN = (
    *product(("mono", "cross"), (MAP.name, RECALL_AT_1.name)),
    *product(("multi",), (MAP.name, MAP_AT_20.name, RECALL_AT_10.name, RANK_DISTANCE.name)),
)  # fmt: skip
LISTS = (("mono", NDCG_AT_10.name), ("mono", RECALL_AT_100.name))  # of corpora larger than memory
BIAS = (OWN_BEFORE_OTHER, OWN_FIRST, *ENGLISH_PREFERENCE, COMPLETE_AT_100, MAX_AT_R, RANK_DISTANCE)
SIDES = {"cell": "", "reference": "subtracted "}
"""Side of a contrast -> the first word of its columns."""
N = "training languages"
NOT_TESTED = "not tested"
LEVEL = 0.05  # of adjusted p values
CLUSTERS = {"cluster": "queries resampled by paragraph or entity", "group": "by article or home territory"}


def _wide(
    table: pd.DataFrame,
    rows: dict[str, pd.Series],
    columns: pd.Series,
    value: str = "value",
    marks: pd.Series | str = "",
) -> pd.DataFrame:
    """Cells with intervals, in the order of appearance. ValueError where two rows are for one cell."""
    cells = pd.Series([interval(row, value) for _, row in table.iterrows()], index=table.index, dtype=object)
    long = pd.DataFrame(rows | {"column": columns, "text": cells + marks})
    if long.duplicated([*rows, "column"]).any():
        raise ValueError(f"two values for one cell, by {', '.join(rows)} and column")
    order = list(dict.fromkeys(long["column"]))
    wide = long.pivot_table(index=list(rows), columns="column", values="text", aggfunc="first", sort=False)
    return wide.reindex(columns=order).fillna("").reset_index().rename_axis(columns=None)


def _varying(table: pd.DataFrame, *names: str) -> dict[str, pd.Series]:
    """The columns with more than one value. The baselines have neither model nor budget and do not count."""
    columns = {name: table[name] for name in names}
    return {k: v for k, v in columns.items() if v[~v.isin([NONE, BM25])].nunique() > 1}


def _written(table: pd.DataFrame, write: Callable[..., str], *arguments: str) -> pd.Series:
    """A text for each row."""
    return pd.Series([write(row, *arguments) for _, row in table.iterrows()], index=table.index, dtype=object)


def _places(table: pd.DataFrame) -> pd.Series:
    """Setting and pair set of each row."""
    pairs = zip(table["setting"], table["pair_set"], strict=True)
    return pd.Series([place(*pair) for pair in pairs], index=table.index, dtype=object)


def _points(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns by which points of the design differ."""
    first = _varying(table, "benchmark", "checkpoint", "model") | {
        "sampler": _written(table, label) + mark(table)
    }
    return first | _varying(table, "budget", "ladder") | {N: table["n_languages"]}


def scaling(table: pd.DataFrame) -> pd.DataFrame:
    """MAP by number of training languages: a column per setting and pair set.

    nDCG@10 for benchmarks with result lists only.
    """
    table = headline(table)
    ranked = table.loc[table["metric"] == MAP.name, "benchmark"]
    lists = (table["metric"] == NDCG_AT_10.name) & ~table["benchmark"].isin(ranked)
    table = table[(table["metric"] == MAP.name) | lists]
    metric = table["metric"].map({MAP.name: "", NDCG_AT_10.name: f"{NDCG_AT_10.name}, "})
    return _wide(table, _points(table), metric + _places(table))


def main(table: pd.DataFrame) -> pd.DataFrame:
    """Samplers by setting, as Table 1 of arXiv:2408.10536."""
    table = headline(table)
    table = table[[pair in MAIN + LISTS for pair in zip(table["setting"], table["metric"], strict=True)]]
    columns = table["metric"].where(
        table["metric"] == RANK_DISTANCE.name, table["setting"] + " " + table["metric"]
    )
    return _wide(table, _points(table), columns)


def transfer(table: pd.DataFrame) -> pd.DataFrame:
    """Held-out languages by script and branch: the baselines, then every sampler at its ends.

    The ends are the smallest and the largest number of training languages. Without held-out languages, a
    sentence.
    """
    if table.empty:
        return pd.DataFrame({"transfer": ["no language is held out"]})
    trained = table.loc[table["n_languages"] > 0, "n_languages"]
    table = table[
        (table["average"] == "macro") & table["n_languages"].isin([0, trained.min(), trained.max()])
    ]
    names = table["group"].map({code: script_name(code) for code in table["group"].unique()})
    group = names.where(table["grouping"] == "script", table["group"]) + " " + table["grouping"]
    related = table["group_in_pool"].map({True: "yes", False: "no"})
    rows = {"group": group, "in the pool": related, "held-out languages": table["languages"]}
    rows = _varying(table, "benchmark", "checkpoint") | rows | {"setting": _places(table)}
    return _wide(table, rows, _columns(table), marks=mark(table))


def by_language(table: pd.DataFrame) -> pd.DataFrame:
    """A row per query language, a column per sampler and n_languages. Without any, a sentence."""
    if table.empty:
        return pd.DataFrame(
            {"query language": ["no benchmark of this study has candidates in other languages"]}
        )
    rows = _varying(table, "benchmark", "checkpoint") | {"query language": table["query_language"]}
    return _wide(table, rows, _columns(table), marks=mark(table))


def _columns(table: pd.DataFrame) -> pd.Series:
    """The name of a row's column: sampler and n_languages, with model, budget and ladder where these vary."""
    text = _written(table, with_languages)
    for name, values in _varying(table, "model", "budget", "ladder").items():
        shown = values.mask(values.isin([NONE, BM25, ALL]))
        text = (shown + " " + text if name == "model" else text + ", " + shown).fillna(text)
    return text


def contrasts(table: pd.DataFrame) -> pd.DataFrame:
    """The contrasts declared in the config. Without any, a sentence instead."""
    table = table[table["family"] != "exploratory"]
    if table.empty:
        return pd.DataFrame({"contrast": ["the config declares no contrasts"]})
    names = ("family", "benchmark", "cell_model", "cell_budget", "reference_model", "reference_budget")
    called = {
        f"{side}_{name}": f"{word}{name}" for side, word in SIDES.items() for name in ("model", "budget")
    }
    columns = {called.get(name, name): values for name, values in _varying(table, *names).items()}
    columns |= {
        "contrast": _differences(table),
        "measure": table["metric"] + ", " + _places(table),
        "difference": _written(table, interval, "difference"),
        "p": table["p"].map(p_value),
        "adjusted p (Holm)": table["p_adjusted"].map(p_value),
        "p of equivalence": table["p_equivalent"].map(p_value),
        "minimum detectable effect": table["smallest_detectable"].map(digits),
        "replicates": table["n_runs"],
    }
    untested = table["p"].isna()
    columns["p"] = columns["p"].mask(untested, NOT_TESTED)
    if untested.any():
        columns["reason"] = table["note"].where(untested, "").fillna("")
    return pd.DataFrame(columns)


def _differences(table: pd.DataFrame) -> pd.Series:
    """`x-y, 9 languages minus BM25` for each contrast."""
    return (
        _written(table, with_languages, "cell_") + " minus " + _written(table, with_languages, "reference_")
    )


def sensitivity(table: pd.DataFrame) -> pd.DataFrame:
    """The declared contrasts under both clusterings, side by side. Without any, the main measures."""
    if table.empty:
        return pd.DataFrame({"contrast": ["no benchmark of this study has a coarser clustering"]})
    declared = table["reference_sampler"].notna()
    table = table[(declared if declared.any() else table["pair_set"] == ALL) & (table["average"] == "macro")]
    if declared.any():
        names = _differences(table.astype({"reference_n_languages": int}))
    else:
        names = _written(table, with_languages, "cell_")
    rows = _varying(table, "benchmark", "cell_model", "cell_budget")
    rows |= {"contrast": names, "measure": table["metric"] + ", " + _places(table)}
    return _wide(table, rows, table["cluster"].map(CLUSTERS))


def bias(table: pd.DataFrame) -> pd.DataFrame:
    """The measures of language bias that verdicts rest on and that papers give, a column each.

    The CSV has more measures. With all of them the table does not fit a page.
    """
    table = headline(table)
    table = table[table["metric"].isin([measure.name for measure in BIAS])]
    if table.empty:
        return pd.DataFrame({"bias": ["no benchmark of this study ranks a multilingual corpus"]})
    return _wide(table, _points(table), table["metric"])


def _lines(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns by which scaling curves differ."""
    first = _varying(table, "benchmark", "checkpoint", "model") | {"sampler": _written(table, label)}
    return first | _varying(table, "budget", "ladder") | {N: table["n_values"]}


def trends(table: pd.DataFrame) -> pd.DataFrame:
    """Slopes per doubling of n_languages: mAP in a column per setting and pair set, and rank distance."""
    table = table[table["metric"].isin([MAP.name, RANK_DISTANCE.name]) & (table["average"] == "macro")]
    if table.empty:
        return pd.DataFrame({"trend": ["no sampler has two numbers of training languages"]})
    columns = _places(table).where(table["metric"] == MAP.name, table["metric"])
    return _wide(table, _lines(table), columns, value="slope")


def gaps(table: pd.DataFrame) -> pd.DataFrame:
    """The gap in mAP: pool → pool minus each pair set with held-out languages. Without these, a sentence."""
    if table.empty:
        return pd.DataFrame({"gap": ["no language is held out"]})
    rows = _varying(table, "benchmark", "checkpoint", "model") | {"sampler": _written(table, label)}
    rows |= _varying(table, "budget", "ladder") | {N: table["n_languages"]}
    return _wide(table, rows, _places(table), value="gap")


def similarity(table: pd.DataFrame) -> pd.DataFrame:
    """The gain in cross mAP of queries in each held-out language, with its nearest training language."""
    table = table[(table["setting"] == "cross") & (table["pair_set"] == "heldout-pool")]
    table = table[table["checkpoint"] == "last"]
    if table.empty:
        return pd.DataFrame({"gain": ["no language is held out, or the study has one value of n"]})
    table = table.sort_values("similarity", ascending=False, kind="stable")
    near = table["similarity"].map(decimal, na_action="ignore").fillna("")
    rows = _varying(table, "benchmark", "model") | {"held-out language": table["language"]}
    rows |= {"nearest": table["nearest"].fillna(""), "similarity": near}
    return _wide(table, rows, _columns(table), value="gain")


OVER = {
    "runs and queries": "new runs and queries",
    "languages": "new languages too",
    "branches": "new branches too",
}
"""What is new in an interval of tables/generality.csv -> its column."""
STEP = 0.1  # of similarity, for a slope


def generality(table: pd.DataFrame) -> pd.DataFrame:
    """The mean gain in mAP of held-out languages with its three intervals, and its slope per STEP."""
    table = table[(table["checkpoint"] == "last") & (table["group"] == ALL)]
    if table.empty:
        return pd.DataFrame({"gain": ["no language is held out, or the study has one value of n"]})
    slope = table["what"] == "slope"
    scaled = table[["estimate", "ci_low", "ci_high"]]
    table = table.assign(**scaled.where(~slope, scaled * STEP))
    columns = table["over"].map(OVER).where(~slope, f"slope per {STEP} of similarity")
    number = table["n_groups"].astype(str).where(~slope & (table["over"] != "branches"))
    rows = _varying(table, "benchmark", "model") | {"sampler": _written(table, label)}
    rows |= _varying(table, "budget") | {N: table["n_languages"], "setting": _places(table)}
    keys = list(rows)
    frame = pd.DataFrame(rows).assign(languages=number)
    rows["languages"] = frame.groupby(keys, sort=False)["languages"].transform("first")
    return _wide(table, rows, columns, value="estimate")


PARTS = {
    "gain": "gain from one language",
    "languages": "languages, at equal rows",
    "rows": "more rows",
    "steps": "more steps, beside the gain",
}
"""Part of tables/decomposition.csv -> its column."""


def decomposition(table: pd.DataFrame) -> pd.DataFrame:
    """The gains in mAP from one training language and their parts, with the share of languages."""
    known = (table["metric"] == MAP.name) & (table["average"] == "macro") & table["difference"].notna()
    table = table[known]
    if table.empty:
        return pd.DataFrame({"gain": ["the study has no budget of kind fixed-rows, so no gain is split"]})
    rows = _varying(table, "benchmark", "checkpoint", "model") | {"sampler": _written(table, label)}
    rows |= _varying(table, "budget", "ladder") | {N: table["n_languages"], "setting": _places(table)}
    wide = _wide(table, rows, table["part"].map(PARTS), value="difference")
    shared = (table["part"] == "languages") & table["share"].notna()
    texts = _written(table[shared], interval, "share", "share_low", "share_high")
    # by the names of its row: a pivot has an order of its own
    shares = pd.DataFrame(rows).loc[shared].assign(**{"share of languages": texts})
    return wide.merge(shares, on=list(rows), how="left").fillna("")


def budgets(table: pd.DataFrame, joint: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """MAP under budgets of all kinds, with rows and steps as multiples of those at one language.

    table: scaling.csv. joint: from `budgets.joint_budgets`. At one language the budgets are equal, so it
    stands once.
    """
    table = together(table, joint)
    table = table[(table["n_languages"] > 1) | (table["kind"] == next(iter(GROWS)))]
    names, kinds = list(dict.fromkeys(table["name"])), list(GROWS)
    table = table.assign(place=table["name"].map(names.index), order=table["kind"].map(kinds.index))
    table = table.sort_values(["place", "n_languages", "order"], kind="stable")
    n = table["n_languages"]
    rows = _varying(table, "benchmark", "model") | {"sampler": table["name"] + mark(table), N: n}
    rows["rows"] = "× " + n.where(table["kind"] != "fixed-rows", 1).astype(str)
    rows["steps"] = "× " + n.where(table["kind"] == "fixed-per-language", 1).astype(str)
    return _wide(table, rows, _places(table))


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """The chosen curve of mAP for each sampler, setting and pair set."""
    table = table[table["chosen"].eq(True) & (table["metric"] == MAP.name) & (table["average"] == "macro")]
    if table.empty:
        return pd.DataFrame({"curve": ["fewer than four numbers of training languages: no curve is fitted"]})
    fitted = {
        "curve": table["curve"],
        "chosen in resamples": table["chosen_share"].map("{:.0%}".format, na_action="ignore").fillna(""),
        "prediction error": table["error"].map("{:.4f}".format),
        "languages for half of the gain": _written(table, _identified, "n50"),
        "languages for 95% of the gain": _written(table, _identified, "n95"),
    }
    twice = ("extrapolated_2x", "extrapolated_2x_low", "extrapolated_2x_high")
    if table["extrapolated_2x"].notna().any():
        known = table["extrapolated_2x"].notna()
        text = _written(table, interval, *twice).where(known, "")
        fitted["at twice the largest number (mix of the curves)"] = text
        error = table["held_out_error"].map("{:+.4f}".format, na_action="ignore").fillna("")
        fitted["its error at the largest number, held out"] = error
    return pd.DataFrame(_lines(table) | {"setting": _places(table)} | fitted).reset_index(drop=True)


def _identified(row: pd.Series, key: str) -> str:
    """A number of languages with its interval. An end outside of the observed numbers is a question mark."""
    if pd.isna(row[key]):
        return "not identified"
    low, high = (
        "?" if pd.isna(row[f"{key}_{end}"]) else f"{row[f'{key}_{end}']:.1f}" for end in ("low", "high")
    )
    return f"{row[key]:.1f} [{low}, {high}]"


def claims(table: pd.DataFrame) -> pd.DataFrame:
    """A verdict per claim in the order of the tests, with the decisive comparison and the parts.

    Replications on other models and benchmarks follow the claim.
    """
    parts, table = table[table["part"] != ALL], table[table["part"] == ALL]
    same = ["claim", "model", "benchmark"]
    texts = {
        key: "; ".join(map(_part, its.to_dict("records"))) for key, its in parts.groupby(same, sort=False)
    }
    roles = {"exploratory": " (exploratory)", "replication": " (replication)"}
    verdict = table["verdict"] + [roles.get(role, "") for role in table["role"]]
    columns = {"test": table["position"].map(lambda at: "" if pd.isna(at) else f"{at:.0f}")}
    columns |= {"claim": table["claim"], "statement": table["statement"], "verdict": verdict}
    columns |= _varying(table[table["model"] != ALL], "benchmark", "model")
    return pd.DataFrame(
        columns
        | {
            "decisive comparison": table["compared"].fillna(""),
            "claimed": table["claimed"].fillna(""),
            "effect": _written(table, interval, "effect").where(table["effect"].notna(), ""),
            "p": table["p"].map(p_value),
            "adjusted p": table["p_adjusted"].map(p_value),
            "minimum detectable effect": table["smallest_detectable"].map(digits),
            "parts": [texts.get(key, "") for key in table[same].itertuples(index=False, name=None)],
            "reason": table["reason"].fillna(""),
        }
    )


def _part(row: Row) -> str:
    """`a +0.012 (p .003)`: a part of a claim with its effect."""
    if pd.isna(row["effect"]):
        return f"{row['part']} not tested"
    effect = decimal(row["effect"], 1 if abs(row["effect"]) >= 10 else 3, "+")
    return f"{row['part']} {effect}" + ("" if pd.isna(row["p"]) else f" (p {p_value(row['p'])})")


def entry(table: pd.DataFrame) -> pd.DataFrame:
    """The effects of a language's entry on mAP: a row per scaling curve, a column per effect."""
    table = table[table["effect_size"].notna()]
    if table.empty:
        return pd.DataFrame({"entry": ["the design does not identify the effect of a language's entry"]})
    effects = {"question": "query language", "candidate": "candidate language", "both": "both languages"}
    columns = table["setting"] + table["effect"].map(effects).radd(", ").fillna("")
    marks = (table["p_adjusted"] < LEVEL).map({True: "*", False: ""})
    return _wide(table, _lines(table), columns, value="effect_size", marks=marks)


def diversity(table: pd.DataFrame) -> pd.DataFrame:
    """Correlations with mAP in held-out languages: a row per curve and pair set, a column per predictor."""
    found = table[table["correlation"].notna()]
    if found.empty:
        reasons = "; ".join(dict.fromkeys(table["note"].dropna()))
        return pd.DataFrame({"diversity": [reasons or "no language is held out"]})
    cells = [
        f"{r:+.2f} ({p_value(p)})" for r, p in zip(found["correlation"], found["p_adjusted"], strict=True)
    ]
    rows = _lines(found) | {"setting": _places(found)}
    long = pd.DataFrame(rows | {"column": found["predictor"], "text": cells})
    wide = long.pivot_table(index=list(rows), columns="column", values="text", aggfunc="first", sort=False)
    return wide.fillna("").reset_index().rename_axis(columns=None)


def components(table: pd.DataFrame) -> pd.DataFrame:
    """Shares of the variance of mAP. Without an estimate, the reasons."""
    found = table[table["share_n"].notna()]
    if found.empty:
        return pd.DataFrame({"components": ["; ".join(dict.fromkeys(table["note"].dropna()))]})
    shares = {"share_n": N, "share_ladder": "language order", "share_seed": "seed and rest"}
    texts = {name: found[column].map("{:.0%}".format) for column, name in shares.items()}
    within = ("ladder_of_runs", "ladder_of_runs_low", "ladder_of_runs_high")
    texts["language order within a number"] = _written(found, interval, *within)
    return pd.DataFrame(_lines(found) | {"setting": _places(found)} | texts).reset_index(drop=True)


def data(table: pd.DataFrame) -> pd.DataFrame:
    """Counts of texts: a row per language, a column per data set and kind of text."""
    columns = table["data"] + ", " + table["what"].replace("questions", "queries")
    roles = table["role"].map({"pool": "pool", "heldout": "held out"})
    wide = table.assign(column=columns, role=roles).pivot_table(
        index=["language", "role"], columns="column", values="count", aggfunc="sum", sort=False, fill_value=0
    )
    return wide.reset_index().rename_axis(columns=None)


def ends(table: pd.DataFrame) -> pd.DataFrame:
    """Cross mAP of every query language: untrained, and the smallest and largest n_languages."""
    table = table[
        (table["setting"] == "cross") & (table["metric"] == MAP.name) & (table["average"] == "macro")
    ]
    table = table[(table["checkpoint"] == "last") & (table["ladder"] == ALL)]
    trained = table["n_languages"][table["n_languages"] > 0]
    shown = table["n_languages"].isin([0, trained.min(), trained.max()]) & (table["sampler"] != NONE)
    return by_language(table[shown])


def xtreme_r(table: pd.DataFrame) -> pd.DataFrame:
    """The retrieval tasks of XTREME-R: a column per task, with its measure."""
    if table.empty:
        return pd.DataFrame({"XTREME-R": ["no benchmark of this study is a task of XTREME-R"]})
    points = {name: column for name, column in _points(table).items() if name != "benchmark"}
    return _wide(table, points, table["task"] + ", " + table["metric"])


LAYOUTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "scaling": scaling,
    "main": main,
    "transfer": transfer,
    "contrasts": contrasts,
    "decomposition": decomposition,
    "trends": trends,
    "curves": curves,
    "gaps": gaps,
    "similarity": similarity,
    "generality": generality,
    "claims": claims,
    "bias": bias,
    "xtreme-r": xtreme_r,
}
INTERVALS = (
    "Brackets: 95% confidence interval over training runs and queries; not available with fewer than four "
    "replicates, for medians and for permutation tests. The CSV also has the interval over queries only "
    "(runs_ci_low, runs_ci_high)."
)
CURVE_INTERVALS = (
    "Brackets: 95% interval of the curves fitted to resampled means, over training runs and queries; "
    "a question mark is an end outside of the observed numbers of training languages."
)


def write_readable(table: pd.DataFrame, folder: str | Path, name: str) -> None:
    """Write folder/name.md and folder/name.tex of a CSV table with a layout."""
    shown = LAYOUTS[name](table)
    formats.write(folder, name, shown, footnotes(shown, name))


def footnotes(shown: pd.DataFrame, name: str) -> list[str]:
    """The notes below a readable table: what its brackets and marks mean."""
    text = " ".join([*map(str, shown), *shown.map(formats.text).to_numpy().ravel()])
    brackets = CURVE_INTERVALS if name == "curves" else INTERVALS
    return [brackets] * ("[" in text) + notes(text)
