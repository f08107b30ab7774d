"""The grid of a study: the only place with the rules of its cells, its runs and their folders.

A cell is one row of the tables: (model, sampler, budget, ladder, n, seed). A run is one training. Cells with
equal batches share a run (docs/METHOD.md, Runs and cells): hybrid with alpha 1 is x-x-mono. At n = 1 every
sampler is x-x-mono in the first language of the ladder. At n = |pool| all ladders are one set. Budgets meet
at equal numbers. A model with `dimensions` has each cell again with cut vectors, under a name such as e5@64.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from langscale.config.fields import shown
from langscale.config.model import CUT, cut_name, whole_name
from langscale.config.runs import Arm, Budget
from langscale.config.sampler import Spec, reduce
from langscale.config.statistics import Point as Named
from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, NONE, POINT, UNTRAINED
from langscale.core.errors import UserError
from langscale.data import catalogue
from langscale.design.ladders import random_ladder, set_id

KINDS = ("fixed-total", "fixed-per-language", "fixed-rows")


def subset_name(languages: tuple[str, ...]) -> str:
    """Folder name of a set of languages: n<k>-<8 hex>."""
    return f"n{len(languages)}-{set_id(languages)}"


@dataclass(frozen=True, order=True)
class Run:
    """A training, an untrained model (no languages, no steps), or BM25.

    sampler, budget: reduced names. languages: sorted codes. pairs: pair ids per source; None: all, or with
    `share` s one s-th of all. sizes: declared sizes of sources, for the mix of sources. dimensions: cut the
    vectors of the run `whole` to so many numbers; nothing is trained. None: they are whole.
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
    dimensions: int | None = None

    @property
    def subset(self) -> str:
        """Folder name of its set of languages."""
        return subset_name(self.languages)

    @property
    def whole(self) -> "Run":
        """The run whose vectors it has, or cuts: the one with weights and embeddings."""
        return replace(self, model=whole_name(self.model), dimensions=None)

    @property
    def path(self) -> str:
        """Folder below results/<study>/runs, from the identity alone."""
        return f"{self.model}/{self.sampler}/{self.budget}/{self.subset}/seed{self.seed}"

    def recipe(self) -> dict[str, Any]:
        """The values of the training job. A change of any value makes the outputs of the run stale."""
        take = {"whole_pool": self.whole_pool, "pairs": self.pairs, "share": self.share}
        fields = ("model", "sampler", "languages", "seed", "steps", "sources", "path")
        recipe = {field: getattr(self, field) for field in fields} | {"take": take}
        return recipe | ({"sizes": dict(self.sizes)} if self.sizes else {})


@dataclass(frozen=True)
class Cell:
    """One row of tables/runs.csv: a point of the design, a seed, and the run with its value."""

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
        """Whether its runs are trained: neither an untrained model nor BM25."""
        return self.n_languages > 0

    def columns(self) -> dict[str, Any]:
        """Its columns in tables."""
        return {name: getattr(self, name) for name in POINT}


def points(cells: Iterable[Cell]) -> list[Point]:
    """The cells of a grid gathered over replicates, in their order."""
    runs: dict[tuple[str, str, float | None, str, str, int], list[tuple[int, str]]] = {}
    for cell in cells:
        # numbered ladders are random and replicates of each other, named ladders are points of their own
        ladder = ALL if cell.ladder.isdigit() or not cell.n_languages else cell.ladder
        key = (cell.model, cell.sampler, cell.alpha, cell.budget, ladder, cell.n_languages)
        runs.setdefault(key, []).append((cell.seed, cell.run.path))
    return [Point(*key, tuple(found)) for key, found in runs.items()]


