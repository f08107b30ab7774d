"""p values adjusted within a family of tests."""

import numpy as np
from scipy import stats


def holm(p: np.ndarray) -> np.ndarray:
    """P values adjusted for the family-wise error (Holm 1979); nan (not tested) stays and does not count."""
    p = np.asarray(p, dtype=float)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    out = np.full(p.shape, np.nan)
    out[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return out


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """P values adjusted for the false discovery rate (Benjamini and Hochberg 1995); nan as in `holm`."""
    p = np.asarray(p, dtype=float)
    tested = ~np.isnan(p)
    out = np.full(p.shape, np.nan)
    out[tested] = stats.false_discovery_control(p[tested]) if tested.any() else []
    return out
