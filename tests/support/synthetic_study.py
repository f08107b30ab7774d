"""A tiny study with planted scores: every table, figure and the report can be made from it in a second."""

import numpy as np
import pandas as pd

from langscale.claims.claims_table import claims_table
from langscale.config.study import Study, load
from langscale.core.random import stream
from langscale.data import catalogue
from langscale.design.grid import Grid
from langscale.retrieval.scores import Scores
from langscale.statistics import all_tables

LANGUAGES = ("ar", "de", "el", "en", "nl")
QUESTIONS = 24  # per language
CONTRASTS = [
    {
        "cell": {"sampler": "hybrid", "n": 3},
        "reference": {"sampler": "hybrid", "n": 1},
        "setting": "cross",
        "pair_set": "pool",
    },
    {
        "cell": {"sampler": "x-y", "n": 3},
        "reference": {"sampler": "untrained"},
        "setting": "multi",
        "metric": "R@10",
    },
    # against the order of the grid, in which hybrid stands behind x-y
    {"cell": {"sampler": "x-y", "n": 3}, "reference": {"sampler": "hybrid", "n": 3}, "setting": "mono"},
    {
        "cell": {"sampler": "x-y", "n": 3},
        "reference": {"sampler": "none", "model": "bm25"},
        "setting": "multi",
        "metric": "rank distance",
        "family": "bias",
    },
]


def study(**changes) -> Study:
    """Pool of three, two held out (nl with relatives in the pool, el without), two samplers, n = 1 and 3."""
    values = {
        "study": "t",
        "languages": {"pool": ["en", "de", "ar"], "heldout": ["nl", "el"]},
        "sources": {"cldr": {"validation": True}},
        "benchmarks": {"cldr": {}},
        "models": {"tiny": {"architecture": {"model_type": "bert"}}},
        "budgets": {"total": {"kind": "fixed-total", "steps": 9}},
        "replicates": 4,
        "grid": [{"samplers": ["x-y", "hybrid"], "n": [1, 3]}],
        "statistics": {"resamples": 200, "contrasts": CONTRASTS},
    }
    return load(values | changes)


def questions(parallel: bool) -> pd.DataFrame:
    """Two queries per cluster, three clusters per group. Unless parallel, later queries exist in fewer
    languages.
    """
    rows = [
        (f"q{q:02}", f"c{q // 2:02}", f"g{q // 6}", code)
        for q in range(QUESTIONS)
        for i, code in enumerate(LANGUAGES)
        if parallel or q < QUESTIONS - 2 * i
    ]
    return pd.DataFrame(rows, columns=["question_id", "cluster", "group", "language"])


def scores(path: str, languages: int, parallel: bool) -> Scores:
    """Random ranks of one run, better the more languages it has; common ones for all runs are added in."""
    asked = questions(parallel)
    there = pd.MultiIndex.from_frame(asked[["question_id", "language"]])
    exists = np.array([[(q, code) in there for code in LANGUAGES] for q in asked["question_id"]])
    shared, own = stream("shared", parallel), stream("run", path, parallel)
    hard = shared.integers(0, 12, exists.shape) + own.integers(0, 4, exists.shape)
    own_pool = 1 + np.maximum(hard - 2 * languages, 0)
    # distinct places in the pool of all languages
    multi = (
        np.array([own.permutation(40)[: len(LANGUAGES)] for _ in asked.index]) + 1 + 3 * max(4 - languages, 0)
    )
    share = own.random((len(asked), 3)).astype(np.float32)
    # ten draws without replacement from the candidates of each language: 6, 9, 12, ...
    offered = 6 + 3 * np.arange(len(LANGUAGES))
    top = own.multivariate_hypergeometric(offered, 10, len(asked)).astype(np.uint8)
    return Scores(
        asked,
        LANGUAGES,
        np.where(exists, own_pool, 0).astype(np.int32),
        np.where(exists, multi, 0).astype(np.int32),
        share,
        60,
        top_10=top,
        candidates=offered,
    )


def write(folder, study: Study, parallel: bool = True) -> dict[tuple[str, str, str], str]:
    """Score files of all runs, as the score job leaves them; {(run folder, checkpoint, benchmark): file}.

    Of the benchmarks with exact ranks: one larger than memory has lists instead.
    """
    files = {}
    ranked = [b for b, its in study.benchmarks.items() if not catalogue.benchmark(b, its).larger_than_memory]
    for benchmark in ranked:
        for run, checkpoint in Grid(study).scored():
            file = folder / run.path / checkpoint / f"{benchmark}.parquet"
            scores(run.path + checkpoint, len(run.languages), parallel).save(file)
            files[run.path, checkpoint, benchmark] = str(file)
    return files


class Made:
    """A study, its tables and its scores."""

    def __init__(self, folder, parallel, **changes):
        self.study = study(**changes)
        self.grid = Grid(self.study)
        self.files = write(folder, self.study, parallel)
        self.tables = all_tables.all_tables(self.study, self.grid, self.files)
        diversity = self.tables["diversity"]
        self.tables["claims"] = claims_table(self.study, self.grid, self.files, diversity=diversity)
        self.scores = {key[:2]: Scores.load(file) for key, file in self.files.items()}