class Grid:
    """All cells and runs of a study, in the order of the config.

    Raises UserError for a sampler without directions, and for a contrast of no point, of several, of a point
    with itself, or declared twice.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.contrasts = [
            (
                self.point(c.cell, f"statistics.contrasts.{i}.cell"),
                self.point(c.reference, f"statistics.contrasts.{i}.reference"),
            )
            for i, c in enumerate(study.statistics.contrasts)
        ]
        self._declared_once()
        assert self.cells  # formed now: every mistake is known at the start

    def _declared_once(self) -> None:
        """Raise UserError for a contrast of a point with itself, and for the same contrast twice."""
        known: dict[tuple[object, ...], int] = {}
        for i, (sides, c) in enumerate(zip(self.contrasts, self.study.statistics.contrasts, strict=True)):
            if sides[0] == sides[1]:
                raise UserError(f"statistics.contrasts.{i}: cell and reference are one point; two are right")
            what = frozenset(sides), c.setting, c.pair_set, c.metric
            for benchmark in [c.benchmark] if c.benchmark else self.study.benchmarks:
                first = known.setdefault((*what, benchmark), i)
                if first != i:
                    other = f"statistics.contrasts.{first}"
                    raise UserError(
                        f"statistics.contrasts.{i}: the same comparison as {other}; once is right"
                    )

    @cached_property
    def cells(self) -> list[Cell]:
        """Baselines first, then the blocks of the grid. A cell of two blocks stands once."""
        cells: dict[tuple[object, ...], Cell] = {}
        for cell in self._all_cells():
            key = (
                cell.model,
                cell.sampler,
                cell.alpha,
                cell.budget,
                cell.ladder,
                cell.n_languages,
                cell.seed,
            )
            cells.setdefault(key, cell)
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
        """The point of a contrast, named under `key`. Raises UserError for none or several."""
        sampler: tuple[str, float | None] = named.sampler, None
        if named.n:
            try:
                spec = Spec.parse(named.sampler)
            except UserError as error:
                raise UserError(f"{key}: {error}") from None
            sampler = spec.sampler, spec.alpha
        ladders = [p.ladder for p in self.points if p.ladder != ALL]
        if named.ladder and named.ladder not in ladders:
            all_ladders = shown(dict.fromkeys(ladders))
            raise UserError(f"{key}.ladder: {named.ladder} is in no arm of the grid; there are {all_ladders}")
        there = [p for p in self.points if p.ladder == (named.ladder or ALL)]
        found = [
            p
            for p in there
            if (p.sampler, p.alpha, p.n_languages) == (*sampler, named.n)
            and (CUT not in p.model if named.model is None else named.model == p.model)
            and named.budget in (None, p.budget)
        ]
        if len(found) != 1:
            wanted = " ".join(str(v) for v in (named.model, named.sampler, named.budget, named.ladder) if v)
            known = dict.fromkeys(f"{p.model} {p.sampler} {p.budget} n={p.n_languages}" for p in there)
            raise UserError(
                f"{key}: {wanted} n={named.n} names {len(found)} points of the grid, one is right; "
                f"there are {shown(known, 120)}"
            )
        return found[0]

    @cached_property
    def by_path(self) -> dict[str, Run]:
        """Run by its folder below runs/."""
        return {run.path: run for run in self.runs}

    @property
    def trained(self) -> list[Run]:
        """The runs with training."""
        return [run for run in self.encoded if run.steps]

    @property
    def encoded(self) -> list[Run]:
        """The runs with embeddings: all but BM25, and those that cut the vectors of another run."""
        return [run for run in self.runs if run.model != BM25 and run.dimensions is None]

    @property
    def cut(self) -> list[Run]:
        """The runs that cut the vectors of another run."""
        return [run for run in self.runs if run.dimensions is not None]

    @property
    def checkpoints(self) -> list[str]:
        """Checkpoints with scores: last, and best if the study validates."""
        return ["last", "best"] if self.study.training.validation else ["last"]

    def scored(self, benchmark: str | None = None) -> list[tuple[Run, str]]:
        """(run, checkpoint) of all rankings. Baselines have no best checkpoint of their own.

        benchmark: of this benchmark only: runs of its seeds and without a seed, no BM25 if it is larger than
        memory.
        """
        runs = self.runs
        if benchmark is not None:
            seeds = self.study.benchmarks[benchmark].seeds
            runs = [run for run in runs if seeds is None or run.seed in (0, *seeds)]
            if catalogue.benchmark(benchmark, self.study.benchmarks[benchmark]).larger_than_memory:
                runs = [run for run in runs if run.model != BM25]
        return [(run, checkpoint) for run in runs for checkpoint in self.checkpoints[: 2 if run.steps else 1]]

    @cached_property
    def subsets(self) -> dict[str, tuple[str, ...]]:
        """Language sets of training and validation, by folder name."""
        sets = [run.languages for run in self.trained]
        if self.study.training.validation:
            sets.append(self.validation_languages)
        return {subset_name(languages): languages for languages in sets}

    @property
    def validation_languages(self) -> tuple[str, ...]:
        """Sorted languages of the validation batches; none without validation."""
        validation = self.study.training.validation
        if validation is None:
            return ()
        return ("en",) if validation.languages == "en" else tuple(sorted(self.study.languages.pool))

    def random(self, run: Run) -> bool:
        """Whether a run has training randomness. BM25 and a downloaded encoder before training have none."""
        return run.model != BM25 and bool(run.steps or self.study.models[run.whole.model].architecture)

    def seeds(self, replicates: int | None = None) -> range:
        """Seeds 1..R of the replicates."""
        return range(1, (replicates or self.study.replicates) + 1)

    def ladder(self, seed: int) -> int:
        """The random ladder of a seed: ladder i with seed i, the first again after `ladder_count`."""
        return (seed - 1) % (self.study.ladder_count or seed) + 1

    def _all_cells(self) -> Iterator[Cell]:
        if self.study.evaluation.bm25:
            yield self._baseline(BM25, NONE, 0)
        for name, options in self.study.models.items():
            # a downloaded encoder has one state before training, a new one has one per seed
            seeds = self.seeds() if options.architecture else [0]
            yield from self._and_cut([self._baseline(name, UNTRAINED, seed) for seed in seeds])
        for i, arm in enumerate(self.study.grid):
            lists = (arm.models or self.study.models, arm.samplers, arm.budgets or self.study.budgets)
            for model, sampler, budget in product(*lists):
                try:
                    curve = self._curve(arm, str(model), Spec.parse(sampler), str(budget))
                    yield from self._and_cut(list(curve))
                except UserError as error:
                    raise UserError(f"grid.{i}: {error}") from None

    def _and_cut(self, cells: list[Cell]) -> Iterator[Cell]:
        """The cells of one model, then the same with its vectors cut to each of its `dimensions`."""
        yield from cells
        for dimensions in self.study.models[cells[0].model].dimensions or ():
            for cell in cells:
                name = cut_name(cell.model, dimensions)
                yield replace(cell, model=name, run=replace(cell.run, model=name, dimensions=dimensions))

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
        if numbers["pairs"] == 0:
            pairs = self.study.budgets[budget].pairs
            at = f"at n = {len(languages)}"
            raise UserError(f"budget {budget}: found {pairs} pairs, none per language {at}; more are right")
        # budgets with the same numbers at this n are one: the first by kind, then name, gives the folder
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
