"""How numbers, samplers and marks are written."""

import pandas as pd

from langscale.config.terms import ALL, NONE

MARKS = {
    "†": "not zero-shot: the model was trained on this data set, or on one akin to it, before or here",
    "‡": "what the model saw in its own training is not known; models.<name>.seen declares it",
}


def interval(row: pd.Series, value: str = "value", low: str = "ci_low", high: str = "ci_high") -> str:
    """`.123 [.110, .136]` with the procedure interval; the value alone where there is none."""
    digits = 1 if abs(row[value]) >= 10 else 3
    numbers = [f"{row[key]:.{digits}f}" for key in (value, low, high)]
    return numbers[0] if pd.isna(row[low]) else f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def digits(value: float) -> str:
    """Two significant digits, nothing where there is no number."""
    return "" if pd.isna(value) else f"{float(f'{value:.2g}'):g}"


def p_value(value: float) -> str:
    """Two digits; far out in a tail, where no simulation has looked, `<.0001`."""
    return "<.0001" if value < 0.0001 else digits(value)


def label(row: pd.Series, side: str = "") -> str:
    """How the sampler of a row is called: a baseline by its own name, hybrid with its alpha."""
    sampler, alpha = row[f"{side}sampler"], row[f"{side}alpha"]
    return "BM25" if sampler == NONE else sampler + ("" if pd.isna(alpha) else f" {alpha:g}")


def mark(table: pd.DataFrame) -> pd.Series:
    """A sign for rows that are not zero-shot, or may not be; `notes` explains it.

    None on cldr: its cards for training are the benchmark's other part, by design and for every row alike.
    """
    trained, unknown = MARKS
    signs = table["zero_shot"].map({True: "", False: trained}).fillna(unknown)
    return signs.where(table["benchmark"] != "cldr", "")


def notes(text: str) -> list[str]:
    """The footnotes of the marks in a text."""
    return [f"{sign} {meaning}" for sign, meaning in MARKS.items() if sign in text]


def headline(table: pd.DataFrame) -> pd.DataFrame:
    """The rows over all languages, macro; any metric, setting and pair set."""
    same = ("candidate_language", "query_language", "status")
    return table[(table[list(same)] == ALL).all(axis=1) & (table["average"] == "macro")]
