"""The rows of tables/claims.csv before the runs: what can be tested, from the config alone.

Each claim has one primary row, on the pair of model and benchmark of `statistics.primary`. A claim whose
primary row cannot be tested is left out of the sequence of tests. That decision depends on the config only,
never on scores.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from langscale.claims.catalogue import declared
from langscale.claims.claim import Claim, Entry
from langscale.claims.model_cells import Design, benchmark_languages
from langscale.claims.parts import ABOVE, Missing, Part, Terms, combined_units
from langscale.config.study import Study
from langscale.config.terms import ALL, NONE
from langscale.data import catalogue
from langscale.design.grid import Grid
from langscale.statistics.intervals import MIN_RUNS
from langscale.statistics.panel import by_ladder
from langscale.statistics.quantities import Mix, Quantity

NO_TEXTS = "the benchmark has no such queries or candidates"


def planned(grid: Grid, claims: Sequence[Claim] | None = None) -> list[Entry]:
    """All rows of claims with parts, the primary row of a claim first.

    claims: None: those of the config, in the declared order.
    """
    study = grid.study
    models = list(dict.fromkeys(point.model for point in grid.points if point.trained))
    if not models:  # encoders as they are: no claim is about them
        return []
    designs = {
        benchmark: {model: Design(grid, model, benchmark) for model in models}
        for benchmark in study.benchmarks
    }
    found = []
    for claim in declared(study) if claims is None else claims:
        rows = [
            Entry(claim, names, benchmark, _budget(designs[benchmark], names), parts)
            for benchmark in suited(study, claim)
            for names, parts in _rows(claim, study, designs[benchmark])
        ]
        for row in rows:
            row.lack = lack(grid, row)
        rows = sorted(rows, key=partial(_distance, study, models))
        for i, row in enumerate(rows):
            row.primary = i == 0
        found += rows
    return found


def _distance(study: Study, models: Sequence[str], row: Entry) -> tuple[bool, bool]:
    """How far a row is from the primary pair: another benchmark, another model."""
    chosen = study.statistics.primary
    model = chosen.model or models[0]
    benchmark = chosen.benchmark or next(iter(study.benchmarks))
    return row.benchmark != benchmark, model not in row.model.split(", ")


def no_row(study: Study, claim: Claim) -> str:
    """Why a claim with parts has no row in a study."""
    if not study.grid:
        return "the study trains nothing (`grid: []`)"
    return "the study has no benchmark " + ("miracl" if claim.large_corpora else "but miracl")


def suited(study: Study, claim: Claim) -> list[str]:
    """The benchmarks of a study that a claim is about, in the order of the config."""
    return [
        name
        for name in study.benchmarks
        if claim.parts
        and catalogue.benchmark(name, study.benchmarks[name]).larger_than_memory == claim.large_corpora
    ]


def _budget(designs: dict[str, Design], names: str) -> str:
    """The budget of a row's model, or of the first of the compared models."""
    return next((its.budget for name, its in designs.items() if name in names.split(", ")), NONE)


def _rows(claim: Claim, study: Study, designs: dict[str, Design]) -> Iterator[tuple[str, list[Part]]]:
    """(model or models, parts) of every row of a claim on one benchmark."""
    try:
        groups = list(claim.models_of(study, designs))
    except Missing as reason:
        yield ALL, [Part("", ABOVE, missing=str(reason))]
        return
    for names in groups:
        try:
            if not set(names) <= set(designs):
                raise Missing(f"{' and '.join(names)} are not both in the grid")
            assert claim.parts
            parts = list(claim.parts(*(designs[name] for name in names)))
        except Missing as reason:
            parts = [Part("", ABOVE, missing=str(reason))]
        yield ", ".join(names), parts


def lack(grid: Grid, row: Entry) -> str:
    """Why a row cannot be tested: reasons of its parts. Empty for a row with a test."""
    languages = benchmark_languages(grid.study, row.benchmark)
    reasons = [
        part.missing
        or part.uncontrolled
        or _texts(part.quantity, languages)
        or next(filter(None, (_replicates(grid, terms) for terms in (part.terms, part.control))), "")
        for part in row.parts
    ]
    return "; ".join(dict.fromkeys(filter(None, reasons)))


def _texts(quantity: Quantity | Mix | None, languages: Sequence[str]) -> str:
    """Whether a benchmark in these languages lacks queries or candidates of a quantity."""
    if quantity is None:
        return ""
    for one in [q for _, q in quantity.terms] if isinstance(quantity, Mix) else [quantity]:
        queries, candidates = (
            {code for code in languages if codes is None or code in codes}
            for codes in (one.query_languages, one.candidate_languages)
        )
        if not any(a != b or one.setting != "cross" for a in queries for b in candidates):
            return NO_TEXTS
    return ""


def _replicates(grid: Grid, terms: Terms) -> str:
    """Whether a comparison has too few independent replicates for an interval over runs and queries."""
    count = replicates(grid, terms) if terms else MIN_RUNS
    if count >= MIN_RUNS:
        return ""
    having = {0: "no replicate", 1: "one replicate"}.get(count, f"{count} replicates")
    return f"{having}, a test needs {MIN_RUNS}"


def replicates(grid: Grid, terms: Terms) -> int:
    """The number of independent replicates of a comparison: seeds of one ladder count once."""
    columns = {run.path: k for k, run in enumerate(grid.runs)}
    fixed = [not grid.random(run) for run in grid.runs]
    units = combined_units(
        [(weight, {seed: columns[path] for seed, path in point.runs}) for weight, point in terms], fixed
    )
    return len(by_ladder(grid, grid.runs, units))
