"""The power of a study before its runs: the smallest detectable effect of each claim, from a pilot.

A pilot is the claims table of a finished study. Per part of a claim it has the standard deviation between
replicates and the standard error from the queries. `pilot.csv` in this package is that of the default study,
with 100 queries per language. `python -m langscale.claims.power results/mini/tables/claims.csv` writes it.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from langscale.claims.catalogue import CLAIMS, declared
from langscale.claims.claim import Entry, letter
from langscale.claims.parts import LESS, MORE, NAN, NOT_LESS, WITHIN, Part
from langscale.claims.testability import no_row, planned, replicates
from langscale.claims.verdicts import level
from langscale.config.terms import ALL, UNTRAINED
from langscale.core.csv_tables import read_csv, write_csv
from langscale.design.grid import Grid, Point
from langscale.models.known import LABSE, XLM_R, encoder
from langscale.published.figures import PAPER, figures
from langscale.statistics.intervals import MIN_RUNS, detectable
from langscale.statistics.quantities import Quantity

SHIPPED = Path(__file__).with_name("pilot.csv")
COLUMNS = ("claim", "part", "setting", "metric", "sd_runs", "se_queries", "n_runs")
MOST = 1000
"""Replicates above this are not named."""


@dataclass(frozen=True)
class Forecast:
    """A claim before the runs, on the primary pair of model and benchmark.

    position: place in the sequence; 0: it cannot be tested. reason: why it cannot be tested.
    compared, detectable: the part with the largest minimum detectable effect, and this effect; nan without a
    pilot. replicates: the planned ones. published: the paper's difference in the part that needs most
    replicates. needed: replicates that would find it with 80% power; inf: more than MOST, or the difference
    is not within the claimed range. nan: the paper prints none, or no pilot.
    """

    claim: str
    position: int
    reason: str = ""
    compared: str = ""
    detectable: float = NAN
    replicates: int = 0
    published: float = NAN
    needed: float = NAN


def pilot(claims: str | Path | None = None) -> pd.DataFrame:
    """The variances of a finished study's table of claims, by part; without a file the shipped ones."""
    table = read_csv(claims or SHIPPED)
    measured = table[table["sd_runs"].notna() & table["se_queries"].notna()]
    if "role" in measured:
        several = measured.loc[measured["part"] != ALL, "claim"]
        measured = measured[(measured["part"] != ALL) | ~measured["claim"].isin(several)]
        measured = measured.drop_duplicates(["claim", "part"])  # the primary row is the first
    return measured[list(COLUMNS)]


def forecasts(grid: Grid, variances: pd.DataFrame) -> Iterator[Forecast]:
    """All claims, in the order of their tests, then those that the config does not name."""
    study, claims = grid.study, declared(grid.study)
    others = [claim for claim in CLAIMS.values() if claim not in claims]
    of = {entry.claim.id: entry for entry in planned(grid, [*claims, *others]) if entry.primary}
    tested = [claim.id for claim in claims if claim.id in of and not of[claim.id].lack]
    of_one = level(study.statistics.multiplicity, len(tested))
    for claim in (*claims, *others):
        entry = of.get(claim.id)
        if claim.id in tested and entry:
            yield _forecast(grid, entry, tested.index(claim.id) + 1, variances, of_one)
            continue
        reason = entry.lack if entry else "a count, without a test" if claim.count else no_row(study, claim)
        yield Forecast(claim.id, 0, reason or "testable, but not in statistics.claims")


def _forecast(grid: Grid, entry: Entry, position: int, variances: pd.DataFrame, level: float) -> Forecast:
    several = len(entry.parts) > 1
    runs = min(replicates(grid, part.terms) for part in entry.parts)
    found, needs = [], []
    for i, part in enumerate(entry.parts):
        sd, se = _spread(variances, entry.claim.id, letter(i) if several else ALL, part)
        if entry.claim.test is None:
            found.append((_detectable(sd, se, runs, level, part.region.sides), part.compared))
            if entry.claim.setup is None:  # no claim of the paper
                continue
            difference, reference = published_difference(grid, entry.benchmark, part)
            needs.append((_needed(part, difference, reference, sd, se, level), difference))
    least, compared = max((f for f in found if not np.isnan(f[0])), default=(NAN, entry.parts[0].compared))
    known = [n for n in needs if not np.isnan(n[0])]
    needed, difference = max(known, key=lambda n: (n[0], -abs(n[1])), default=(NAN, NAN))
    return Forecast(entry.claim.id, position, "", compared, least, runs, difference, needed)


