"""The grid of a study: the only place that knows which cells and which runs exist, and where they lie.

A cell is what the tables show: (model, sampler, budget, ladder, n, seed). A run is what is trained. Cells that are
the same by definition share a run (docs/METHOD.md, Runs and cells): hybrid with alpha 1 is x-x-mono, at n = 1 every
sampler is mono in the first language of the ladder, at n = |pool| all ladders are one set, and both budgets meet
at n = 1.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from langscale.config.experiment import Arm, Budget
from langscale.config.experiment import Point as Named
from langscale.config.sampler import Spec, reduce
from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, NONE, POINT, UNTRAINED
from langscale.core.errors import UserError
from langscale.design.ladders import random_ladder, set_id

KINDS = ("fixed-total", "fixed-per-language", "fixed-rows")


def subset_name(languages: tuple[str, ...]) -> str:
    """Folder name of a set of languages: n<k>-<8 hex>."""
    return f"n{len(languages)}-{set_id(languages)}"


@dataclass(frozen=True, order=True)
class Run:
    """What is trained, or an untrained row (no languages, no steps), or BM25.

    `sampler` and `budget` are reduced names, `languages` sorted codes, `pairs` the number of pair ids per source
    (None: all, or with `share` a share-th of them), `sizes` the declared ones of sources, for mixing them.
    """

    model: str
    sampler: str
    budget: str
    languages: tuple[str, ...]
    seed: int
    steps: int = 0
    pairs: int | None = None
    share: int = 1
    sources: tuple[str, ...] = ()
    whole_pool: bool = True
    sizes: tuple[tuple[str, int], ...] = ()

    @property
    def subset(self) -> str:
        """Folder name of its set of languages."""
        return subset_name(self.languages)

    @property
    def path(self) -> str:
        """Folder below results/<study>/runs, from the identity alone."""
        return f"{self.model}/{self.sampler}/{self.budget}/{self.subset}/seed{self.seed}"

    def recipe(self) -> dict[str, Any]:
        """What the training job is told; a change of any value makes the run's outputs stale."""
        take = {"whole_pool": self.whole_pool, "pairs": self.pairs, "share": self.share}
        fields = ("model", "sampler", "languages", "seed", "steps", "sources", "path")
        recipe = {field: getattr(self, field) for field in fields} | {"take": take}
        return recipe | ({"sizes": dict(self.sizes)} if self.sizes else {})


@dataclass(frozen=True)
class Cell:
    """One row of tables/runs.csv: a point of the design and the run that gives its value."""

    model: str
    sampler: str
    alpha: float | None
    budget: str
    ladder: str
    n_languages: int
    seed: int
    run: Run


@dataclass(frozen=True)
class Point:
    """The replicates of one point of the design: runs by seed. `ladder` is `all` for the random ladders."""

    model: str
    sampler: str
    alpha: float | None
    budget: str
    ladder: str
    n_languages: int
    runs: tuple[tuple[int, str], ...]

    @property
    def trained(self) -> bool:
        return self.n_languages > 0

    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in POINT}


def points(cells: Iterable[Cell]) -> list[Point]:
    """The cells of a grid gathered over replicates, in their order."""
    runs: dict[tuple, list] = {}
    for cell in cells:
        # random ladders carry numbers; they are replicates of each other, named ladders are points of their own
        ladder = ALL if cell.ladder.isdigit() or not cell.n_languages else cell.ladder
        name = (cell.model, cell.sampler, cell.alpha, cell.budget, ladder, cell.n_languages)
        runs.setdefault(name, []).append((cell.seed, cell.run.path))
    return [Point(*name, tuple(found)) for name, found in runs.items()]


