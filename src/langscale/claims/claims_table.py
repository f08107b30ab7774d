"""tables/claims.csv: a verdict on every claim.

Each claim has one primary row, on the pair of model and benchmark of `statistics.primary`. These rows are
decided together, in the declared sequence or by Holm. Other models and benchmarks are replications. Runs are
those of the last checkpoint.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from langscale.claims.catalogue import declared
from langscale.claims.claim import Entry, letter
from langscale.claims.parts import NAN, Measured, measure
from langscale.claims.testability import no_row, planned
from langscale.claims.verdicts import (
    NOT_TESTED,
    UNDECIDED,
    Outcome,
    conjunction,
    decide,
    level,
    replication,
)
from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.design.grid import Grid
from langscale.statistics.all_tables import panels
from langscale.statistics.panel import Panel

CONFIRMATORY, EXPLORATORY, REPLICATION = "confirmatory", "exploratory", "replication"
COLUMNS = (
    "claim", "part", "position", "role", "source", "statement", "compared", "claimed", "model", "benchmark",
    "budget", "setting", "metric", "effect", "ci_low", "ci_high", "runs_ci_low", "runs_ci_high", "p",
    "p_adjusted", "smallest_detectable", "sd_runs", "se_queries", "n_runs", "verdict", "reason",
)  # fmt: skip


def claims_table(
    study: Study,
    grid: Grid,
    files: Mapping[tuple[str, str, str], str],
    audit: pd.DataFrame | None = None,
    diversity: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The table of a study.

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
    """The rows of all claims with parts about this benchmark, measured. See `table`."""
    found = [entry for entry in planned(panel.grid) if entry.benchmark == benchmark]
    own = [entry for entry in found if entry.claim.test is None]
    measured = iter(measure(panel, [part for entry in own for part in entry.parts]))
    for entry in own:
        entry.measured = [next(measured) for _ in entry.parts]
    return found


def table(
    study: Study, found: Sequence[Entry], audit: pd.DataFrame | None, diversity: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The table: a row per claim, model and benchmark (part `all`), then one per part if it has several.

    found: the entries of all benchmarks; audit, diversity: tables/audit.csv and diversity.csv, None if the
    study has none. The claims stand in the order of their tests, the primary row of each first. The numbers
    of a claim are those of the deciding part: the part contradicted most clearly, else the least supported
    part. A part has no verdict.
    """
    tables = {name: its for name, its in (("audit", audit), ("diversity", diversity)) if its is not None}
    for entry in found:
        if entry.claim.test:
            entry.measured = (
                [Measured(part) for part in entry.parts] if entry.lack else entry.claim.test(entry, tables)
            )
    claims = declared(study)
    of = {c.id: sorted((e for e in found if e.claim.id == c.id), key=lambda e: not e.primary) for c in claims}
    tested = [entry for c in claims for entry in of[c.id] if entry.primary and not entry.lack]
    results = Results(study, tested)
    rows: list[dict[str, Any]] = []
    for claim in claims:
        its = [row for entry in of[claim.id] for row in results.rows(entry)]
        if claim.count:
            its = [{"part": ALL, "model": ALL} | row for row in claim.count(study, tables)]
        elif not its:
            lack = no_row(study, claim)
            its = [{"part": ALL, "model": ALL, "benchmark": ALL, "verdict": NOT_TESTED, "reason": lack}]
        rows += [
            {"claim": claim.id, "source": claim.source, "statement": claim.statement} | row for row in its
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


class Results:
    """The outcomes of the tested primary rows, and the table rows from them."""

    def __init__(self, study: Study, tested: Sequence[Entry]) -> None:
        self.study = study
        self.in_sequence = study.statistics.multiplicity == "sequence"
        outcomes = decide([entry.measured for entry in tested], study.statistics.multiplicity)
        self.primary = {entry.claim.id: outcome for entry, outcome in zip(tested, outcomes, strict=True)}
        self.position = {entry.claim.id: i for i, entry in enumerate(tested, start=1)}
        open_ = [name for name, its in self.primary.items() if its.verdict in (UNDECIDED, NOT_TESTED)]
        self.end = open_[0] if open_ and self.in_sequence else ""
        self.level = level(study.statistics.multiplicity, len(tested))

    def rows(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """The row of a claim on one pair of model and benchmark, then its parts if it has several."""
        outcome, role = self._outcome(entry), self._role(entry)
        head: dict[str, Any] = {
            "model": entry.model,
            "benchmark": entry.benchmark,
            "budget": entry.budget,
            "role": role,
        }
        if entry.primary and not entry.lack and self.in_sequence:
            head["position"] = self.position[entry.claim.id]
        several, i = len(entry.parts) > 1, _deciding(entry.measured, outcome)
        shown = {}
        if i is not None or not several:
            shown = self._numbers(entry.measured[i or 0])
        reason = "; ".join(self._reasons(entry, outcome, role, i))
        yield head | {"part": ALL} | shown | outcome._asdict() | {"reason": reason}
        for k, one in enumerate(entry.measured if several else ()):
            p = NAN if entry.lack else one.p_for
            lack = one.part.missing or one.part.uncontrolled
            yield head | {"part": letter(k), "p": p, "reason": lack} | self._numbers(one)

    def _outcome(self, entry: Entry) -> Outcome:
        if entry.lack:
            return Outcome(NAN, NAN, NOT_TESTED)
        primary = self.primary.get(entry.claim.id)
        if entry.primary:
            assert primary
            return primary
        return replication(entry.measured, primary.verdict if primary else NOT_TESTED)

    def _role(self, entry: Entry) -> str:
        if entry.lack:
            return ""
        if not entry.primary:
            return REPLICATION
        later = self.end and self.position[entry.claim.id] > self.position[self.end]
        return EXPLORATORY if later else CONFIRMATORY

    def _reasons(self, entry: Entry, outcome: Outcome, role: str, i: int | None) -> Iterator[str]:
        if outcome.verdict == NOT_TESTED:
            yield entry.lack or "; ".join(
                dict.fromkeys(filter(None, (m.part.missing for m in entry.measured)))
            )
            return
        if role == EXPLORATORY:
            yield f"exploratory, as {self.end} before it is not decided"
        primary = self.primary.get(entry.claim.id)
        if role == REPLICATION and (primary is None or primary.verdict in (UNDECIDED, NOT_TESTED)):
            yield "no verdict to replicate"
        if len(entry.parts) > 1 and i is not None:
            against = entry.measured[i].p_against < entry.measured[i].p_for
            what = "has the smallest p, against the claim" if against else "has the largest p"
            yield f"part {letter(i)} of {len(entry.parts)} {what}"
        if entry.claim.setup:
            yield from entry.claim.setup.differences(self.study, entry.benchmark, entry.model)

    def _numbers(self, one: Measured) -> dict[str, Any]:
        return {
            **dict(zip(("setting", "metric"), one.part.measure, strict=True)),
            "compared": one.part.compared,
            "claimed": str(one.part.region) if one.part.compared else "",
            "effect": one.effect,
            "ci_low": one.low,
            "ci_high": one.high,
            "runs_ci_low": one.runs_low,
            "runs_ci_high": one.runs_high,
            "smallest_detectable": one.detectable(self.level),
            "sd_runs": one.sd_runs,
            "se_queries": one.se_queries,
            "n_runs": one.n_runs or NAN,
        }


def _deciding(measured: Sequence[Measured], outcome: Outcome) -> int | None:
    """The part whose p is that of the claim. None without a p."""
    if np.isnan(outcome.p):
        return None
    p_for, p_against = conjunction(measured)
    if p_against < p_for:
        return min(range(len(measured)), key=lambda i: measured[i].p_against)
    return max(range(len(measured)), key=lambda i: measured[i].p_for)
