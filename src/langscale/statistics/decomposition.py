"""The gain of n, split into the effects of languages at equal rows, of more rows, and of more steps.

At a fixed set of U pair ids, a run at n languages sees up to n U distinct rows (a pair id in a language). So
the gain from n = 1 mixes languages with rows. A budget of kind fixed-rows has U/n pair ids, that is U rows at
every n. With T, F and L the means under budgets of kind fixed-total, fixed-rows and fixed-per-language:

- gain: T(n) - T(1), the sum of the next two
- languages: F(n) - T(1), at equal rows and equal steps
- rows: T(n) - F(n), with the same languages and steps
- steps: L(n) - T(n), n times the steps with the same languages and rows

Each is paired by replicate and query, over the replicates of all points of the gain.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from langscale.config.runs import Budget
from langscale.config.sampler import Spec
from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.design.grid import Point
from langscale.statistics.intervals import LEVEL, Unit, paired_units
from langscale.statistics.panel import Panel, estimated
from langscale.statistics.quantities import pair_set_quantities
from langscale.statistics.scaling_curves import CURVE

GAIN, LANGUAGES, ROWS, STEPS = "gain", "languages", "rows", "steps"
KINDS = {LANGUAGES: "fixed-rows", STEPS: "fixed-per-language"}
"""Part -> the kind of budget that it needs beside fixed-total."""
COLUMNS = (
    *CURVE, "n_languages", "benchmark", "setting", "pair_set", "metric", "part", "difference", "share",
    "share_low", "share_high", "ci_low", "ci_high", "p", "p_adjusted", "family", "smallest_detectable",
    "runs_ci_low", "runs_ci_high", "p_runs", "n_queries", "n_runs", "note", "checkpoint", "candidate_text",
    "average",
)  # fmt: skip


class Split(NamedTuple):
    """A point of a fixed-total budget above n = 1, and its parts as (minuend, subtrahend)."""

    point: Point
    parts: dict[str, tuple[Point, Point]]


def like(study: Study, total: str, kind: str) -> str | None:
    """The budget of a kind that equals the budget `total` at n = 1, None if there is none."""

    def numbers(budget: Budget) -> dict[str, Any]:
        return budget.model_dump(exclude={"kind"})

    wanted = numbers(study.budgets[total])
    names = [name for name, b in study.budgets.items() if b.kind == kind and numbers(b) == wanted]
    return names[0] if names else None


def splits(study: Study, points: Sequence[Point]) -> list[Split]:
    """The points whose gain can be split: those with a fixed-rows point of the same n, and a point at n = 1.

    At n = 1 all budgets and samplers are one run, so any sampler with a run in the ladder's first language
    serves.
    """
    known = {tuple(p.columns().values()): p for p in points}
    found = []
    for p in points:
        if not p.trained or p.n_languages == 1 or study.budgets[p.budget].kind != "fixed-total":
            continue

        def at(budget: str | None, p: Point = p) -> Point | None:
            return known.get(tuple((p.columns() | {"budget": budget}).values()))

        budgets = [p.budget, *(like(study, p.budget, kind) for kind in KINDS.values())]
        first = _first(p, [q for q in points if q.budget in budgets])
        rows, longer = (at(like(study, p.budget, kind)) for kind in KINDS.values())
        if first is None or rows is None:
            continue
        parts = {GAIN: (p, first), LANGUAGES: (rows, first), ROWS: (p, rows)}
        found.append(Split(p, parts | ({STEPS: (longer, p)} if longer else {})))
    return found


def _first(point: Point, points: Sequence[Point]) -> Point | None:
    """The point at n = 1 of the same model and ladder, if possible under the name of the same sampler."""
    same = [
        q
        for q in points
        if (q.model, q.ladder, q.n_languages) == (point.model, point.ladder, 1)
        and not Spec.of(q.sampler, q.alpha).record.english
    ]
    return next(
        (q for q in same if (q.sampler, q.alpha) == (point.sampler, point.alpha)), next(iter(same), None)
    )


def ratio_interval(
    part: tuple[float, float], whole: tuple[float, float], rest: tuple[float, float], df: float
) -> tuple[float, float]:
    """95% interval of part / whole, from (mean, standard error) of part, whole and rest = whole - part.

    It has every s for which the t test of part - s whole = 0 does not reject (Fieller 1954). The covariance
    of part and whole is (v(whole) + v(part) - v(rest)) / 2 with the variances v. nan unless the whole differs
    from 0, as the set is no interval then.

    Example:
        A half with certainty: the rest is the same, and all errors are small.

        >>> ends = ratio_interval((0.1, 0.001), (0.2, 0.001), (0.1, 0.001), 100)
        >>> [round(float(end), 2) for end in ends]
        [0.49, 0.51]
    """
    (a, se_a), (b, se_b) = part, whole
    va, vb, vr = se_a**2, se_b**2, rest[1] ** 2
    both = (va + vb - vr) / 2
    squared = stats.t.ppf((1 + LEVEL) / 2, df) ** 2
    x, y, z = b**2 - squared * vb, a * b - squared * both, a**2 - squared * va
    if not x > 0:
        return np.nan, np.nan
    half = np.sqrt(max(y**2 - x * z, 0.0))
    return (y - half) / x, (y + half) / x


def decomposition_table(study: Study, panel: Panel, labels: dict[str, Any]) -> pd.DataFrame:
    """A row for each part of each gain and quantity. Empty for a study without a budget of kind fixed-rows.

    share: of the gain, for its two parts, with the interval of `ratio_interval`; empty unless the interval
    of the gain lies on one side of 0. `multiple_testing.adjusted` fills p_adjusted when all benchmarks are
    there. Columns: COLUMNS.
    """
    found = splits(study, panel.points)
    return pd.DataFrame(_rows(study, panel, labels, found), columns=list(COLUMNS))


def _units(panel: Panel, parts: dict[str, tuple[Point, Point]]) -> list[list[Unit]]:
    """Units of the parts, over the replicates that all points of the gain have."""
    of_gain = [panel.columns(p) for name, pair in parts.items() if name != STEPS for p in pair]
    seeds = set.intersection(*map(set, of_gain))
    units = []
    for pair in parts.values():
        a, b = ({s: k for s, k in panel.columns(p).items() if s in seeds} for p in pair)
        units.append(paired_units(a, b, panel.fixed))
    return units


def _rows(
    study: Study, panel: Panel, labels: dict[str, Any], found: Sequence[Split]
) -> Iterator[dict[str, Any]]:
    names = [(split, name) for split in found for name in split.parts]
    at = {(split.point, name): i for i, (split, name) in enumerate(names)}
    units = [one for split in found for one in _units(panel, split.parts)]
    quantities = [
        q for q in pair_set_quantities(study) if q.candidate_language == ALL and panel.shows("contrasts", q)
    ]
    for quantity, average, queries, values in panel.estimates(quantities if found else [], units):
        for i, (split, name) in enumerate(names):
            row = labels | split.point.columns() | quantity.columns() | estimated(values, i) | {
                "part": name, "difference": values["mean"][i], "n_queries": queries[0], "average": average,
            }  # fmt: skip
            if name in (LANGUAGES, ROWS):
                three = [
                    at[split.point, part] for part in (name, GAIN, ROWS if name == LANGUAGES else LANGUAGES)
                ]
                row |= _share(*((values["mean"][j], values["se"][j], values["df"][j]) for j in three))
            yield row


def _share(*three: tuple[float, float, float]) -> dict[str, float]:
    """share, share_low and share_high of a part, from (mean, se, df) of the part, the gain and the rest."""
    part, whole, rest = (values[:2] for values in three)
    low, high = ratio_interval(part, whole, rest, min(values[2] for values in three))
    share = part[0] / whole[0] if not np.isnan(low) else np.nan
    return {"share": share, "share_low": low, "share_high": high}
