"""The shapes of curves over n, the number of training languages."""

from collections.abc import Sequence

import numpy as np

CURVES = {
    "constant": 3,
    "logarithmic": 4,
    "power law": 6,
    "rise and fall": 6,
}
"""Shape -> smallest number of n: two more than the parameters, and six for shapes with a bend."""


def curve(name: str, parameters: Sequence[float] | np.ndarray, n: float | np.ndarray) -> np.ndarray:
    """The value of a curve at n.

    - constant: a
    - logarithmic: a + b log2 n
    - power law: c - a n^-b, with the ceiling c (a floor if a < 0)
    - rise and fall: a + b log2 n - c (log2 n)^2, the least bent function with a turn

    Args:
        name: one of CURVES.
        parameters: (a, b, c) [..., 3]. A shape ignores the parameters it does not have.
        n: numbers of training languages.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> curve("logarithmic", (0.5, 0.1, np.nan), 4).item()
        0.7
        >>> curve("power law", (0.2, 1.0, 0.6), np.array([1, 2, 4])).round(2).tolist()
        [0.4, 0.5, 0.55]
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
