"""Adjusted p values of a family of tests. A missing p (nan, not tested) stays missing and does not count."""

import numpy as np
import pandas as pd
from scipy import stats

EXPLORATORY = "exploratory"
"""The family of all comparisons that the config does not declare."""


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p values [M] for the family-wise error rate (Holm 1979).

    Example:
        >>> holm([0.01, 0.04, np.nan]).tolist()
        [0.02, 0.04, nan]
    """
    # not by statsmodels, whose multipletests collects garbage at every call: .15 s in a large process.
    # A table of claims needs hundreds of calls. The tests compare both
    p = np.asarray(p, dtype=float)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    out = np.full(p.shape, np.nan)
    out[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return out


def fixed_sequence(p: np.ndarray) -> np.ndarray:
    """Adjust p values [M] of tests in an order declared before the data.

    Each test has the full level, until the first one that is not significant. No later test is significant
    then. The adjusted p of a test is the largest p up to it. The family-wise error rate holds under every
    dependence of the tests (Maurer, Hothorn and Lehmacher 1995; Westfall and Krishen 2001). A missing p (nan)
    stays missing and ends the sequence. A test that is known to be impossible before the data is left out of
    `p`.

    Example:
        >>> fixed_sequence([0.01, 0.04, 0.03, 0.2, 0.001]).tolist()
        [0.01, 0.04, 0.04, 0.2, 0.2]
    """
    p = np.asarray(p, dtype=float)
    missing = np.isnan(p)
    return np.where(missing, np.nan, np.maximum.accumulate(np.where(missing, 1.0, p)))


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjust p values [M] for the false discovery rate (Benjamini and Hochberg 1995).

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03, np.nan]).round(3).tolist()
        [0.03, 0.04, 0.04, nan]
    """
    p = np.asarray(p, dtype=float)
    tested = ~np.isnan(p)
    out = np.full(p.shape, np.nan)
    if tested.any():
        out[tested] = stats.false_discovery_control(p[tested])
    return out


def adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Fill the column p_adjusted from the columns p and family.

    Each family of the config is adjusted by Holm. All exploratory tests of the table, with or without a name
    in `family`, are adjusted together by Benjamini and Hochberg.
    """
    family = table["family"].astype(object).where(table["family"].notna(), EXPLORATORY)
    out = np.full(len(table), np.nan)
    for name, rows in family.groupby(family).indices.items():
        method = benjamini_hochberg if name == EXPLORATORY else holm
        out[rows] = method(table["p"].to_numpy(dtype=float)[rows])
    return table.assign(p_adjusted=out, family=family)
