"""The gain of held-out languages: of each one, by its similarity to the training languages, and for new ones.

The gain is that from the smallest number of training languages of a scaling curve to the largest, paired by
replicate and query. Two tables have it. `similarity` has a row per held-out language. `generality` has the
mean over them with three intervals, which differ in what is new: runs and queries; languages too; branches
too. It also has the mean of each branch, and the slope of the gain on similarity.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, POINT
from langscale.design.grid import Point
from langscale.languages import families
from langscale.retrieval.measures import MAP
from langscale.statistics.intervals import LEVEL, Unit, paired_units
from langscale.statistics.panel import Estimates, Panel, estimated
from langscale.statistics.quantities import Mix, Quantity
from langscale.statistics.scaling_curves import slope_weights

PAIR_SETS = (("cross", "heldout-pool"), ("cross", "pool-heldout"), ("mono", "heldout"))
RUNS, LANGUAGES, BRANCHES = "runs and queries", "languages", "branches"
"""What is new in an interval. The second and third contain the first."""
LEAST = 4
"""Fewest languages or branches for an interval over them."""
_COMMON = (*POINT, "reference_n_languages", "benchmark", "setting", "pair_set", "metric")
_ENDS = ("ci_low", "ci_high", "runs_ci_low", "runs_ci_high", "n_queries", "n_runs", "note", "checkpoint",
         "candidate_text", "average")  # fmt: skip
SIMILARITY = (*_COMMON, "language", "nearest", "similarity", "gain", *_ENDS)
GENERALITY = (*_COMMON, "what", "group", "over", "n_groups", "estimate", *_ENDS)


class Gain(NamedTuple):
    """A point at the largest n of its scaling curve, the point at its smallest n, and the paired units."""

    point: Point
    reference: Point
    units: Sequence[Unit]


def gains(panel: Panel) -> list[Gain]:
    """The gains of all scaling curves over random language orders."""
    curves: dict[tuple, list[Point]] = {}
    for point in panel.points:
        if point.trained and point.ladder == ALL:
            curves.setdefault(tuple((point.columns() | {"n_languages": 0}).values()), []).append(point)
    found = []
    for points in curves.values():
        first, last = (choose(points, key=lambda p: p.n_languages) for choose in (min, max))
        units = paired_units(panel.columns(last), panel.columns(first), panel.fixed)
        if last.n_languages > first.n_languages and units:
            found.append(Gain(last, first, units))
    return found


def lexical_similarity(panel: Panel) -> np.ndarray | None:
    """MAP of BM25 between two languages, mean of both directions, [L, L]; nan without pairs.

    BM25 over character n-grams scores a translation by the n-grams in common, so its mAP measures how much of
    the parallel texts of the benchmark two languages spell alike. It is from 0 to 1. None without BM25 or
    without cross.
    """
    path = next((run.path for run in panel.runs if run.model == BM25), None)
    if path is None or panel.lists_only or len(panel.languages) < 2:
        return None
    cells = panel.pair_cells(path, "cross")
    with np.errstate(invalid="ignore"):
        there = cells.sums.sum(0) / cells.counts.sum(0)
    back = there.T
    return np.where(np.isnan(there), back, np.where(np.isnan(back), there, (there + back) / 2))


def nearest_languages(
    similarity: np.ndarray, languages: Sequence[str], pool: Sequence[str], heldout: Sequence[str]
) -> dict[str, tuple[str, float]]:
    """Held-out language -> the most similar language of the pool, and the similarity. Left out without one.

    Example:
        >>> similarity = np.array([[1.0, 0.2, 0.7], [0.2, 1.0, 0.1], [0.7, 0.1, 1.0]])
        >>> nearest_languages(similarity, ["de", "ru", "nl"], ["de", "ru"], ["nl"])
        {'nl': ('de', 0.7)}
    """
    at = {code: i for i, code in enumerate(languages)}
    found = {}
    for code in heldout:
        known = {
            other: float(similarity[at[code], at[other]])
            for other in pool
            if other in at and not np.isnan(similarity[at[code], at[other]])
        }
        if known:
            best = max(known, key=lambda other: known[other])
            found[code] = best, known[best]
    return found


def interval_over_groups(
    gains_of: np.ndarray, errors: np.ndarray, error: float, df: float
) -> tuple[float, float]:
    """95% interval (low, high) of the mean gain of groups (languages, branches), for new groups too.

    The variance of the mean over G groups is s2/G + v. Here s2 is the variance between the estimated gains of
    the groups, which contains the error of each one's own runs and queries. v is the error that all groups
    share: their mean covariance, (G^2 error^2 - sum of errors^2) / (G (G - 1)), at least 0. So it is the
    variance of `interval_over_runs_and_queries` with groups in place of replicates. The interval is a t
    interval with the degrees of freedom of Satterthwaite (1946).

    Args:
        gains_of: [G], estimated gains.
        errors: [G], their standard errors over runs and queries.
        error, df: standard error of the mean over runs and queries, with its degrees of freedom.

    Returns:
        nan, nan for fewer than LEAST groups, and without errors.

    Example:
        Without error of runs and queries it is the t interval of the mean:

        >>> low, high = interval_over_groups(np.array([0.0, 0.1, 0.2, 0.3]), np.zeros(4), 0.0, 10.0)
        >>> round(low, 3), round(high, 3)
        (-0.055, 0.355)
    """
    size = len(gains_of)
    if size < LEAST or np.isnan([*errors, error, df]).any():
        return np.nan, np.nan
    between = gains_of.var(ddof=1) / size
    shared = max(0.0, (size**2 * error**2 - (errors**2).sum()) / (size * (size - 1)))
    if not between + shared > 0:
        return np.nan, np.nan
    freedom = (between + shared) ** 2 / (between**2 / (size - 1) + shared**2 / df)
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(between + shared))
    mean = float(gains_of.mean())
    return mean - half, mean + half


def _quantity(study: Study, setting: str, pair_set: str, codes: tuple[str, ...]) -> Quantity:
    """MAP of a pair set with held-out languages, limited to some of these."""
    pool = tuple(study.languages.pool)
    queries = pool if pair_set == "pool-heldout" else codes
    candidates = pool if pair_set == "heldout-pool" else codes
    return Quantity(setting, MAP.name, pair_set, queries, candidates)


def _heldout(study: Study, panel: Panel) -> list[str]:
    return [code for code in panel.languages if code in study.languages.heldout]


def _labels(gain: Gain, quantity: Quantity) -> dict[str, Any]:
    return gain.point.columns() | {
        "reference_n_languages": gain.reference.n_languages,
        "setting": quantity.setting,
        "pair_set": quantity.pair_set,
        "metric": quantity.metric,
        "average": "macro",
    }


def _macro(
    panel: Panel, quantities: Sequence[Quantity], found: Sequence[Gain]
) -> dict[Quantity, tuple[Estimates, np.ndarray]]:
    """Quantity -> the estimates of all gains in macro averages, and the numbers of queries."""
    units = [gain.units for gain in found]
    return {
        quantity: (estimates, queries)
        for quantity, average, queries, estimates in panel.estimates(quantities, units)
        if average == "macro"
    }


def similarity_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """A row per gain, pair set and held-out language. Columns: SIMILARITY.

    nearest and similarity are empty without BM25. Empty without held-out languages or several n.
    """
    heldout, found = _heldout(study, panel), gains(panel)
    wanted = {_quantity(study, *place, (code,)): code for place in PAIR_SETS for code in heldout if found}
    near = _near(study, panel, heldout)
    rows = []
    for quantity, (estimates, queries) in _macro(panel, list(wanted), found).items():
        code = wanted[quantity]
        nearest, similarity = near.get(code, ("", np.nan))
        for i, gain in enumerate(found):
            rows.append(
                labels | _labels(gain, quantity) | estimated(estimates, i) | {
                    "language": code, "nearest": nearest, "similarity": similarity,
                    "gain": estimates["mean"][i], "n_queries": queries[0],
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(SIMILARITY))


def _near(study: Study, panel: Panel, heldout: Sequence[str]) -> dict[str, tuple[str, float]]:
    similarity = lexical_similarity(panel)
    if similarity is None:
        return {}
    return nearest_languages(similarity, panel.languages, study.languages.pool, heldout)


def generality_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """The mean gain of held-out languages with its intervals, and its slope on similarity.

    Columns: GENERALITY. Empty without held-out languages or several n.
    """
    heldout, found = _heldout(study, panel), gains(panel)
    rows = [
        labels | row
        for place in PAIR_SETS
        if heldout and found
        for row in _generality_rows(study, panel, place, heldout, found)
    ]
    return pd.DataFrame(rows, columns=list(GENERALITY))


def _generality_rows(
    study: Study, panel: Panel, place: tuple[str, str], heldout: Sequence[str], found: Sequence[Gain]
) -> Iterator[dict[str, Any]]:
    """The rows of one pair set."""
    branches: dict[str, list[str]] = {}
    for code in heldout:
        name = families.branch(code)
        branches.setdefault(code if name == "unknown" else name, []).append(code)
    single = {code: _quantity(study, *place, (code,)) for code in heldout}
    by_branch = {name: _quantity(study, *place, tuple(codes)) for name, codes in branches.items()}
    whole = _quantity(study, *place, tuple(heldout))
    known = _macro(panel, [*dict.fromkeys([*single.values(), *by_branch.values(), whole])], found)
    if whole not in known:
        return
    single = {code: quantity for code, quantity in single.items() if quantity in known}
    by_branch = {name: quantity for name, quantity in by_branch.items() if quantity in known}

    def row(i: int, quantity: Quantity, estimates: Estimates, **values: Any) -> dict[str, Any]:
        return _labels(found[i], quantity) | estimated(estimates, i) | {
            "what": "gain", "group": ALL, "over": RUNS, "estimate": estimates["mean"][i],
            "n_queries": known[whole][1][0],
        } | values  # fmt: skip

    mixes = _mixes(study, panel, place, list(by_branch.values()), single)
    mixed = {
        name: next(panel.estimates([mix], [gain.units for gain in found]))[3] for name, mix in mixes.items()
    }
    for i in range(len(found)):
        yield row(i, whole, known[whole][0], n_groups=len(single))
        for over, parts, total in (
            (LANGUAGES, list(single.values()), known[whole][0]),
            (BRANCHES, list(by_branch.values()), mixed[BRANCHES]),
        ):
            means, errors = (np.array([known[q][0][key][i] for q in parts]) for key in ("mean", "se"))
            low, high = interval_over_groups(means, errors, total["se"][i], total["df"][i])
            why = total["reason"][i] or ("" if len(parts) >= LEAST else f"fewer than {LEAST} {over}")
            yield row(
                i, whole, total, over=over, n_groups=len(parts), estimate=means.mean(), note=why,
                ci_low=low, ci_high=high, runs_ci_low=np.nan, runs_ci_high=np.nan,
            )  # fmt: skip
        for name, quantity in by_branch.items():
            estimates, queries = known[quantity]
            size = len(branches[name])
            yield row(i, quantity, estimates, group=name, n_groups=size, n_queries=queries[0])
        if "slope" in mixed:
            yield row(i, whole, mixed["slope"], what="slope", n_groups=len(single))


def _mixes(
    study: Study,
    panel: Panel,
    place: tuple[str, str],
    branches: Sequence[Quantity],
    single: dict[str, Quantity],
) -> dict[str, Mix]:
    """The mean over branches, each with the same weight, and the slope of the gain on similarity."""
    found = {BRANCHES: Mix(tuple((1 / len(branches), quantity) for quantity in branches))}
    near = _near(study, panel, list(single))
    x = np.array([near[code][1] for code in single if code in near])
    if len(x) == len(single) >= LEAST and np.ptp(x) > 0:
        weights = slope_weights(x)
        terms = zip(weights.tolist(), single.values(), strict=True)
        found["slope"] = Mix(tuple(terms))
    return found
