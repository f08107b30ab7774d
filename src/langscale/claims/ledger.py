"""The claims ledger, tables/claims.csv: a verdict on every claim for every model and benchmark.

All claims over all models and benchmarks are one family, declared in `statistics.claims`. Runs are those of the last
checkpoint.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from string import ascii_lowercase
from typing import Any, get_args

import numpy as np
import pandas as pd

from langscale.claims.cells import Design
from langscale.claims.definitions import (
    STATEMENTS,
    c1,
    c2,
    c3,
    c4,
    c5,
    c6,
    c7,
    c9,
    h1,
    h2,
    h3,
    h4,
    h5,
    h6,
    h7,
    h8,
)
from langscale.claims.tests import ALPHA, MORE, NAN, Entry, Measured, Missing, Part, Region, measure
from langscale.claims.verdicts import (  # fmt: skip
    CONTRADICTED,
    NOT_TESTED,
    SUPPORTED,
    UNDECIDED,
    Outcome,
    decide,
)
from langscale.config.experiment import Claim
from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.design.grid import Grid
from langscale.published.figures import TRAININGS
from langscale.statistics.panel import Panel
from langscale.statistics.tables import panels

ROLE = {SUPPORTED: "is the least sure", CONTRADICTED: "contradicts it", UNDECIDED: "is the least sure"}
COLUMNS = (
    "claim", "part", "source", "statement", "compared", "claimed", "model", "benchmark", "budget", "effect", "ci_low",
    "ci_high", "runs_ci_low", "runs_ci_high", "p", "p_adjusted", "smallest_detectable", "n_runs", "verdict", "reason",
)  # fmt: skip
PAPERS_SETS, MIRACL = ("xquad-r", "mlqa-r"), ("miracl", "miracl-hard")
PAPERS_ENCODERS = ("xlm-roberta-base", "labse")
SIZES = (  # one architecture and recipe each, small to large
    ("xlm-roberta-base", "xlm-roberta-large"),
    ("multilingual-e5-small", "multilingual-e5-base", "multilingual-e5-large"),
)
ONE_MODEL = {"C1": c1, "C2": c2, "C3": c3, "C5": c5, "C6": c6, "C7": c7, "C9": c9} | {
    "H1": h1, "H2": h2, "H3": h3, "H4": h4, "H6": h6, "H8": h8,
}  # fmt: skip
TWO_MODELS = {"C4": c4, "H5": h5, "H7": h7}


def claims_table(
    study: Study,
    grid: Grid,
    files: Mapping[tuple[str, str, str], str],
    audit: pd.DataFrame | None = None,
    diversity: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The ledger of a study; `files`: score file by (run folder, checkpoint, benchmark); the rest as in `table`."""
    found = [
        entry
        for benchmark, checkpoint, panel in panels(study, grid, files)
        if checkpoint == "last"
        for entry in entries(panel, benchmark)
    ]
    return table(study, found, audit, diversity)


def entries(panel: Panel, benchmark: str) -> list[Entry]:
    """All claims that are about this benchmark, measured; see `table`."""
    study = panel.study
    trained = dict.fromkeys(p.model for p in panel.points if p.trained)
    designs = {model: Design(study, panel.points, model) for model in trained}
    on_miracl = set_of(study, benchmark) in MIRACL
    found = []
    for claim in declared(study):
        if (claim == "C9") != on_miracl:
            continue
        if claim in ONE_MODEL:
            for d in designs.values():
                found.append(Entry(claim, d.model, benchmark, d.budget, _parts(ONE_MODEL[claim], d)))
        elif claim in TWO_MODELS:
            found.append(_of_two(claim, study, designs, benchmark))
    measured = iter(measure(panel, [part for entry in found for part in entry.parts]))
    for entry in found:
        entry.measured = [next(measured) for _ in entry.parts]
    return found


def declared(study: Study) -> list[str]:
    """The claims that the config lists, in the order of the ledger."""
    return [c for c in get_args(Claim) if study.statistics.claims is None or c in study.statistics.claims]


def set_of(study: Study, benchmark: str) -> str:
    return study.benchmarks[benchmark].set or benchmark


def _parts(claim: Callable[..., Iterator[Part]], design: Design | list[Design]) -> list[Part]:
    try:
        return list(claim(design))
    except Missing as reason:
        return [Part("", Region(MORE), missing=str(reason))]


def _of_two(claim: str, study: Study, designs: dict[str, Design], benchmark: str) -> Entry:
    names: tuple[str, ...] = ()
    try:
        names = (_sizes if claim == "H7" else _starting_points)(study)
        both = [designs[name] for name in names if name in designs]
        if len(both) < 2:
            raise Missing(f"{' and '.join(names)} are not both in the grid")
        parts = _parts(TWO_MODELS[claim], both)
    except Missing as reason:
        parts = [Part("", Region(MORE), missing=str(reason))]
    return Entry(claim, ", ".join(names) or ALL, benchmark, next(iter(designs.values())).budget, parts)