class Grid:
    """All cells and runs of a study, in the order of the config.

    Raises UserError where a contrast of the config names no point of the grid, or several.
    """

    def __init__(self, study: Study):
        self.study = study
        self.contrasts = [
            (
                self.point(c.cell, f"statistics.contrasts.{i}.cell"),
                self.point(c.reference, f"statistics.contrasts.{i}.reference"),
            )
            for i, c in enumerate(study.statistics.contrasts)
        ]

    @cached_property
    def cells(self) -> list[Cell]:
        """Baselines first, then the arms; a cell that two arms name stands once."""
        cells: dict[tuple, Cell] = {}
        for cell in self._all_cells():
            cells.setdefault(
                (cell.model, cell.sampler, cell.alpha, cell.budget, cell.ladder, cell.n_languages, cell.seed),
                cell,
            )
        return list(cells.values())

    @cached_property
    def runs(self) -> list[Run]:
        """Distinct runs, baselines included, in the order of the cells."""
        runs = list(dict.fromkeys(cell.run for cell in self.cells))
        paths = [run.path for run in runs]
        assert len(set(paths)) == len(paths), "two runs share a folder"
        return runs

    @cached_property
    def points(self) -> list[Point]:
        """The cells gathered over replicates."""
        return points(self.cells)

    def point(self, named: Named, key: str) -> Point:
        """The point that a contrast of the config names; `key` is where it does so."""
        sampler = named.sampler, None
        if named.n:
            try:
                spec = Spec.parse(named.sampler)
            except UserError as error:
                raise UserError(f"{key}: {error}") from None
            sampler = spec.sampler, spec.alpha
        ladders = [p.ladder for p in self.points if p.ladder != ALL]
        if named.ladder and named.ladder not in ladders:
            known = ", ".join(dict.fromkeys(ladders)) or "none"
            raise UserError(f"{key}.ladder: {named.ladder} is in no arm of the grid; there are {known}")
        there = [p for p in self.points if p.ladder == (named.ladder or ALL)]
        found = [
            p
            for p in there
            if (p.sampler, p.alpha, p.n_languages) == (*sampler, named.n)
            and named.model in (None, p.model)
            and named.budget in (None, p.budget)
        ]
        if len(found) != 1:
            wanted = " ".join(str(v) for v in (named.model, named.sampler, named.budget, named.ladder) if v)
            known = ", ".join(
                dict.fromkeys(f"{p.model} {p.sampler} {p.budget} n={p.n_languages}" for p in there)
            )
            raise UserError(
                f"{key}: {wanted} n={named.n} names {len(found)} points of the grid; one is right, of {known}"
            )
        return found[0]

    @cached_property
    def by_path(self) -> dict[str, Run]:
        """Run by its folder below runs/."""
        return {run.path: run for run in self.runs}

    @property
    def trained(self) -> list[Run]:
        """The runs that cost training."""
        return [run for run in self.runs if run.steps]

    @property
    def encoded(self) -> list[Run]:
        """The runs that have embeddings: all but BM25."""
        return [run for run in self.runs if run.model != BM25]

    @property
    def checkpoints(self) -> list[str]:
        """Checkpoints that are scored: last, and best where the study validates."""
        return ["last", "best"] if self.study.training.validation else ["last"]

    def scored(self, benchmark: str | None = None) -> list[tuple[Run, str]]:
        """(run, checkpoint) of everything that is ranked; baselines have no best checkpoint of their own.

        `benchmark`: on it, which may have runs of some seeds only (a run without a seed is always there), and no
        BM25 where it is larger than memory.
        """
        runs = self.runs
        if benchmark is not None:
            seeds = self.study.benchmarks[benchmark].seeds
            runs = [run for run in runs if seeds is None or run.seed in (0, *seeds)]
            if self.study.listed(benchmark):
                runs = [run for run in runs if run.model != BM25]
        return [(run, checkpoint) for run in runs for checkpoint in self.checkpoints[: 2 if run.steps else 1]]

    @cached_property
    def subsets(self) -> dict[str, tuple[str, ...]]:
        """Sets of languages by folder name: those trained on, and the one that is validated on."""
        sets = [run.languages for run in self.trained]
        if self.study.training.validation:
            sets.append(self.validation_languages)
        return {subset_name(languages): languages for languages in sets}

    @property
    def validation_languages(self) -> tuple[str, ...]:
        """Sorted languages of the validation batches."""
        pool = self.study.languages.pool
        return ("en",) if self.study.training.validation.languages == "en" else tuple(sorted(pool))

    def seeds(self, replicates: int | None = None) -> range:
        """Seeds 1..R of the replicates."""
        return range(1, (replicates or self.study.replicates) + 1)

    def ladder(self, seed: int) -> int:
        """The random ladder that goes with a seed: ladder i with seed i, from the first again after `ladder_count`."""
        return (seed - 1) % (self.study.ladder_count or seed) + 1

    def _all_cells(self) -> Iterator[Cell]:
        if self.study.evaluation.bm25:
            yield self._baseline(BM25, NONE, 0)
        for name, model in self.study.models.items():
            # a downloaded encoder has one state before training, one that is built here has one per seed
            for seed in self.seeds() if model.architecture else [0]:
                yield self._baseline(name, UNTRAINED, seed)
        for arm in self.study.grid:
            for model in arm.models or self.study.models:
                for spec in map(Spec.parse, arm.samplers):
                    for budget in arm.budgets or self.study.budgets:
                        yield from self._curve(arm, model, spec, budget)

    @staticmethod
    def _baseline(model: str, sampler: str, seed: int) -> Cell:
        return Cell(model, sampler, None, NONE, NONE, 0, seed, Run(model, sampler, NONE, (), seed))

    def _curve(self, arm: Arm, model: str, spec: Spec, budget: str) -> Iterator[Cell]:
        for n in sorted(set(arm.n)):
            for seed in self.seeds(arm.replicates):
                for name, order in self._ladders(arm, seed):
                    run = self._run(model, spec, budget, order[:n], seed)
                    yield Cell(model, spec.sampler, spec.alpha, budget, name, n, seed, run)

    def _ladders(self, arm: Arm, seed: int) -> list[tuple[str, tuple[str, ...]]]:
        if arm.ladders == "random":
            index = self.ladder(seed)
            return [(str(index), random_ladder(self.study.languages.pool, index))]
        return [(name, tuple(self.study.ladders[name])) for name in arm.ladders]

    def _run(self, model: str, spec: Spec, budget: str, languages: tuple[str, ...], seed: int) -> Run:
        reduced, languages = reduce(spec, languages)
        numbers = self._numbers(self.study.budgets[budget], len(languages))
        # budgets that come to the same numbers at this n are one: the first by kind, then name, gives the folder
        same = [name for name, b in self.study.budgets.items() if self._numbers(b, len(languages)) == numbers]
        first = min(same, key=lambda name: (KINDS.index(self.study.budgets[name].kind), name))
        return Run(model, reduced.name, first, languages, seed, **numbers)

    def _numbers(self, budget: Budget, n: int) -> dict[str, Any]:
        share, pairs = n if budget.kind == "fixed-rows" else 1, budget.pairs
        sources = sorted(budget.sources or (s for s, o in self.study.sources.items() if o.train))
        sizes = {name: self.study.sources[name].size for name in sources}
        return {
            "steps": budget.steps * (n if budget.kind == "fixed-per-language" else 1),
            "pairs": None if pairs is None else pairs // share,
            "share": share if pairs is None else 1,
            "sources": tuple(sources),
            "whole_pool": budget.whole_pool,
            "sizes": tuple((name, size) for name, size in sizes.items() if size),
        }
