"""Expected values of measures in a random ranking."""

import numpy as np


def random_average_precision(candidates: int, relevant: int) -> float:
    """Expected AP of a random ranking of N candidates with R relevant: H_N/N + (R-1)/(N-1) (1 - H_N/N).

    From the sum over the places n of P(relevant at n) = R/N times the expected precision there, (1 +
    (n-1)(R-1)/(N-1)) / n, divided by R; H_N is the N-th harmonic number. 0.00154 for N = 13,014 and R = 11.
    """
    first = (1 / np.arange(1, candidates + 1)).sum() / candidates
    others = (relevant - 1) / (candidates - 1) if relevant > 1 else 0.0
    return float(first + others * (1 - first))