def _starting_points(study: Study) -> tuple[str, str]:
    """The models that are XLM-R base and LaBSE."""

    def named(text: str) -> str | None:
        return next((name for name, m in study.models.items() if (m.hub or "").lower().endswith(text)), None)

    found = named("xlm-roberta-base"), named("labse")
    if None in found:
        raise Missing("XLM-R and LaBSE are not both in the study")
    return found


def _sizes(study: Study) -> tuple[str, str]:
    """The smallest and the largest model of one family: a known one, or architectures of one type."""
    families: dict[str, list[tuple[float, str]]] = {}
    for name, model in study.models.items():
        for family in SIZES:
            for size, known in enumerate(family):
                if (model.hub or "").lower().endswith(known):
                    families.setdefault(family[0], []).append((size, name))
        if model.architecture:
            a = model.architecture
            size = a.get("hidden_size", 0) ** 2 * a.get("num_hidden_layers", 0)
            families.setdefault(a["model_type"], []).append((size, name))
    for found in families.values():
        (small, a), (large, b) = min(found), max(found)
        if small < large:
            return a, b
    raise Missing("no two sizes of one model are in the study")


def table(
    study: Study, found: Sequence[Entry], audit: pd.DataFrame | None, diversity: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The ledger: a row per claim, model and benchmark (part `all`), and below it one per part where it has several.

    found: the entries of all benchmarks; audit, diversity: tables/audit.csv and diversity.csv, where there are. The numbers of
    a claim are those of the part that decides: the one that is contradicted most clearly, else the one that is least supported.
    """
    if diversity is not None:
        for entry in found:
            if entry.claim == "H4":
                entry.measured = [_scripts(entry, diversity)]
        tests = _tests(found)
        for entry in found:
            if entry.claim == "H4":
                entry.measured = [_feasible(one, tests) for one in entry.measured]
    outcomes, tests = decide([entry.measured for entry in found]), _tests(found)
    rows = {claim: [] for claim in declared(study)}
    for entry, (whole, single) in zip(found, outcomes, strict=True):
        rows[entry.claim] += _rows(study, entry, whole, single, tests)
    if "C8" in rows:
        rows["C8"] = _separation(study, audit)
    for claim, its in rows.items():
        if not its:  # C9 without its benchmark, or all the others with no benchmark but miracl
            lack = "miracl" if claim == "C9" else "but miracl"
            row = {"claim": claim, "part": ALL, "model": ALL, "benchmark": ALL, "verdict": NOT_TESTED}
            rows[claim] = [row | {"reason": f"the study has no benchmark {lack}"}]
    full = [_statement(row["claim"]) | row for its in rows.values() for row in its]
    return pd.DataFrame(full, columns=list(COLUMNS))


def _statement(claim: str) -> dict[str, str]:
    return dict(zip(("source", "statement"), STATEMENTS[claim], strict=True))


def _tests(found: Sequence[Entry]) -> int:
    """The size of the family: claims of which a part was tested."""
    return sum(any(not np.isnan(m.p_for) for m in entry.measured) for entry in found)


def _rows(
    study: Study, entry: Entry, whole: Outcome, single: Sequence[Outcome], tests: int
) -> Iterator[dict[str, Any]]:
    head = {"claim": entry.claim, "model": entry.model, "benchmark": entry.benchmark, "budget": entry.budget}
    several, i = len(entry.parts) > 1, _deciding(entry.measured, whole.verdict)
    lacks = [m.part.missing if whole.verdict == NOT_TESTED else m.part.uncontrolled for m in entry.measured]
    reasons = [] if whole.verdict in (SUPPORTED, CONTRADICTED) else list(dict.fromkeys(filter(None, lacks)))
    if several and i is not None and not reasons:
        reasons.append(f"part {_letter(i)} of {len(entry.parts)} {ROLE[whole.verdict]}")
    if whole.verdict != NOT_TESTED and entry.claim.startswith("C"):
        reasons += _other_than_the_papers(study, entry)
    shown = {} if i is None else _numbers(entry.measured[i], tests)
    if not several:
        shown = _numbers(entry.measured[0], tests)
    yield head | {"part": ALL} | shown | _outcome(whole) | {"reason": "; ".join(reasons)}
    for k, (one, outcome) in enumerate(zip(entry.measured, single, strict=True)):
        if several:
            lack = one.part.missing or one.part.uncontrolled
            yield head | {"part": _letter(k)} | _numbers(one, tests) | _outcome(outcome) | {"reason": lack}


def _other_than_the_papers(study: Study, entry: Entry) -> Iterator[str]:
    """Of the benchmark and of the encoder, what the paper did not have."""
    its = set_of(study, entry.benchmark)
    if entry.claim == "C9" and its != "miracl":
        yield f"on {entry.benchmark}; the paper's is MIRACL"
    elif entry.claim != "C9" and its not in PAPERS_SETS:
        yield f"on {entry.benchmark}; the paper's are XQuAD-R and MLQA-R"
    model = study.models.get(entry.model)  # C4 is about the paper's two
    if model and not (model.hub or "").lower().endswith(PAPERS_ENCODERS):
        yield f"with {entry.model}; the paper's encoders are XLM-R and LaBSE"


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


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return outcome._asdict()


def _letter(i: int) -> str:
    return ascii_lowercase[i] if i < len(ascii_lowercase) else str(i + 1)


def _scripts(entry: Entry, diversity: pd.DataFrame) -> Measured:
    """H4: at equal n, where n predicts nothing, held-out mAP against the scripts of the set; p by permutation of ladders."""
    (one,) = entry.parts
    wanted = {"benchmark": entry.benchmark, "model": entry.model, "budget": entry.budget, "ladder": ALL}
    here = diversity[
        (diversity[[*wanted]] == pd.Series(wanted)).all(axis=1) & (diversity["checkpoint"] == "last")
    ]
    wanted = {"setting": "cross", "pair_set": "heldout-pool", "predictor": "scripts", "average": "macro"}
    found, notes = [], {}
    for terms in filter(None, (one.terms, one.control)):
        point = terms[0][1]
        alpha = here["alpha"].isna() if point.alpha is None else here["alpha"].eq(point.alpha)
        its = here[(here["sampler"] == point.sampler) & alpha]
        notes |= dict.fromkeys(note for note in its["note"].fillna("") if note)
        found += its[(its[[*wanted]] == pd.Series(wanted)).all(axis=1) & its["p"].notna()].to_dict("records")
    if len(found) < 1 + bool(one.control):
        return replace(entry.measured[0], part=replace(one, missing="; ".join(notes) or one.missing))
    row, p_for, p_against = found[0], NAN, NAN
    if not one.uncontrolled:  # it must hold, and it must fail, with the control too
        p = [(row["p"], 1.0) if row["slope"] > 0 else (1.0, row["p"]) for row in found]
        p_for, p_against = (max(side) for side in zip(*p, strict=True))
    part = replace(one, compared=f"{one.compared}, n = {row['n_values']}", missing="")
    least = max(1 / row["n_permutations"] for row in found)
    return Measured(part, row["slope"], NAN, NAN, row["n_sets"], p_for, p_against, least_p=least)


def _feasible(one: Measured, tests: int) -> Measured:
    """H4 with what is missing where no outcome could be found: the observed order alone among all orders of the ladders."""
    if one.part.uncontrolled or one.least_p * tests < ALPHA:
        return one
    lack = (
        f"{one.n_runs} ladders: p cannot be below {one.least_p:.2g}, too much for a family of {tests} tests "
        f"({one.least_p:.2g} x {tests} = {one.least_p * tests:.2g})"
    )
    return replace(one, part=replace(one.part, missing=lack), p_for=NAN, p_against=NAN)


def _data(study: Study) -> str:
    """Whose training data C8 is about."""
    own = [name for name, source in study.sources.items() if source.train]
    papers = TRAININGS["mmarco+8"].sources
    lack = ", ".join(sorted(papers - set(own)))
    text = f"about this study's own training data ({', '.join(own)})"
    return f"{text}, without the paper's {lack}" if lack else text


def _separation(study: Study, audit: pd.DataFrame | None) -> list[dict[str, Any]]:
    """C8 for every benchmark: no pair of any part of any source overlaps with it."""
    base = {"claim": "C8", "part": ALL, "model": ALL}
    if audit is None:
        return [base | {"benchmark": ALL, "verdict": NOT_TESTED, "reason": "the study has no audit"}]
    rows = []
    for benchmark, its in audit[audit["language"] == ALL].groupby("benchmark", sort=True):
        sources = ", ".join(dict.fromkeys(its["source"]))
        share = its["offending"].sum() / max(its["pairs"].sum(), 1)
        row = base | {
            "benchmark": benchmark,
            "compared": f"share of the pairs of {sources} with a text that is, or mostly is, in {benchmark}",
            "claimed": "equal to 0",
            "effect": share,
        }
        if share > 0:
            left = "left out before training" if study.audit.drop else "in the training data"
            row |= {
                "verdict": CONTRADICTED,
                "reason": f"{its['offending'].sum()} pairs overlap; they are {left}",
            }
        elif (its["benchmark_texts"] == 0).any():
            row |= {"verdict": NOT_TESTED, "reason": "a source has no language in common: nothing to compare"}
        else:
            below = f"containment of 13-grams is below {study.audit.containment:g} everywhere"
            row |= {"verdict": SUPPORTED, "reason": f"{below}; {_data(study)}"}
        rows.append(row)
    return rows
