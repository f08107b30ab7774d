"""A panel of planted values: the mean of every cell under every quantity is what a function says."""

from types import SimpleNamespace

import numpy as np

from langscale.claims import claims_table
from langscale.config.study import load
from langscale.core.random import stream
from langscale.design.grid import Grid
from langscale.statistics.clusters import Sums
from langscale.statistics.panel import Panel
from langscale.statistics.quantities import Mix

POOL, HELDOUT = ["en", "de", "hi", "th"], ["el", "vi"]
MODELS = {
    "xlm-r": {"hub": "FacebookAI/xlm-roberta-base"},
    "labse": {"hub": "sentence-transformers/LaBSE"},
    "narrow": {"architecture": {"model_type": "bert", "hidden_size": 64, "num_hidden_layers": 1}},
    "wide": {"architecture": {"model_type": "bert", "hidden_size": 128, "num_hidden_layers": 1}},
}
SAMPLERS = ["x-x-mono", "x-y", "x-y-batch", "hybrid", "hybrid-batch", "hybrid-0.4", "hybrid-0.6"]


def study(claim, models=("narrow",), samplers=SAMPLERS, n=(1, 2, 3, 4), benchmark="xquad-r", **changes):
    values = {
        "study": "t",
        "languages": {"pool": POOL, "heldout": HELDOUT},
        "sources": {"squad": {}},
        "benchmarks": {benchmark: {}},
        "models": {name: MODELS[name] for name in models},
        "budgets": {"total": {"kind": "fixed-total", "steps": 9}},
        "replicates": 5,
        "grid": [{"samplers": list(samplers), "n": list(n)}],
        "evaluation": {"bm25": False},
        "statistics": {"resamples": 200, "claims": [claim]},
    }
    return load(values | changes)


class Planted(Panel):
    """A panel of truth(quantity, cell) + noise of runs and queries. A cell has sampler, alpha, n, model."""

    def __init__(self, made, truth, noise=0.001, lacks=(), draw=0):
        self.study, self.grid = made, Grid(made)
        self.points, runs = self.grid.points, self.grid.runs
        self.runs, self.paths = runs, [r.path for r in runs]
        self.fixed = [not self.grid.random(r) for r in runs]
        self.clusters = SimpleNamespace(names=[f"c{i:02}" for i in range(40)])
        self.lists_only = False
        self.truth, self.noise, self.lacks, self.draw = truth, noise, lacks, draw
        self.cell = {path: p for p in reversed(self.points) for _, path in p.runs}

    def sums(self, quantity):
        if isinstance(quantity, Mix):
            return self._mixed(quantity)
        if quantity.setting in self.lacks or quantity.query_languages == ():
            return None
        values = []
        for path in self.paths:
            p = self.cell[path]
            cell = SimpleNamespace(
                model=p.model, sampler=p.sampler, alpha=p.alpha, n=p.n_languages, budget=p.budget, path=path
            )
            rng = stream("planted run", self.draw, path, repr(quantity))
            mean = self.truth(quantity, cell)
            scale = max(abs(mean), 1) * self.noise
            values.append(mean + scale * (rng.normal() + rng.normal(size=40)))
        shared = stream("planted questions", quantity.metric).normal(size=40)
        values = (np.array(values) + self.noise * shared)[:, :, None]
        return Sums(values, np.ones((40, 1)), np.full(len(values), 40))


def rows(made, truth, **how):
    """The ledger's rows of the one claim of a study."""
    (benchmark,) = made.benchmarks
    return claims_table.table(made, claims_table.entries(Planted(made, truth, **how), benchmark), None)


def whole(table):
    return table[table["part"] == "all"].to_dict("records")
