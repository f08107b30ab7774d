"""How numbers, samplers, language pairs and marks are written."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from langscale.config.terms import ALL, NONE
from langscale.data import catalogue

Row = Mapping[Any, Any] | pd.Series
"""A row of a table, by column name."""
Record = dict[Hashable, Any]
"""A row as DataFrame.to_dict("records") gives it."""

MARKS = {
    "†": "Not zero-shot: the encoder was trained on this data set or a related one, here or before.",
    "‡": "Zero-shot unknown: the training data of the encoder are not declared (models.<name>.seen).",
}
PAIR_SETS = {
    "all": "all languages",
    "pool": "pool → pool",
    "pool-heldout": "pool → held-out",
    "heldout-pool": "held-out → pool",
    "heldout": "held-out → held-out",
}
"""Pair set -> query language → language of the candidates."""


def count(number: int | float, noun: str) -> str:
    """`1 language`, `1,190 languages`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,.0f} {noun if number == 1 else plural}"


def decimal(value: float, decimals: int = 3, sign: str = "") -> str:
    """`0.123`. With sign `+`, `+0.123`. Zero has no minus."""
    return f"{round(value, decimals) + 0.0:{sign}.{decimals}f}"


def interval(row: Row, value: str = "value", low: str = "ci_low", high: str = "ci_high") -> str:
    """`.123 [.110, .136]` with the interval over runs and queries. The value alone where there is none."""
    decimals = 1 if abs(row[value]) >= 10 else 3
    numbers = [decimal(row[key], decimals) for key in (value, low, high)]
    return numbers[0] if pd.isna(row[low]) else f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def digits(value: float) -> str:
    """Two significant digits, nothing for a missing number."""
    return "" if pd.isna(value) else f"{float(f'{value:.2g}'):g}"


def p_value(value: float) -> str:
    """Two significant digits; `<.0001` for less, a tail without simulations to support its digits."""
    return "<.0001" if value < 0.0001 else digits(value)


def untested(row: Row) -> str:
    """Why a row has no test and no interval over runs: `not tested (one replicate)`, or its note."""
    if "replicates" not in str(row["note"]):
        return f"not tested ({row['note']})"
    return f"not tested ({'one replicate' if row['n_runs'] == 1 else count(row['n_runs'], 'replicate')})"


def label(row: Row, side: str = "") -> str:
    """The sampler of a row as it is written: BM25 for the lexical baseline, hybrid with its alpha."""
    sampler, alpha = row[f"{side}sampler"], row[f"{side}alpha"]
    return "BM25" if sampler == NONE else sampler + ("" if pd.isna(alpha) else f" {alpha:g}")


def with_languages(row: Row, side: str = "") -> str:
    """The sampler of a row with its number of training languages: `x-y, 9 languages`."""
    n = row[f"{side}n_languages"]
    return label(row, side) + (f", {count(n, 'language')}" if n > 0 else "")


def place(setting: str, pair_set: str) -> str:
    """A setting and a pair set: `cross, pool → held-out`. In mono both languages are one: `mono, pool`."""
    pair = PAIR_SETS[pair_set]
    return f"{setting}, {pair.partition(' → ')[0] if setting == 'mono' else pair}"


def mark(table: pd.DataFrame) -> pd.Series:
    """The sign in MARKS of each row, empty for a zero-shot row.

    None on a benchmark with training pairs of its own: every row was trained on them by design.
    """
    trained, unknown = MARKS
    signs = table["zero_shot"].map({True: "", False: trained}).fillna(unknown)
    own = [name for name, record in catalogue.benchmarks().items() if record.own_training_part]
    return signs.where(~table["benchmark"].isin(own), "")


def notes(text: str) -> list[str]:
    """The footnotes of the marks in a text."""
    return [f"{sign} {meaning}" for sign, meaning in MARKS.items() if sign in text]


def headline(table: pd.DataFrame) -> pd.DataFrame:
    """The rows over all languages, macro average, for every metric, setting and pair set."""
    same = ("candidate_language", "query_language", "status")
    return table[(table[list(same)] == ALL).all(axis=1) & (table["average"] == "macro")]
