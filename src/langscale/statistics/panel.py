"""All runs of a study on one benchmark, side by side, ready for the statistics.

A quantity says what is measured (setting, metric, which languages ask, whose candidates count); a point says which
runs (model, sampler, budget, ladder, n). Tables are quantities x points.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, PAIR_SETS, SETTINGS
from langscale.design.grid import Grid, Point
from langscale.retrieval.measures import MAP, MEASURES, in_table
from langscale.retrieval.scores import ListScores, Scores
from langscale.statistics.clusters import Cells, Clusters, Sums
from langscale.statistics.intervals import MARGIN, MARGIN_SHARE, estimate

CHUNK = 16  # quantities in one bootstrap, which holds all their resampled values


@dataclass(frozen=True)
class Quantity:
    """What is measured. `asked` and `offered` are the question and candidate languages; None: all.

    candidate_language `other` and `other-...`: in multi, without the candidate in the question's own language; `own`: that alone.
    status `seen-unseen` and the like: the languages are those that the run in question was trained on, and the others.
    """

    setting: str
    metric: str
    pair_set: str = ALL
    asked: tuple[str, ...] | None = None
    offered: tuple[str, ...] | None = None
    query_language: str = ALL
    candidate_language: str = ALL
    status: str = ALL

    def columns(self) -> dict[str, str]:
        names = ("setting", "query_language", "candidate_language", "pair_set", "status", "metric")
        return {name: getattr(self, name) for name in names}


OWN, OTHER = "own", "other"


@dataclass(frozen=True)
class Mix:
    """A weighted sum of quantities of the same runs, such as that of some languages minus that of others.

    Its macro average is the sum of theirs; it has no micro average of its own.
    """

    terms: tuple[tuple[float, Quantity], ...]


def pair_set_languages(study: Study, pair_set: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(question languages, candidate languages) of a fixed pair set."""
    sets = {"pool": study.languages.pool, "heldout": study.languages.heldout, ALL: study.languages.all}
    asked, _, offered = pair_set.partition("-")
    return tuple(sets[asked]), tuple(sets[offered or asked])


def pair_set_quantities(study: Study) -> list[Quantity]:
    """Every metric in every setting and fixed pair set, then the measures of language bias.

    Those that a benchmark cannot give are left out by the Panel.
    """
    found = []
    for setting in SETTINGS:
        for pair_set in PAIR_SETS:
            asked, offered = pair_set_languages(study, pair_set)
            if not asked or not offered or (setting == "mono" and "-" in pair_set):
                continue
            for measure in MEASURES.values():
                tables = (*measure.tables, *measure.list_tables)
                if not measure.of_ranking or setting not in measure.settings or "scaling" not in tables:
                    continue
                found.append(Quantity(setting, measure.name, pair_set, asked, offered))
                if setting == "multi" and pair_set == ALL:
                    found.append(replace(found[-1], candidate_language=OTHER))
    of_all_pairs = [
        m for m in in_table("scaling") if m.of_query and (study.evaluation.controls or not m.control)
    ]
    return found + [Quantity("multi", measure.name) for measure in of_all_pairs]


def status_quantities() -> list[Quantity]:
    """MAP by what each run was trained on: descriptive, because the languages change with n."""
    statuses = [f"{asked}-{offered}" for asked in ("seen", "unseen") for offered in ("seen", "unseen")]
    return [
        Quantity(setting, MAP.name, status=status)
        for setting in SETTINGS
        for status in statuses
        if setting != "mono" or status in ("seen-seen", "unseen-unseen")
    ]


def estimated(found: dict[str, np.ndarray], i: int) -> dict[str, Any]:
    """What the tables say of comparison i besides its value, by their column names; a table takes those that it has."""
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


