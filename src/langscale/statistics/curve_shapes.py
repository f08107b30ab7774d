"""The shapes of curves over n."""

from collections.abc import Sequence

import numpy as np

CURVES = {  # smallest number of n: two more than the parameters, and six for those that bend
    "constant": 3,
    "logarithmic": 4,
    "power law": 6,
    "rise and fall": 6,
}


def curve(name: str, parameters: Sequence[float] | np.ndarray, n: float | np.ndarray) -> np.ndarray:
    """The value of a curve at n, from its parameters (a, b, c) [..., 3], those that it does not have being ignored.

    constant: a; logarithmic: a + b log2 n; power law: c - a n^-b, with the ceiling c (a floor where a < 0); rise and
    fall: a + b log2 n - c (log2 n)^2, the least bent function that can turn.
    """
    a, b, c = np.moveaxis(np.asarray(parameters, dtype=float), -1, 0)
    n = np.asarray(n, dtype=float)
    x = np.log2(n)
    if name == "constant":
        return a + 0 * x
    if name == "logarithmic":
        return a + b * x
    if name == "power law":
        return c - a * n**-b
    if name == "rise and fall":
        return a + b * x - c * x**2
    raise ValueError(f"curve: found {name!r}; {', '.join(CURVES)} are known")
