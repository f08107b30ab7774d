"""Made-up scores of a study, as the score jobs write them, to time the statistics."""

from pathlib import Path

import material
import numpy as np
import pandas as pd

from langscale.config.study import Study, load
from langscale.core.random import stream
from langscale.design.grid import Grid
from langscale.retrieval.scores import Scores
from langscale.statistics import all_tables

LADDERS = {8: (1,), 16: (1, 2), 32: (1, 2, 4, 9), 64: (1, 2, 3, 4, 5, 6, 7, 9)}
"""Number of runs, and the values of n for two samplers and four replicates, untrained runs included."""


def study(runs: int, resamples: int) -> Study:
    """A study with this number of runs, nine training languages and two held out."""
    return load(
        {
            "study": "made",
            "languages": {
                "pool": list(material.POOL),
                "heldout": [c for c in material.NAMES if c not in material.POOL],
            },
            "sources": {"cldr": {}},
            "benchmarks": {"cldr": {}},
            "models": {"tiny": {"architecture": material.TOY}},
            "budgets": {"total": {"kind": "fixed-total", "steps": 9}},
            "replicates": 4,
            "grid": [{"samplers": ["x-y", "hybrid"], "n": list(LADDERS[runs])}],
            "evaluation": {"bm25": False},
            "statistics": {"resamples": resamples},
        }
    )


def stage(folder: Path, runs: int, clusters: int, resamples: int):
    """A function that makes all tables of a study with this number of runs and five queries per cluster."""
    made = study(runs, resamples)
    grid, files = Grid(made), {}
    names = tuple(sorted(material.NAMES))
    queries = pd.DataFrame(
        [(f"q{q:05}", f"c{q // 5:05}", code) for q in range(5 * clusters) for code in names],
        columns=["question_id", "cluster", "language"],
    )
    shape = len(queries), len(names)
    for run, checkpoint in grid.scored():
        draw = stream("made", run.path)
        file = folder / run.path / checkpoint / "cldr.parquet"
        file.parent.mkdir(parents=True)
        top = draw.multinomial(10, np.full(len(names), 1 / len(names)), len(queries)).astype(np.uint8)
        Scores(
            queries,
            names,
            draw.geometric(0.3, shape).astype(np.int32),
            (np.argsort(draw.random(shape), axis=1) + 1).astype(np.int32),
            draw.random((len(queries), 3)).astype(np.float32),
            1000 * len(names),
            top_10=top,
            candidates=np.full(len(names), 1000),
        ).save(file)
        files[run.path, checkpoint, "cldr"] = str(file)
    if len(files) != runs:
        raise SystemExit(f"made: {len(files)} runs, not {runs}")
    return lambda: all_tables.all_tables(made, grid, files)