def _spread(variances: pd.DataFrame, claim: str, letter: str, part: Part) -> tuple[float, float]:
    """(sd between replicates, se from queries) of this part in the pilot, else of parts of its measure."""
    same = variances[(variances["claim"] == claim) & (variances["part"] == letter)]
    if same.empty:
        setting, metric = part.measure
        same = variances[(variances["setting"] == setting) & (variances["metric"] == metric)]
    if same.empty:
        return NAN, NAN
    return float(same["sd_runs"].median()), float(same["se_queries"].median())


def _detectable(sd: float, se: float, runs: int, level: float, sides: int) -> float:
    """Minimum detectable effect with these variances, as `interval_over_runs_and_queries` would find it."""
    between, steady = sd**2 / runs, se**2 * max(runs - 3, 0) / (runs - 1)
    if np.isnan(sd) or between == 0:
        return NAN
    df = (between + steady) ** 2 / (between**2 / (runs - 1))
    return float(detectable(np.sqrt(between + se**2), min(df, 1e6), level, sides))


def _needed(part: Part, difference: float, reference: float, sd: float, se: float, level: float) -> float:
    """Replicates that find a difference; see Forecast."""
    margin = part.region.width(reference)
    distance = {
        MORE: difference - margin,
        LESS: -difference - margin,
        NOT_LESS: difference + margin,
        WITHIN: margin - abs(difference),
    }.get(part.region.kind, NAN)
    if np.isnan(distance) or np.isnan(sd):
        return NAN
    for runs in range(MIN_RUNS, MOST + 1):
        if _detectable(sd, se, runs, level, part.region.sides) <= distance:
            return runs
    return np.inf


def published_difference(grid: Grid, benchmark: str, part: Part) -> tuple[float, float]:
    """(the paper's difference in a comparison, its reference), nan if the paper does not print it.

    The figures are those of the same benchmark and encoder, else of XQuAD-R and XLM-R.
    """
    nothing = NAN, NAN
    quantity = part.quantity
    if not isinstance(quantity, Quantity) or not part.terms:
        return nothing
    values = [(w, _figure(grid, benchmark, point, quantity)) for w, point in part.terms]
    if any(np.isnan(value) for _, value in values):
        return nothing
    return sum(w * value for w, value in values), float(np.mean([value for w, value in values if w < 0]))


def _figure(grid: Grid, benchmark: str, point: Point, quantity: Quantity) -> float:
    """The paper's value of a cell, over all languages or over the printed languages of a quantity."""
    table = figures()
    table = table[(table["source"] == PAPER) & (table["candidate_language"] == ALL)]
    named = grid.study.set_of(benchmark)
    model = grid.study.models.get(point.model)
    if model is None:  # cut vectors, which the paper has not
        return NAN
    hub = LABSE.hub if encoder(model.hub) == LABSE else XLM_R.hub
    table = table[table["benchmark"] == (named if (table["benchmark"] == named).any() else "xquad-r")]
    table = table[(table["model"] == hub) & (table["setting"] == quantity.setting)]
    table = table[table["metric"] == quantity.metric]
    if point.sampler == UNTRAINED:
        table = table[table["training"] == "none"]
    else:
        alpha = table["alpha"].isna() if point.alpha is None else table["alpha"] == point.alpha
        table = table[(table["sampler"] == point.sampler) & alpha]
    whole = quantity.query_languages is None or set(grid.study.languages.all) <= set(quantity.query_languages)
    languages = [ALL] if whole else [*(quantity.query_languages or ())]
    values = table[table["query_language"].isin(languages)].drop_duplicates("query_language")["value"]
    return float(values.astype(float).mean()) if len(values) else NAN


if __name__ == "__main__":
    write_csv(SHIPPED, pilot(sys.argv[1]))
