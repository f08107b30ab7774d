"""The claims ledger, tables/claims.csv: a verdict on every claim for every model and benchmark.

All claims over all models and benchmarks are one family, declared in `statistics.claims`. Runs are those of
the last checkpoint.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd

from langscale.claims.catalogue import declared
from langscale.claims.claim import Claim, Entry
from langscale.claims.model_cells import Design
from langscale.claims.parts import ABOVE, ALPHA, NAN, Measured, Missing, Part, measure
from langscale.claims.verdicts import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDECIDED, Outcome, decide
from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.data import catalogue
from langscale.design.grid import Grid
from langscale.statistics.all_tables import panels
from langscale.statistics.panel import Panel

ROLE = {SUPPORTED: "is the least sure", CONTRADICTED: "contradicts it", UNDECIDED: "is the least sure"}
COLUMNS = (
    "claim", "part", "source", "statement", "compared", "claimed", "model", "benchmark", "budget", "effect",
    "ci_low", "ci_high", "runs_ci_low", "runs_ci_high", "p", "p_adjusted", "smallest_detectable", "n_runs",
    "verdict", "reason",
)  # fmt: skip


def claims_table(
    study: Study,
    grid: Grid,
    files: Mapping[tuple[str, str, str], str],
    audit: pd.DataFrame | None = None,
    diversity: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The ledger of a study.

    files: score file by (run folder, checkpoint, benchmark). audit, diversity: as in `table`.
    """
    found = [
        entry
        for benchmark, checkpoint, panel in panels(study, grid, files)
        if checkpoint == "last"
        for entry in entries(panel, benchmark)
    ]
    return table(study, found, audit, diversity)


def entries(panel: Panel, benchmark: str) -> list[Entry]:
    """All claims with parts about this benchmark, measured. See `table`."""
    study = panel.study
    trained = dict.fromkeys(p.model for p in panel.points if p.trained)
    if not trained:  # encoders as they are: no claim is about them
        return []
    designs = {model: Design(study, panel.points, model) for model in trained}
    budget = next(iter(designs.values())).budget
    found = [
        Entry(claim, models, benchmark, designs[models].budget if models in designs else budget, parts)
        for claim in declared(study)
        if claim.parts
        and claim.large_corpora
        == catalogue.benchmark(benchmark, study.benchmarks[benchmark]).larger_than_memory
        for models, parts in _parts(claim, study, designs)
    ]
    measured = iter(measure(panel, [part for entry in found for part in entry.parts]))
    for entry in found:
        entry.measured = [next(measured) for _ in entry.parts]
    return found


def _parts(claim: Claim, study: Study, designs: dict[str, Design]) -> Iterator[tuple[str, list[Part]]]:
    """(model or models, parts) of every row of a claim."""
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


def table(
    study: Study, found: Sequence[Entry], audit: pd.DataFrame | None, diversity: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The ledger: a row per claim, model and benchmark (part `all`), then one per part if it has several.

    found: the entries of all benchmarks; audit, diversity: tables/audit.csv and diversity.csv, None if the
    study has none. The numbers of a claim are those of the deciding part: the part contradicted most clearly,
    else the least supported part.
    """
    tables = {name: its for name, its in (("audit", audit), ("diversity", diversity)) if its is not None}
    for entry in found:
        if entry.claim.test:
            entry.measured = entry.claim.test(entry, tables)
    tests = _tests(found)
    for entry in found:
        entry.measured = [_feasible(one, tests) for one in entry.measured]
    outcomes, tests = decide([entry.measured for entry in found]), _tests(found)
    rows: dict[str, list[dict[str, Any]]] = {claim.id: [] for claim in declared(study)}
    for entry, (whole, single) in zip(found, outcomes, strict=True):
        rows[entry.claim.id] += _rows(study, entry, whole, single, tests)
    full = []
    for claim in declared(study):
        head = {"claim": claim.id, "source": claim.source, "statement": claim.statement}
        its = rows[claim.id]
        if claim.count:
            its = [{"part": ALL, "model": ALL} | row for row in claim.count(study, tables)]
        elif not its:
            lack = "the study has no benchmark " + ("miracl" if claim.large_corpora else "but miracl")
            lack = lack if study.grid else "the study trains nothing (`grid: []`)"
            its = [{"part": ALL, "model": ALL, "benchmark": ALL, "verdict": NOT_TESTED, "reason": lack}]
        full += [head | row for row in its]
    return pd.DataFrame(full, columns=list(COLUMNS))


def _tests(found: Sequence[Entry]) -> int:
    """The size of the family: the number of claims with a tested part."""
    return sum(any(not np.isnan(m.p_for) for m in entry.measured) for entry in found)


def _rows(
    study: Study, entry: Entry, whole: Outcome, single: Sequence[Outcome], tests: int
) -> Iterator[dict[str, Any]]:
    head = {"model": entry.model, "benchmark": entry.benchmark, "budget": entry.budget}
    several, i = len(entry.parts) > 1, _deciding(entry.measured, whole.verdict)
    lacks = [m.part.missing if whole.verdict == NOT_TESTED else m.part.uncontrolled for m in entry.measured]
    reasons = [] if whole.verdict in (SUPPORTED, CONTRADICTED) else list(dict.fromkeys(filter(None, lacks)))
    if several and i is not None and not reasons:
        reasons.append(f"part {_letter(i)} of {len(entry.parts)} {ROLE[whole.verdict]}")
    if whole.verdict != NOT_TESTED and entry.claim.setup:
        reasons += entry.claim.setup.differences(study, entry.benchmark, entry.model)
    shown = {} if i is None else _numbers(entry.measured[i], tests)
    if not several:
        shown = _numbers(entry.measured[0], tests)
    yield head | {"part": ALL} | shown | whole._asdict() | {"reason": "; ".join(reasons)}
    for k, (one, outcome) in enumerate(zip(entry.measured, single, strict=True)):
        if several:
            lack = one.part.missing or one.part.uncontrolled
            yield head | {"part": _letter(k)} | _numbers(one, tests) | outcome._asdict() | {"reason": lack}


def _deciding(measured: Sequence[Measured], verdict: str) -> int | None:
    known = [i for i, m in enumerate(measured) if not np.isnan(m.p_for)]
    if verdict == NOT_TESTED:
        return None
    if not known:  # all lack their control
        return 0
    if verdict == CONTRADICTED:
        return min(known, key=lambda i: measured[i].p_against)
    return max(known, key=lambda i: measured[i].p_for)


def _numbers(one: Measured, tests: int) -> dict[str, Any]:
    return {
        "compared": one.part.compared,
        "claimed": str(one.part.region) if one.part.compared else "",
        "effect": one.effect,
        "ci_low": one.low,
        "ci_high": one.high,
        "runs_ci_low": one.runs_low,
        "runs_ci_high": one.runs_high,
        "smallest_detectable": one.detectable(tests),
        "n_runs": one.n_runs or NAN,
    }


def _letter(i: int) -> str:
    return ascii_lowercase[i] if i < len(ascii_lowercase) else str(i + 1)


def _feasible(one: Measured, tests: int) -> Measured:
    """Not tested if a permutation test has too few ladders for a significant p in the family."""
    if one.part.uncontrolled or one.least_p * tests < ALPHA:
        return one
    lack = (
        f"{one.n_runs} ladders: p cannot be below {one.least_p:.2g}, too much for a family of {tests} tests "
        f"({one.least_p:.2g} x {tests} = {one.least_p * tests:.2g})"
    )
    return replace(one, part=replace(one.part, missing=lack), p_for=NAN, p_against=NAN)