class Panel:
    """Scores of the runs of a study on one benchmark at one checkpoint: all, or those that were scored on it.

    `by`: which column of the questions is the cluster that is resampled, `cluster` or the coarser `group`.
    """

    def __init__(
        self,
        study: Study,
        grid: Grid,
        scores: dict[str, Scores] | dict[str, ListScores],
        by: str = "cluster",
    ):
        self.study, self.grid, self.scores = study, grid, scores
        self.points = [point for point in map(self.here, grid.points) if point]
        runs = [run for run in grid.runs if run.path in scores]
        self.trained_on = {run.path: run.languages for run in runs}
        self.paths = [run.path for run in runs]
        # no training randomness: BM25, and a downloaded encoder as it is
        self.fixed = [
            run.model == BM25 or (not run.steps and not study.models[run.model].architecture) for run in runs
        ]
        first = scores[self.paths[0]]
        self.languages, self.gives = first.languages, first.gives
        self.lists_only = isinstance(first, ListScores)
        self.clusters = Clusters(first.queries, self.languages, by)
        self._cells = cache(self._make_cells)  # of this panel, and gone with it
        self._patterns: dict[tuple, Cells] = {}

    def here(self, point: Point) -> Point | None:
        """A point of the grid with those of its runs that were scored, None where there are none."""
        runs = tuple((seed, path) for seed, path in point.runs if path in self.scores)
        return replace(point, runs=runs) if runs else None

    def column(self, path: str) -> int:
        """Position of a run among the K runs."""
        return self.paths.index(path)

    def shows(self, table: str, quantity: Quantity) -> bool:
        """Whether a table shows a quantity of this benchmark."""
        measure = MEASURES[quantity.metric]
        if self.lists_only:
            return quantity.setting == "mono" and table in measure.list_tables
        return measure.shown(table, quantity.setting)

    def sums(self, quantity: Quantity | Mix) -> Sums | None:
        """The quantity over all K runs, sums [K, C, U], questions [K], or None where no question has a value, or the
        benchmark cannot give any.

        With a status the units are each run's own, so the counts are [K, C, U] too, and a run without such
        languages, or such values (BM25 has no embeddings), is NaN.
        """
        if isinstance(quantity, Mix):
            return self._mixed(quantity)
        if not self.gives(quantity.setting, quantity.metric):
            return None
        found = [self._sums(path, self._of_run(quantity, path)) for path in self.paths]
        some = next((f for f in found if f), None)
        questions = np.array([f.questions if f else 0 for f in found])
        if some is None or (quantity.status == ALL and all(found)):
            return some and Sums(np.stack([f.sums for f in found]), some.counts, questions)
        shape = len(found), len(self.clusters.names), max(f.sums.shape[1] for f in found if f)
        sums, counts = np.full(shape, np.nan), np.ones(shape)
        for k, f in enumerate(found):
            if f:
                sums[k], counts[k] = 0, 0
                sums[k, :, : f.sums.shape[1]], counts[k, :, : f.counts.shape[1]] = f.sums, f.counts
        return Sums(sums, counts, questions)

    def _mixed(self, mix: Mix) -> Sums | None:
        """The terms' units side by side, scaled so that the mean over all units is the weighted sum of the means."""
        found = [self.sums(quantity) for _, quantity in mix.terms]
        if not all(found):
            return None
        units = [f.sums.shape[-1] for f in found]
        scales = [w * sum(units) / u for (w, _), u in zip(mix.terms, units, strict=True)]
        sums = [f.sums * scale for f, scale in zip(found, scales, strict=True)]
        counts = np.concatenate([f.counts for f in found], axis=-1)
        return Sums(np.concatenate(sums, axis=-1), counts, np.max([f.questions for f in found], axis=0))

    def _of_run(self, quantity: Quantity, path: str) -> Quantity:
        if quantity.status == ALL:
            return quantity
        seen = self.trained_on[path]
        sets = {"seen": seen, "unseen": tuple(code for code in self.languages if code not in seen)}
        asked, _, offered = quantity.status.partition("-")
        return replace(quantity, asked=sets[asked], offered=sets[offered])

    def _sums(self, path: str, quantity: Quantity) -> Sums | None:
        asked, offered = (self._index(codes) for codes in (quantity.asked, quantity.offered))
        if not len(asked):
            return None
        # in cross, and of ranks, a candidate language is a column; else in multi the candidates are part of the value
        measure = MEASURES[quantity.metric]
        by_candidate = quantity.setting == "cross" or measure.by_candidate
        restricted = not by_candidate and quantity.setting == "multi" and len(offered) < len(self.languages)
        kept = tuple(offered.tolist()) if restricted else None
        side = quantity.candidate_language.partition("-")[0]
        side = side if side in (OWN, OTHER) else ALL
        # shares by language are used once: to keep them for every language and run would only cost memory
        make = self._cells if by_candidate or "shares" not in measure.tables else self._make_cells
        cells = make(path, quantity.setting, quantity.metric, kept, side)
        return self.clusters.add(cells, asked, offered if by_candidate else np.arange(1))

    def _index(self, codes: tuple[str, ...] | None) -> np.ndarray:
        """Positions of those of the languages (None: all) that the benchmark has."""
        return np.array([i for i, c in enumerate(self.languages) if codes is None or c in codes], dtype=int)

    def pair_cells(self, path: str, setting: str) -> Cells:
        """AP of a run by question language and, in cross, candidate language: [C, L, L], in mono [C, L, 1]."""
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
        self, quantities: Sequence[Quantity | Mix], comparisons: Sequence[list[dict[int, float]]]
    ) -> Iterator[tuple[Quantity, str, np.ndarray, dict[str, np.ndarray]]]:
        """(quantity, average, number of questions of every run, estimates of all comparisons), in order.

        A comparison is a list of units over the K runs, see langscale.statistics.intervals. Quantities of equal counts go
        through one bootstrap. Both averages, macro and micro, are given where they differ.
        """
        waiting: list[tuple[Quantity, Sums]] = []
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

    def _by_ladder(self, units: list[dict[int, float]]) -> list[dict[int, float]]:
        """The units of one ladder as one, their mean: seeds that share a ladder are no independent choice of languages."""
        if not self.study.ladder_count:
            return units
        groups: dict[int, list[dict[int, float]]] = {}
        for i, unit in enumerate(units):
            seeds = [run.seed for run in map(self.grid.runs.__getitem__, unit) if run.steps]
            groups.setdefault(self.grid.ladder(seeds[0]) if seeds else -i, []).append(unit)
        merged = []
        for group in groups.values():
            merged.append({})
            for column, weight in ((c, w / len(group)) for unit in group for c, w in unit.items()):
                merged[-1][column] = merged[-1].get(column, 0.0) + weight
        return merged

    def _estimate(self, waiting, comparisons):
        k, m = len(self.paths), len(comparisons)
        comparisons = [self._by_ladder(units) for units in comparisons]
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
                yield quantity, average, found.questions, part


def margin(
    metric: str, reference: dict[str, np.ndarray] | None
) -> tuple[np.ndarray | float, np.ndarray | float]:
    """(half-width of what counts as equal, its standard error), of a difference or of a slope.

    .01 of mAP and its like, 5% of the reference (its mean and se, as `estimate` gives them) for rank distance, else nan.
    """
    kind = MEASURES[metric].margin
    if kind == "share":
        return MARGIN_SHARE * np.abs(reference["mean"]), MARGIN_SHARE * reference["se"]
    return (MARGIN if kind == "absolute" else np.nan), 0.0
