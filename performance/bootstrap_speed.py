"""10,000 cluster-bootstrap replicates of 1,000 contrasts over 300 runs, compared with scipy.stats.bootstrap.

The shape is XQuAD-R's: 240 paragraphs as clusters. A contrast is the difference of two cells of four runs
each. Ours is langscale.statistics.intervals.estimate, with every interval, p value and standard error of the
tables. scipy resamples the same clusters, one contrast after the other, and gives its percentile interval.
The second line adds scipy's sign-flip test. scipy runs on a few contrasts, and its time is scaled to all.
"""

import material
import numpy as np
from scipy import stats
from timing import Line, clock, interleaved, ratios

from langscale.core.random import stream
from langscale.statistics.intervals import cluster_flips, cluster_weights, estimate

WHAT = "{:,} cluster-bootstrap replicates of {:,} contrasts over {} runs"
AGAINST, BAR, CELL = "scipy.stats.bootstrap of the same clusters", 50.0, 4


def lines(setting: material.Setting) -> list[Line]:
    """The ratio. Stops if the two disagree about an interval."""
    runs, clusters, contrasts, replicates = (16, 20, 5, 200) if setting.quick else (300, 240, 1000, 10_000)
    few, rounds = (2, 2) if setting.quick else (5, 5)
    sums, counts, units = _world(runs, clusters, contrasts)
    names = [f"{c:04}" for c in range(clusters)]
    fixed = [False] * runs

    def ours() -> dict[str, np.ndarray]:
        cluster_weights.cache_clear()
        cluster_flips.cache_clear()
        return estimate(units, sums, counts, names, fixed, n_resamples=replicates)

    def scipy(work) -> float:
        start = clock()
        for unit in units[:few]:
            work(_difference(unit, sums), counts[:, 0], replicates)
        return (clock() - start) * contrasts / few

    found = ours()
    for i, unit in enumerate(units[:few]):
        low, high = _interval(_difference(unit, sums), counts[:, 0], replicates)
        if abs(found["runs_low"][i] - low) + abs(found["runs_high"][i] - high) > (high - low) / 4:
            raise SystemExit("the intervals differ from scipy's: the times cannot be compared")
    weights = cluster_weights(tuple(names), replicates, 0)
    works = {"ours": lambda: _discard(ours()), "interval": lambda: scipy(_interval)}
    works |= {"test": lambda: scipy(_test), "product": lambda: _discard(weights @ sums[:, :, 0].T)}
    seconds = interleaved(works, rounds)
    limit = float(np.median(ratios(seconds["product"], seconds["ours"])))
    both = [a + b for a, b in zip(seconds["interval"], seconds["test"], strict=True)]
    what = WHAT.format(replicates, contrasts, runs)
    return [
        Line(
            what,
            against,
            ratios(theirs, seconds["ours"]),
            "x",
            bar,
            ours=f"{np.median(seconds['ours']):.2f} s",
            theirs=f"{np.median(theirs):.0f} s",
            limit=f"{limit:.0%} of the product of weights and sums alone",
            remark=f"{rounds} rounds; scipy on {few} contrasts, scaled to {contrasts:,}{more}",
            why="scipy computes intervals only, ours intervals and tests. The next line compares both",
        )
        for against, theirs, bar, more in (
            (AGAINST, seconds["interval"], BAR, "; ours also computes sign-flip tests and t intervals"),
            (f"{AGAINST}, and its permutation_test", both, None, ""),
        )
    ]


def _world(runs: int, clusters: int, contrasts: int) -> tuple[np.ndarray, np.ndarray, list]:
    """(sums [runs, clusters, 1], counts [clusters, 1], units of the contrasts between cells of CELL runs)."""
    draw = stream("bootstrap_speed")
    counts = draw.integers(1, 10, size=(clusters, 1)).astype(float)
    values = 0.5 + 0.1 * draw.standard_normal((runs, 1, 1)) + 0.2 * draw.standard_normal((runs, clusters, 1))
    cells = np.arange(runs).reshape(-1, CELL)
    units = []
    for _ in range(contrasts):
        a, b = draw.choice(len(cells), 2, replace=False)
        units.append([{int(i): 1.0, int(j): -1.0} for i, j in zip(cells[a], cells[b], strict=True)])
    return values * counts, counts, units


def _difference(unit: list, sums: np.ndarray) -> np.ndarray:
    """Contribution of each cluster to the sum of a contrast: [clusters]."""
    return sum(weight * sums[k, :, 0] for one in unit for k, weight in one.items()) / len(unit)


def _interval(total: np.ndarray, counts: np.ndarray, replicates: int) -> tuple[float, float]:
    """scipy's percentile interval of one contrast, as the ratio of resampled sums and counts."""
    found = stats.bootstrap(
        (total, counts),
        lambda s, n, axis=-1: s.sum(axis=axis) / n.sum(axis=axis),
        n_resamples=replicates,
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return found.confidence_interval.low, found.confidence_interval.high


def _test(total: np.ndarray, counts: np.ndarray, replicates: int) -> float:
    """scipy's sign-flip p of one contrast."""
    found = stats.permutation_test(
        (total,),
        lambda s, axis=-1: s.sum(axis=axis),
        n_resamples=replicates,
        permutation_type="samples",
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def _discard(_: object) -> None:
    """Drop a result, so that `interleaved` does not take it for a time."""
