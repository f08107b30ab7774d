"""A study of toy size and its costs, for the tests of the plan."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langscale.config.study import load
from langscale.design.grid import Grid
from langscale.planning.costs import Costs, Row

TINY = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": 16}
XLMR = {"hub": "FacebookAI/xlm-roberta-base"}


def costs(results: str | Path = "nowhere", **changes: Any) -> Costs:
    """Costs of the toy study with changed sections."""
    values = {
        "study": "t",
        "languages": {"pool": ["en", "de", "ar"], "heldout": ["el"]},
        "sources": {"cldr": {}},
        "benchmarks": {"cldr": {"questions": 5}},
        "models": {"tiny": {"architecture": TINY, "vocabulary": 1000}},
        "training": {"batch_size": 4},
        "budgets": {"b": {"kind": "fixed-total", "steps": 10}},
        "grid": [{"samplers": ["x-y"], "n": [3]}],
        "replicates": 2,
        "evaluation": {"bm25": False},
    }
    study = load(values | changes)
    return Costs(study, Grid(study), results)


def only(rows: Sequence[Row], **wanted: Any) -> Row:
    """The row with these values."""
    [row] = [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]
    return row
