"""Confidence intervals and tests of means and differences, from bootstrap samples of query clusters.

Scores enter as sums over the queries of a cluster. A cluster is a paragraph or an entity description with all
its queries and their translations. `sums[k, c, x]` belongs to column k, cluster c and stratum x, and
`counts[c, x]` or `counts[k, c, x]` are the numbers of queries. A column is one run under one measure, setting
and pair set. A stratum is a query language, or a pair of languages where queries have relevant candidates in
some languages only. Strata without queries are left out, so arrays of all languages serve every pair set.

A comparison is a list of units, one for each replicate (ladder, seed). A unit gives coefficients to columns:
{k: 1} for the mean of a cell, {a: 1, b: -1} for a difference, the coefficients of a slope for a trend. There
are two kinds of intervals:

- over runs and queries, the headline: training again and other queries, see `interval_over_runs_and_queries`,
  and for means of a bounded measure `bounded_interval`;
- over queries: the trained runs are fixed. Percentile bootstrap over clusters, sign flips of clusters for p.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import special, stats

from langscale.core.random import stream

LEVEL = 0.95
POWER = 0.8
MIN_RUNS = 4
MARGIN = 0.01
"""Largest margin of equivalence of a measure between 0 and 1."""
MARGIN_SHARE = 0.05
"""Margin of equivalence as a share of the reference: of the rank distance, and where it is below MARGIN."""
NOTHING = 1e-20
"""A variance below this is rounding error."""
NO_VARIANCE = "no variance"
BLOCK = 16_000_000
"""Numbers in one block of bootstrap values: 128 MB."""

Unit = Mapping[int, float]
Replicate = TypeVar("Replicate", int, str)


@lru_cache(maxsize=4)
def cluster_weights(clusters: tuple[str, ...], n_resamples: int, seed: int) -> np.ndarray:
    """Draw clusters with replacement: how often each one is drawn in each bootstrap sample.

    The random stream depends on the ids and the seed, so all cells of a benchmark share the samples and
    differences are paired.

    Args:
        clusters: C sorted and unique ids.
        n_resamples: number B of bootstrap samples.
        seed: seed of the random stream.

    Returns:
        Float [B, C], every row a multinomial draw with the sum C.

    Raises:
        ValueError: if the ids are not sorted and unique.

    Example:
        >>> weights = cluster_weights(("a", "b", "c"), 2, 0)
        >>> weights.shape, weights.sum(axis=1).tolist()
        ((2, 3), [3.0, 3.0])
    """
    _check_sorted(clusters)
    c = len(clusters)
    draw = stream("cluster bootstrap", seed, *clusters).multinomial
    return draw(c, np.full(c, 1 / c), n_resamples).astype(float)


@lru_cache(maxsize=4)
def cluster_flips(clusters: tuple[str, ...], n_resamples: int, seed: int) -> np.ndarray:
    """Random signs [B, C] of the clusters for `sign_flip_p`. Raises ValueError as `cluster_weights` does."""
    _check_sorted(clusters)
    return stream("cluster flips", seed, *clusters).choice((-1.0, 1.0), size=(n_resamples, len(clusters)))


def _check_sorted(clusters: tuple[str, ...]) -> None:
    for before, after in pairwise(clusters):
        if before >= after:
            raise ValueError(f"clusters: {before!r} stands before {after!r}; sorted and unique ids are right")


def bootstrap(
    sums: np.ndarray, counts: np.ndarray, weights: np.ndarray, average: str = "macro"
) -> np.ndarray:
    """Means of all columns in all bootstrap samples, by one matrix product per block of columns.

    Args:
        sums: [K, C, X], sums of the values.
        counts: [C, X] or [K, C, X], numbers of queries.
        weights: [B, C], as from `cluster_weights`.
        average: `macro` is the mean over strata of (sum of values / number of queries) of the stratum. Strata
            without queries in a sample drop out of the mean. `micro` is the sum of all values / the number of
            all queries.

    Returns:
        Float [B, K].

    Raises:
        ValueError: for another average, shapes that do not fit, or a column without queries.

    Example:
        Two strata with the means 1/2 and 1: the macro average is 3/4, the micro average 4/6.

        >>> sums, counts = np.array([[[1.0, 1.0], [1.0, 1.0]]]), np.array([[2, 1], [2, 1]])
        >>> every = np.ones((1, 2))
        >>> bootstrap(sums, counts, every)[0, 0].item()
        0.75
        >>> round(bootstrap(sums, counts, every, "micro")[0, 0].item(), 3)
        0.667
    """
    sums, counts = _arrays(sums, counts, average)
    k, c, x = sums.shape

    def totals(array: np.ndarray) -> np.ndarray:  # [..., C, X] -> [..., X, B]
        return (np.swapaxes(array, -1, -2).reshape(-1, c) @ weights.T).reshape(*array.shape[:-2], x, -1)

    out = np.empty((k, len(weights)))
    block = max(1, BLOCK // (x * len(weights)))
    shared = totals(counts) if counts.ndim == 2 else None
    for at in range(0, k, block):
        means = totals(sums[at : at + block])
        n = np.broadcast_to(totals(counts[at : at + block]) if shared is None else shared, means.shape)
        np.divide(means, n, out=means, where=n > 0)  # without queries the sum is 0 too
        out[at : at + block] = means.sum(axis=1) / (n > 0).sum(axis=1)
    return out.T


def cluster_parts(sums: np.ndarray, counts: np.ndarray, average: str = "macro") -> np.ndarray:
    """The contribution of each cluster to each column's mean, [C, K]. The sum over clusters is the mean.

    Arguments and errors as of `bootstrap`.
    """
    sums, counts = _arrays(sums, counts, average)
    queries = counts.sum(axis=-2)  # [X] or [K, X]
    held = queries > 0
    share = np.divide(1.0, queries, out=np.zeros(queries.shape), where=held)
    share = share / held.sum(axis=-1, keepdims=True)
    return np.einsum("kcx,kx->ck", sums, np.broadcast_to(share, sums.shape[::2]), optimize=True)


def _arrays(sums: np.ndarray, counts: np.ndarray, average: str) -> tuple[np.ndarray, np.ndarray]:
    if average not in ("macro", "micro"):
        raise ValueError(f"average: found {average!r}; macro or micro is right")
    sums, counts = np.asarray(sums, dtype=float), np.asarray(counts, dtype=float)
    if counts.shape not in (sums.shape, sums.shape[1:]):
        raise ValueError(f"counts: found {counts.shape}; {sums.shape[1:]} or {sums.shape} is right")
    if (counts.sum(axis=(-2, -1)) == 0).any():
        raise ValueError("counts: a column without queries; leave it out")
    if average == "micro":  # one stratum with all queries
        return sums.sum(axis=2, keepdims=True), counts.sum(axis=-1, keepdims=True)
    return sums, counts


def interval_over_queries(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95% percentile interval (low, high) of bootstrap means [B, ...] (Efron and Tibshirani 1993, ch. 13)."""
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def effective_clusters(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of clusters of equal weight with the same information as these unequal clusters.

    The first number corrects the bias of a bootstrap variance: 1/G = 2 sum w^3 / sum w^2 - sum w^2. The
    second gives its degrees of freedom: G = (sum w^2)^2 / sum w^4 (Satterthwaite 1946; Carter, Schnepel and
    Steigerwald 2017). Both hold for clusters with identical queries inside, and both are C for equal weights.
    The 132 clusters of cldr have up to 38 queries and count as 25 and 17. With 132 instead, 95% intervals
    cover 92.6% and tests reject 5.9% (simulated).

    Args:
        shares: [C, M], share w of each cluster in each of M means.

    Returns:
        Two arrays [M].

    Example:
        >>> [round(found.item(), 9) for found in effective_clusters(np.full((40, 1), 1 / 40))]
        [40.0, 40.0]
    """
    second, third, fourth = ((shares**power).sum(axis=0) for power in (2, 3, 4))
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 / (2 * third / second - second), second**2 / fourth


def query_variance(samples: np.ndarray, n_clusters: float) -> float:
    """The part of the variance of a mean over replicates that comes from the queries.

    It is the mean covariance of two replicates over the bootstrap samples, at least 0 (Obuchowski and
    Rockette 1995: their readers are our replicates, their cases our clusters). The variance of the
    replicates' mean would count the interaction of run and query twice, as the variance between replicates
    contains it already. Intervals of contrasts then cover up to 99% (simulated). With one replicate it is the
    variance of the replicate. The factor C/(C-1) corrects the bootstrap variance.

    Args:
        samples: [B, R], bootstrap means of R replicates.
        n_clusters: number of clusters C, from `effective_clusters` if they differ in weight.
    """
    r = samples.shape[1]
    own = samples.var(axis=0, ddof=1).sum()
    # the variance of a sum is the sum of all covariances
    shared = own if r == 1 else (samples.sum(axis=1).var(ddof=1) - own) / (r * (r - 1))
    return max(0.0, float(shared)) * n_clusters / max(n_clusters - 1, 1e-3)


class Interval(NamedTuple):
    """Intervals of M means over runs and queries, arrays [M]. `reason`: why there is none, else ""."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    se: np.ndarray
    df: np.ndarray
    reason: np.ndarray


def interval_over_runs_and_queries(
    values: np.ndarray,
    query_variance: np.ndarray | float,
    n_clusters: np.ndarray | float,
    deterministic: np.ndarray | bool = False,
) -> Interval:
    """95% interval of a mean over training runs and queries.

    mean +- t * sqrt(s2/R + v), with s2 the variance between the R replicates and v the `query_variance`
    (Obuchowski and Rockette 1995). Degrees of freedom after Satterthwaite (1946) are (s2/R + v')^2 /
    ((s2/R)^2/(R-1) + v'^2/(C-1)) with v' = v (R-3)/(R-1). The factor makes v' / (s2/R) unbiased, because
    E[1/s2] = (R-1)/(R-3) / sigma2. With v instead, a small s2 raises the degrees of freedom when the error is
    underestimated: 95% intervals cover 93.6% at worst (R = 4, simulated), with v' 94.9 to 96.1%.

    Below four replicates there is no interval. A bootstrap over two or three seeds covers only 78 to 86% if
    runs matter more than queries (simulated), and v' is not above 0.

    Args:
        values: [M, R] or [R], nan for a replicate that does not exist.
        query_variance: [M] or one number.
        n_clusters: C, [M] or one number.
        deterministic: [M] or one value: no training randomness (BM25, a pretrained model), so s2 is 0.

    Raises:
        ValueError: for several deterministic values of one mean.

    Example:
        Four equal differences with a variance of .0001 from queries: the half-width is t * .01.

        >>> found = interval_over_runs_and_queries([0.1, 0.1, 0.1, 0.1], 1e-4, 1000)
        >>> round(found.low.item(), 3), round(found.high.item(), 3)
        (0.08, 0.12)
    """
    values = np.atleast_2d(np.asarray(values, dtype=float))
    fixed = np.broadcast_to(np.asarray(deterministic, dtype=bool), len(values))
    shared = np.broadcast_to(np.asarray(query_variance, dtype=float), len(values))
    present = ~np.isnan(values)
    n = present.sum(axis=1)
    if (fixed & (n > 1)).any():
        raise ValueError("deterministic: found several values; one is right")
    mean = np.where(present, values, 0.0).sum(axis=1) / np.where(n > 0, n, np.nan)
    squares = (np.where(present, values - mean[:, None], 0.0) ** 2).sum(axis=1)
    between = np.where(fixed, 0.0, squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    reason = np.select(
        [n == 0, ~fixed & (n < MIN_RUNS), np.asarray(n_clusters) < 2, between + shared <= NOTHING],
        [
            "no matched runs",
            f"fewer than {MIN_RUNS} replicates",
            "fewer than 2 effective clusters of queries",
            NO_VARIANCE,
        ],
        "",
    )
    f, g = np.maximum(n - 1, 1), np.maximum(n_clusters - 1, 1)
    steady = np.where(fixed, 1.0, np.maximum(n - 3, 0) / f) * shared
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(reason == "", (between + steady) ** 2 / (between**2 / f + steady**2 / g), np.nan)
    se = np.where(reason == "", np.sqrt(between + shared), np.nan)
    half = stats.t.ppf((1 + LEVEL) / 2, df) * se
    return Interval(mean, mean - half, mean + half, se, df, reason)


def bounded_interval(
    mean: np.ndarray, se: np.ndarray, df: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """95% t interval of means of a measure from `low` to `high` that never leaves this range.

    The interval is symmetric on the scale ln((mean - low) / (high - mean)), with one finite bound on the
    scale ln(mean - low), with the standard error of the delta method (Brown, Cai and DasGupta 2001, section
    4.1.4), and is taken back. Without bounds, and for a mean at a bound, it is mean +- t se, cut at the
    bounds.

    Args:
        mean, se, df: [M], as from `interval_over_runs_and_queries`.
        low, high: range of the measure; infinite for none.

    Example:
        A rate of .02 with a standard error of .02, where mean +- t se begins at -.02, and a rank distance:

        >>> found = bounded_interval(np.array([0.02]), np.array([0.02]), np.array([1000.0]), 0.0, 1.0)
        >>> [end.round(3).item() for end in found]
        [0.003, 0.131]
        >>> found = bounded_interval(np.array([50.0]), np.array([30.0]), np.array([1000.0]), 0.0, np.inf)
        >>> [end.round(1).item() for end in found]
        [15.4, 162.3]
    """
    mean, se = np.asarray(mean, dtype=float), np.asarray(se, dtype=float)
    half = stats.t.ppf((1 + LEVEL) / 2, df) * se
    ends = np.clip(mean - half, low, high), np.clip(mean + half, low, high)
    if not np.isfinite(low):
        return ends
    above, below = mean - low, high - mean
    inside = (above > 0) & (below > 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if np.isfinite(high):
            middle, wide = np.log(above / below), half * (high - low) / (above * below)
            taken = [low + (high - low) * special.expit(middle + sign * wide) for sign in (-1, 1)]
        else:
            taken = [low + above * np.exp(sign * half / above) for sign in (-1, 1)]
    return np.where(inside, taken[0], ends[0]), np.where(inside, taken[1], ends[1])


def t_p(mean: np.ndarray, se: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Two-sided p of mean = 0, by the t of `interval_over_runs_and_queries`."""
    return 2 * np.asarray(stats.t.sf(np.abs(np.asarray(mean) / se), df))


def equivalence_p(
    mean: np.ndarray | float,
    se: np.ndarray | float,
    df: np.ndarray | float,
    margin: np.ndarray | float,
    margin_se: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Larger p of two one-sided tests of "the true mean is not within +-margin" (Schuirmann 1987).

    Args:
        mean, se, df: of the difference.
        margin: half-width of what counts as equal.
        margin_se: standard error of a margin that is estimated, such as a share of a reference. Without it
            these tests claim equivalence too often (docs/validation.md).

    Example:
        A difference of 0 with a standard error of .004: within +-.01, but not within +-.005.

        >>> [round(equivalence_p(0.0, 0.004, 30, margin).item(), 3) for margin in (0.01, 0.005)]
        [0.009, 0.11]
    """
    mean, se = np.asarray(mean), np.hypot(se, margin_se)
    return np.maximum(stats.t.sf((mean + margin) / se, df), stats.t.cdf((mean - margin) / se, df))


def detectable(
    se: np.ndarray | float, df: np.ndarray | float, level: float = 1 - LEVEL, sides: int = 2
) -> np.ndarray:
    """Minimum detectable effect: the true difference that a t test finds with 80% power.

    It is se times the noncentrality at which the noncentral t exceeds the critical value with this
    probability. The other tail adds less than 1e-4.

    Example:
        With many degrees of freedom it is 1.96 + 0.84 = 2.80 standard errors.

        >>> round(detectable(1.0, 1e6).item(), 2)
        2.8
    """
    df = np.asarray(df, dtype=float)
    return np.asarray(se) * special.nctdtrinc(df, 1 - POWER, stats.t.ppf(1 - level / sides, df))


def sign_flip_p(parts: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """Two-sided p over queries of M differences: under the null hypothesis each cluster's sign is random.

    It is the share of sign patterns, the observed one included, with a sum at least as large. So it is never
    0 (Phipson and Smyth 2010).

    Args:
        parts: [C, M], contributions of the clusters, as from `cluster_parts`.
        flips: [B, C], as from `cluster_flips`.

    Returns:
        Float [M].

    Example:
        Three clusters with the same sign: one of the seven other patterns is as extreme, and the observed one
            counts.

        >>> flips = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T[:-1]
        >>> sign_flip_p(np.array([[0.1], [0.2], [0.3]]), flips).item()
        0.25
    """
    observed = np.abs(parts.sum(axis=0))
    reach = observed - 1e-12 * np.abs(parts).sum(axis=0)  # equal sums differ by rounding
    hits = np.zeros(parts.shape[1], dtype=int)
    block = max(1, BLOCK // len(flips))
    for at in range(0, parts.shape[1], block):
        part = slice(at, at + block)
        hits[part] = (np.abs(flips @ parts[:, part]) >= reach[part]).sum(axis=0)
    return (hits + 1) / (len(flips) + 1)


def cell_units(cell: Mapping[Replicate, int]) -> list[Unit]:
    """Units of the mean of a cell {replicate: column}. A column counts once, as an alias is no replicate.

    Example:
        >>> cell_units({1: 7, 2: 8, 3: 7})
        [{7: 1.0}, {8: 1.0}]
    """
    return [{column: 1.0} for column in dict.fromkeys(cell[r] for r in sorted(cell))]


def paired_units(a: Mapping[Replicate, int], b: Mapping[Replicate, int], fixed: Sequence[bool]) -> list[Unit]:
    """Units of the difference a - b of two cells {replicate: column}, paired by replicate.

    A pair of the same run with itself is left out, and a trained run enters one pair only, the first by
    replicate. So the pairs are independent replicates, possibly none.

    Args:
        a, b: the two cells.
        fixed: [K], whether a column has no training randomness. Such a column is compared with every
            replicate of the other cell.

    Example:
        Column 4 is BM25, columns 0 to 3 are runs.

        >>> fixed = [False, False, False, False, True]
        >>> paired_units({1: 0, 2: 1}, {1: 2, 2: 3}, fixed)
        [{0: 1.0, 2: -1.0}, {1: 1.0, 3: -1.0}]
        >>> paired_units({1: 0, 2: 1}, {0: 4}, fixed)
        [{0: 1.0, 4: -1.0}, {1: 1.0, 4: -1.0}]
    """
    alone = [cell_units(cell) for cell in (a, b)]
    single = [all(fixed[k] for unit in units for k in unit) for units in alone]
    if single[0] or single[1]:
        pairs = [(i, j) for u in alone[0] for v in alone[1] for i in u for j in v]
    else:
        pairs = [(a[r], b[r]) for r in sorted(a) if r in b]
    units: list[Unit] = []
    used: set[int] = set()
    for i, j in pairs:
        trained = {k for k in (i, j) if not fixed[k]}
        if i != j and not trained & used:
            units.append({i: 1.0, j: -1.0})
            used |= trained
    return units


def estimate(
    comparisons: Sequence[Sequence[Unit]],
    sums: np.ndarray,
    counts: np.ndarray,
    clusters: Sequence[str],
    fixed: Sequence[bool],
    average: str = "macro",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Estimates, intervals and tests of M comparisons over K columns.

    Args:
        comparisons: M lists of units.
        sums, counts, average: as of `bootstrap`.
        clusters: C sorted ids.
        fixed: [K], whether a column has no training randomness.
        n_resamples: bootstrap samples, and sign patterns.
        seed: of both.

    Returns:
        Arrays [M] by name: mean, n_runs; runs_low, runs_high, p_runs (over queries); low, high, se, df, p,
        detectable (over runs and queries); reason (why these are nan, else ""). p, p_runs and detectable are
        nan unless the coefficients of every unit sum to 0.

    Raises:
        ValueError: if a trained column is in two units of one comparison, or if a comparison without trained
            columns has several units.
    """
    sums, counts = np.asarray(sums, dtype=float), np.asarray(counts)
    resamples = cluster_weights(tuple(clusters), n_resamples, seed)
    queries = counts.sum(axis=-1)  # [C] or [K, C]
    # the other samples have no query
    resamples = resamples[(resamples @ np.atleast_2d(queries).T > 0).all(axis=1)]
    boot = bootstrap(sums, counts, resamples, average).T
    parts = cluster_parts(sums, counts, average)
    means = parts.sum(axis=0)
    each = counts if counts.ndim == 3 else counts[None]
    effective = np.broadcast_arrays(*effective_clusters(cluster_parts(each, each, average)), means)
    n_runs = np.array([len(units) for units in comparisons], dtype=int)
    values = np.full((len(comparisons), n_runs.max(initial=1)), np.nan)
    shared, low, high, n_clusters = np.full((4, len(comparisons)), np.nan)
    alone, contrast = np.zeros((2, len(comparisons)), dtype=bool)
    mean_parts = np.zeros((len(clusters), len(comparisons)))
    # quantiles are taken of many at once
    replicate_means = np.empty((min(256, len(comparisons)), boot.shape[1]))
    waiting: list[int] = []
    live = np.flatnonzero(n_runs).tolist()
    for m in live:
        units = comparisons[m]
        columns = sorted({k for unit in units for k in unit})
        weights = np.array([[unit.get(k, 0.0) for k in columns] for unit in units])
        trained = [not fixed[k] for k in columns]
        if (np.count_nonzero(weights[:, trained], axis=0) > 1).any():
            raise ValueError(f"comparison {m}: found one trained run in several units; one is right")
        alone[m] = not any(trained)
        contrast[m] = (np.abs(weights.sum(axis=1)) < 1e-9).all()
        drawn = (weights @ boot[columns]).T  # [B, R]
        replicate_means[len(waiting)] = drawn.mean(axis=1)
        waiting.append(m)
        shared[m] = query_variance(drawn, effective[0][columns].min())
        n_clusters[m] = effective[1][columns].min()
        values[m, : len(units)] = weights @ means[columns]
        mean_parts[:, m] = parts[:, columns] @ weights.mean(axis=0)
        if len(waiting) == len(replicate_means) or m == live[-1]:
            low[waiting], high[waiting] = interval_over_queries(replicate_means[: len(waiting)].T)
            waiting = []
    known = interval_over_runs_and_queries(values, shared, n_clusters, alone)
    tested = np.where(contrast, 1.0, np.nan)
    return {
        "mean": known.mean,
        "n_runs": n_runs,
        "runs_low": low,
        "runs_high": high,
        "p_runs": tested * sign_flip_p(mean_parts, cluster_flips(tuple(clusters), n_resamples, seed)),
        "low": known.low,
        "high": known.high,
        "se": known.se,
        "df": known.df,
        "p": tested * t_p(known.mean, known.se, known.df),
        "detectable": tested * detectable(known.se, known.df),
        "reason": known.reason,
    }
