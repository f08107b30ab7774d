"""All runs of a study on one benchmark, side by side, ready for the statistics.

A quantity says what is measured. A point says which runs are meant (model, sampler, budget, ladder, n).
Tables are quantities x points.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import numpy as np

from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.design.grid import Grid, Point, Run
from langscale.languages.codes import spoken
from langscale.retrieval.measures import MAP, MEASURES
from langscale.retrieval.scores import ListScores, Scores
from langscale.statistics.clusters import Cells, Clusters, Sums
from langscale.statistics.intervals import Unit, bounded_interval, estimate
from langscale.statistics.quantities import OTHER, OUTSIDE, OWN, Mix, Quantity

CHUNK = 16
"""Quantities in one bootstrap, which holds all their bootstrap values."""

Estimates = dict[str, np.ndarray]
Q = TypeVar("Q", bound=Quantity | Mix)


def estimated(found: Estimates, i: int) -> dict[str, Any]:
    """Interval, p and number of runs of comparison i, by the column names of the tables."""
    return {
        "ci_low": found["low"][i],
        "ci_high": found["high"][i],
        "runs_ci_low": found["runs_low"][i],
        "runs_ci_high": found["runs_high"][i],
        "p": found["p"][i],
        "p_runs": found["p_runs"][i],
        "smallest_detectable": found["detectable"][i],
        "n_runs": found["n_runs"][i],
        "note": found["reason"][i],
    }


def by_ladder(grid: Grid, runs: Sequence[Run], units: Sequence[Unit]) -> Sequence[Unit]:
    """The units of one ladder as one, their mean: seeds of a ladder are no independent choice of languages.

    runs: those behind the columns of the units.
    """
    if not grid.study.ladder_count:  # each seed has a ladder of its own
        return units
    groups: dict[int, list[Unit]] = {}
    for i, unit in enumerate(units):
        seeds = [run.seed for run in map(runs.__getitem__, unit) if run.steps]
        groups.setdefault(grid.ladder(seeds[0]) if seeds else -i, []).append(unit)
    merged: list[Unit] = []
    for group in groups.values():
        mean: dict[int, float] = {}
        for column, weight in ((c, w / len(group)) for unit in group for c, w in unit.items()):
            mean[column] = mean.get(column, 0.0) + weight
        merged.append(mean)
    return merged


def _in_range(
    quantity: Quantity, comparisons: Sequence[Sequence[Unit]], found: Estimates
) -> dict[str, np.ndarray]:
    """Ends of the intervals: of means (coefficients with the sum 1) by `bounded_interval`, else as found."""
    measure = MEASURES[quantity.metric]
    ends = bounded_interval(found["mean"], found["se"], found["df"], measure.low, measure.high)
    means = np.array(
        [bool(units) and all(abs(sum(unit.values()) - 1) < 1e-9 for unit in units) for units in comparisons],
        dtype=bool,
    )
    return {name: np.where(means, end, found[name]) for name, end in zip(("low", "high"), ends, strict=True)}


class Panel:
    """Scores of the runs of a study on one benchmark at one checkpoint.

    A run without scores on this benchmark is left out.

    Attributes:
        points: the points of the grid with a scored run.
        runs: the K scored runs, in the order of the columns.
        paths: their folders.
        fixed: [K], whether a run has no training randomness: BM25, and a downloaded encoder before training.
        trained_on: run -> its training languages.
        languages: L languages of the benchmark.
        lists_only: whether the corpus is larger than memory, so that lists of candidates are known and no
            exact ranks.
        clusters: the clusters of queries.
    """

    def __init__(
        self, study: Study, grid: Grid, scores: Mapping[str, Scores | ListScores], by: str = "cluster"
    ) -> None:
        """`scores`: by run folder; `by`: column of the queries with the resampled cluster, or the coarser
        `group`.
        """
        self.study, self.grid, self.scores = study, grid, scores
        self.points = [point for point in map(self.here, grid.points) if point]
        runs = [run for run in grid.runs if run.path in scores]
        self.runs = runs
        self.trained_on = {run.path: run.languages for run in runs}
        self.paths = [run.path for run in runs]
        self.fixed = [not grid.random(run) for run in runs]
        first = scores[self.paths[0]]
        self.languages, self.gives = first.languages, first.gives
        self.lists_only = isinstance(first, ListScores)
        self.clusters = Clusters(first.queries, self.languages, by)
        self._cells = cache(self._make_cells)  # of this panel, and gone with it
        self._patterns: dict[tuple, Cells] = {}

    def here(self, point: Point) -> Point | None:
        """A point of the grid with its scored runs, None if no run is scored."""
        runs = tuple((seed, path) for seed, path in point.runs if path in self.scores)
        return replace(point, runs=runs) if runs else None

    def column(self, path: str) -> int:
        """Position of a run among the K runs."""
        return self.paths.index(path)

    def columns(self, point: Point) -> dict[int, int]:
        """The columns of a point's runs, {seed: column}."""
        return {seed: self.column(path) for seed, path in point.runs}

    def shows(self, table: str, quantity: Quantity) -> bool:
        """Whether a table shows a quantity of this benchmark."""
        measure = MEASURES[quantity.metric]
        if self.lists_only:
            return quantity.setting == "mono" and table in measure.list_tables
        return measure.shown(table, quantity.setting)

    def sums(self, quantity: Quantity | Mix) -> Sums | None:
        """The quantity over all K runs, sums [K, C, U].

        None if no query has a value, or if the benchmark cannot give any. With a status each run has its own
        units, so the counts are [K, C, U] too. A run without such languages or values is nan (BM25 has no
        embeddings).
        """
        if isinstance(quantity, Mix):
            return self._mixed(quantity)
        if not self.gives(quantity.setting, quantity.metric):
            return None
        found = [self._sums(path, self._of_run(quantity, path)) for path in self.paths]
        present = [f for f in found if f is not None]
        if not present:
            return None
        queries = np.array([f.queries if f else 0 for f in found])
        if quantity.status == ALL and len(present) == len(found):
            return Sums(np.stack([f.sums for f in present]), present[0].counts, queries)
        shape = len(found), len(self.clusters.names), max(f.sums.shape[1] for f in present)
        sums, counts = np.full(shape, np.nan), np.ones(shape)
        for k, f in enumerate(found):
            if f:
                sums[k], counts[k] = 0, 0
                sums[k, :, : f.sums.shape[1]], counts[k, :, : f.counts.shape[1]] = f.sums, f.counts
        return Sums(sums, counts, queries)

    def _mixed(self, mix: Mix) -> Sums | None:
        """The units of the terms side by side, scaled so that their mean is the weighted sum of the means."""
        found = [f for f in (self.sums(quantity) for _, quantity in mix.terms) if f is not None]
        if len(found) < len(mix.terms):
            return None
        units = [f.sums.shape[-1] for f in found]
        scales = [w * sum(units) / u for (w, _), u in zip(mix.terms, units, strict=True)]
        sums = [f.sums * scale for f, scale in zip(found, scales, strict=True)]
        counts = np.concatenate([f.counts for f in found], axis=-1)
        return Sums(np.concatenate(sums, axis=-1), counts, np.max([f.queries for f in found], axis=0))

    def _of_run(self, quantity: Quantity, path: str) -> Quantity:
        """The quantity with the languages of its status for one run."""
        if quantity.status == ALL:
            return quantity
        seen = tuple(code for code in self.languages if spoken(code) in self.trained_on[path])
        sets = {"seen": seen, "unseen": tuple(code for code in self.languages if code not in seen)}
        query, _, candidate = quantity.status.partition("-")
        return replace(quantity, query_languages=sets[query], candidate_languages=sets[candidate])

    def _sums(self, path: str, quantity: Quantity) -> Sums | None:
        queries, candidates = map(self.index, (quantity.query_languages, quantity.candidate_languages))
        if not len(queries):
            return None
        # in cross, and of ranks, a candidate language is a column; else in multi the candidates are part of
        # the value
        measure = MEASURES[quantity.metric]
        by_candidate = quantity.setting == "cross" or measure.by_candidate
        restricted = len(candidates) < len(self.languages) and quantity.setting == "multi"
        kept = tuple(candidates.tolist()) if restricted and not by_candidate else None
        side = quantity.candidate_language.partition("-")[0]
        side = side if side in (OWN, OTHER) else ALL
        # shares by language are used once: to keep them for every language and run would only cost memory
        make = self._cells if by_candidate or "shares" not in measure.tables else self._make_cells
        cells = make(path, quantity.setting, quantity.metric, kept, side)
        return self.clusters.add(cells, queries, candidates if by_candidate else np.arange(1))

    def index(self, codes: Sequence[str] | None) -> np.ndarray:
        """Positions of some languages (None: all) among the languages of the benchmark.

        A language of the study stands for its codes with a part for private use, as en for en-x-de, and
        OUTSIDE for the languages that are not in the study.
        """
        if codes is None:
            return np.arange(len(self.languages))
        here = [c in codes or self._name(c) in codes for c in self.languages]
        return np.flatnonzero(here)

    def _name(self, code: str) -> str:
        """What a language of the benchmark is in the study: a code of the config, or OUTSIDE."""
        return next((c for c in (code, spoken(code)) if c in self.study.languages.all), OUTSIDE)

    def in_order(self) -> list[str]:
        """The languages of the benchmark: those of the study in its order, then all others."""
        known = [code for code in self.study.languages.all if code in self.languages]
        return known + [code for code in self.languages if code not in known]

    def pair_cells(self, path: str, setting: str) -> Cells:
        """AP of a run by query language and, in cross, candidate language: [C, L, L], in mono [C, L, 1]."""
        return self._cells(path, setting, MAP.name, None, ALL)

    def _make_cells(
        self, path: str, setting: str, metric: str, kept: tuple[int, ...] | None, side: str
    ) -> Cells:
        scores, every = self.scores[path], np.arange(len(self.languages))
        keep = np.ones(len(every), dtype=bool) if kept is None else np.isin(every, kept)
        if side != ALL:
            keep = keep & ((every == scores.own[:, None]) == (side == OWN))
        cells = self.clusters.cells(scores.values(setting, metric, keep))
        like = self._patterns.setdefault((setting, kept, side), cells)
        if np.array_equal(like.known, cells.known):  # as nearly always: half of the memory
            cells = replace(cells, counts=like.counts, known=like.known)
        return cells

    def estimates(
        self, quantities: Sequence[Q], comparisons: Sequence[Sequence[Unit]]
    ) -> Iterator[tuple[Q, str, np.ndarray, Estimates]]:
        """Estimate all comparisons under each quantity.

        Quantities of equal counts go through one bootstrap. Both averages are given where they differ.

        Args:
            quantities: a quantity without values is left out.
            comparisons: M lists of units over the K runs, see `langscale.statistics.intervals`.

        Yields: (quantity, macro or micro, number of queries of every run [K], estimates of the M
        comparisons), in order.
        """
        waiting: list[tuple[Q, Sums]] = []
        for quantity in quantities:
            found = self.sums(quantity)
            if found is None:
                continue
            full = len(waiting) == CHUNK or found.counts.ndim == 3
            if waiting and (full or not np.array_equal(waiting[0][1].counts, found.counts)):
                yield from self._estimate(waiting, comparisons)
                waiting = []
            waiting.append((quantity, found))
        if waiting:
            yield from self._estimate(waiting, comparisons)

    def independent(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """The units of one ladder as one, see `by_ladder`."""
        return by_ladder(self.grid, self.runs, units)

    def _estimate(
        self, waiting: Sequence[tuple[Q, Sums]], comparisons: Sequence[Sequence[Unit]]
    ) -> Iterator[tuple[Q, str, np.ndarray, Estimates]]:
        k, m = len(self.paths), len(comparisons)
        comparisons = [self.independent(units) for units in comparisons]
        shifted = [
            [{column + i * k: weight for column, weight in unit.items()} for unit in units]
            for i in range(len(waiting))
            for units in comparisons
        ]
        counts = waiting[0][1].counts
        for average in ("macro", "micro") if counts.shape[-1] > 1 else ("macro",):
            result = estimate(
                shifted,
                np.concatenate([found.sums for _, found in waiting]),
                counts,
                self.clusters.names,
                self.fixed * len(waiting),
                average,
                self.study.statistics.resamples,
                self.study.statistics.seed,
            )
            for i, (quantity, found) in enumerate(waiting):
                part = {name: values[i * m : (i + 1) * m] for name, values in result.items()}
                if isinstance(quantity, Quantity):
                    part |= _in_range(quantity, comparisons, part)
                yield quantity, average, found.queries, part
