"""The sampler for the effect of n. Claims, report and figures read its curve."""

from collections.abc import Collection, Mapping

import pandas as pd

from langscale.config.sampler import Spec

ORDER = ("x-x-mono", "x-x", "x-y", "hybrid")
"""Kinds in the order of preference between curves of equal length. x-x-mono is the same sampler at every n, 1
included, and needs no control. So is x-x, LAReQA's weaker baseline. x-y is x-x-mono at n = 1 and needs a
control. hybrid adds alpha.
"""


def controlled(spec: Spec, curves: Mapping[Spec, Collection[int]]) -> bool:
    """Whether a sampler needs no control, or its control is in `curves` at each of its n above 1.

    With one language a sampler and its control are the same.
    """
    return spec.control is None or set(curves[spec]) - {1} <= set(curves.get(spec.control, ()))


def choose(curves: Mapping[Spec, Collection[int]]) -> Spec | None:
    """The sampler for the effect of n, by the n of each sampler in the grid. Scores do not enter.

    Of the samplers without need of a control or with their control in the grid, the one with most values of
    n. Equal lengths: a sampler before its variants (batch, same, ring, en-centric), then ORDER, then the
    alpha nearest to .5, the paper's. If no such sampler has two values of n, the rule is applied to all
    samplers. en-en does not change with n and comes last. None: there is no sampler.
    """
    there = [spec for spec, ns in curves.items() if ns]
    known = [spec for spec in there if not spec.record.english]
    sure = [spec for spec in known if len(curves[spec]) > 1 and controlled(spec, curves)]
    return min(
        sure or known or there, key=lambda spec: (-len(curves[spec]), *_preference(spec)), default=None
    )


def curves_of(table: pd.DataFrame) -> dict[Spec, list[int]]:
    """The n of every trained sampler, rising, in a table of one model and budget.

    The table has the columns `sampler`, `alpha` and `n_languages`.
    """
    rows = table.loc[table["n_languages"] > 0, ["sampler", "alpha", "n_languages"]].drop_duplicates()
    found: dict[Spec, list[int]] = {}
    for sampler, alpha, n in rows.sort_values("n_languages").itertuples(index=False, name=None):
        found.setdefault(Spec.of(sampler, alpha), []).append(n)
    return found


def rows_of(spec: Spec, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a sampler in a table with `sampler` and `alpha`."""
    same = table["alpha"].isna() if spec.alpha is None else table["alpha"] == spec.alpha
    return table[same & (table["sampler"] == spec.sampler)]


def _preference(spec: Spec) -> tuple[bool, int, float, str]:
    place = ORDER.index(spec.kind) if spec.kind in ORDER else len(ORDER)
    return spec.sampler != spec.kind, place, abs((spec.alpha or 0.0) - 0.5), spec.name
