"""Intervals and tests of means and contrasts: clusters of questions are drawn, and so are training runs.

Scores enter as sums over the questions of a cluster (a paragraph or card: all its questions, translations
too): `sums[k, c, x]` of column k, cluster c and stratum x, and the numbers of questions `counts[c, x]` or
`[k, c, x]`. A column is one run under one measure, setting and pair set; a stratum is a question language, or
a pair of languages where questions have relevant candidates in some languages only. Strata without questions
are left out, so that arrays of all languages serve every pair set.

A comparison is a list of units, one for each replicate (ladder, seed); a unit gives coefficients to columns:
{k: 1} for the mean of a cell, {a: 1, b: -1} for a difference, those of a slope for a trend. Two intervals:

- `these runs` takes the runs as they are: percentile bootstrap over clusters, sign flips of clusters for p;
- `procedure`, the headline, speaks about training again: see `procedure_interval`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from langscale.core.random import stream

LEVEL = 0.95
POWER = 0.8
MIN_RUNS = 4
MARGIN = 0.01  # of equivalence, of a measure between 0 and 1
MARGIN_SHARE = 0.05  # of equivalence, of rank distance: this share of the reference
NOTHING = 1e-20  # a variance that is rounding only
BLOCK = 16_000_000  # numbers in one block of resampled values: 128 MB

Unit = Mapping[int, float]


@lru_cache(maxsize=4)
def cluster_weights(clusters: tuple[str, ...], n_resamples: int, seed: int) -> np.ndarray:
    """How often each cluster is drawn in each resample: [B, C], every row a multinomial that sums to C.

    Keyed by the ids and the seed, so that all cells of a benchmark share them and contrasts are paired.
    Raises ValueError unless the ids are sorted and unique.
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
    """Means [B, K] of all columns in all resamples, one matrix product per block of columns.

    macro: mean over strata of (sum of values / number of questions) in the stratum; strata that a resample
    leaves without questions drop out of it. micro: sum of values / number of questions over all strata.
    """
    sums, counts = _arrays(sums, counts, average)
    k, c, x = sums.shape

    def totals(array: np.ndarray) -> np.ndarray:  # [..., C, X] -> [..., X, B]
        return (np.swapaxes(array, -1, -2).reshape(-1, c) @ weights.T).reshape(*array.shape[:-2], x, -1)

    out = np.empty((k, len(weights)))
    block = max(1, BLOCK // (x * len(weights)))
    asked = totals(counts) if counts.ndim == 2 else None
    for at in range(0, k, block):
        means = totals(sums[at : at + block])
        n = np.broadcast_to(totals(counts[at : at + block]) if asked is None else asked, means.shape)
        np.divide(means, n, out=means, where=n > 0)  # without questions the sum is 0 too
        out[at : at + block] = means.sum(axis=1) / (n > 0).sum(axis=1)
    return out.T


def cluster_parts(sums: np.ndarray, counts: np.ndarray, average: str = "macro") -> np.ndarray:
    """What each cluster adds to each column's mean: [C, K]; summed over the clusters, the means."""
    sums, counts = _arrays(sums, counts, average)
    asked = counts.sum(axis=-2)  # [X] or [K, X]
    held = asked > 0
    share = np.divide(1.0, asked, out=np.zeros(asked.shape), where=held) / held.sum(axis=-1, keepdims=True)
    return np.einsum("kcx,kx->ck", sums, np.broadcast_to(share, sums.shape[::2]), optimize=True)


def _arrays(sums: np.ndarray, counts: np.ndarray, average: str) -> tuple[np.ndarray, np.ndarray]:
    if average not in ("macro", "micro"):
        raise ValueError(f"average: found {average!r}; macro or micro is right")
    sums, counts = np.asarray(sums, dtype=float), np.asarray(counts, dtype=float)
    if counts.shape not in (sums.shape, sums.shape[1:]):
        raise ValueError(f"counts: found {counts.shape}; {sums.shape[1:]} or {sums.shape} is right")
    if (counts.sum(axis=(-2, -1)) == 0).any():
        raise ValueError("counts: a column without questions; leave it out")
    if average == "micro":  # one stratum that holds everything
        return sums.sum(axis=2, keepdims=True), counts.sum(axis=-1, keepdims=True)
    return sums, counts


def runs_interval(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`these runs`: 95% percentile interval of resampled means [B, ...] (Efron, Tibshirani 1993, ch. 13)."""
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def effective_clusters(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many clusters of equal weight are worth as much as these, shares [C, M] of each mean: ([M], [M]).

    First for the bias of a bootstrap variance, 1/G = 2 sum w^3 / sum w^2 - sum w^2, then for its degrees of freedom,
    G = (sum w^2)^2 / sum w^4 (Satterthwaite 1946; Carter, Schnepel, Steigerwald 2017), both for clusters whose questions
    are wholly alike; C for equal weights. The cards of cldr, with up to 38 questions, are worth 25 and 17 clusters,
    not 132: with 132, 95% intervals cover 92.6% and tests reject 5.9% (simulated).
    """
    second, third, fourth = ((shares**power).sum(axis=0) for power in (2, 3, 4))
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 / (2 * third / second - second), second**2 / fourth


def question_variance(samples: np.ndarray, n_clusters: float) -> float:
    """The part of a replicates' mean's variance that comes from the questions they share, from [B, R] means.

    The mean covariance of two replicates over the resamples, at least 0 (Obuchowski and Rockette 1995:
    readers are our replicates, cases our clusters). The variance of the replicates' mean instead would count
    the interaction of run and question twice, as the variance between replicates holds it already: intervals
    of contrasts then cover up to 99% (simulated). One replicate: its variance. Times C/(C-1), since drawing C
    of C clusters shrinks variances by (C-1)/C; C from `effective_clusters` where they differ in weight.
    """
    r = samples.shape[1]
    own = samples.var(axis=0, ddof=1).sum()
    # the variance of a sum is the sum of all covariances
    shared = own if r == 1 else (samples.sum(axis=1).var(ddof=1) - own) / (r * (r - 1))
    return max(0.0, float(shared)) * n_clusters / max(n_clusters - 1, 1e-3)


class Procedure(NamedTuple):
    """`procedure` intervals of M means, arrays [M]; nan where refused, and then `reason` says why."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    se: np.ndarray
    df: np.ndarray
    reason: np.ndarray


def procedure_interval(
    values: np.ndarray,
    question_variance: np.ndarray | float,
    n_clusters: np.ndarray | float,
    deterministic: np.ndarray | bool = False,
) -> Procedure:
    """`procedure`: 95% interval of the mean over training runs and questions, from values [M, R] (or [R]).

    mean +- t * sqrt(s2/R + v), with s2 the variance between the R replicates (nan: no such replicate) and v
    the `question_variance` (Obuchowski and Rockette 1995) from C = n_clusters, [M] or one number. Degrees of freedom by Satterthwaite (1946),
    (s2/R + v')^2 / ((s2/R)^2/(R-1) + v'^2/(C-1)), at v' = v (R-3)/(R-1): this makes v' / (s2/R) unbiased, as
    E[1/s2] = (R-1)/(R-3) / sigma2. With v itself, a small s2 raises the degrees of freedom just when the
    error is underestimated: 95% intervals cover 93.6% at worst (R = 4, simulated), with v' 94.9 to 96.1%.

    Below four replicates it is refused: a plain bootstrap over two or three seeds covers only 78-86% where
    runs matter more than questions (simulated), and v' is not above 0. A deterministic value (no training
    randomness: BM25, a pretrained model as it is) has s2 = 0 by definition and stands alone (ValueError if
    several).
    """
    values = np.atleast_2d(np.asarray(values, dtype=float))
    fixed = np.broadcast_to(np.asarray(deterministic, dtype=bool), len(values))
    shared = np.broadcast_to(np.asarray(question_variance, dtype=float), len(values))
    present = ~np.isnan(values)
    n = present.sum(axis=1)
    if (fixed & (n > 1)).any():
        raise ValueError("deterministic: found several values; one is right")
    mean = np.where(present, values, 0.0).sum(axis=1) / np.where(n > 0, n, np.nan)
    squares = (np.where(present, values - mean[:, None], 0.0) ** 2).sum(axis=1)
    between = np.where(fixed, 0.0, squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    reason = np.select(
        [n == 0, ~fixed & (n < MIN_RUNS), np.asarray(n_clusters) < 2, between + shared <= NOTHING],
        ["no matched runs", f"fewer than {MIN_RUNS} replicates", "fewer than 2 clusters", "no variance"],
        "",
    )
    f, g = np.maximum(n - 1, 1), np.maximum(n_clusters - 1, 1)
    steady = np.where(fixed, 1.0, np.maximum(n - 3, 0) / f) * shared
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(reason == "", (between + steady) ** 2 / (between**2 / f + steady**2 / g), np.nan)
    se = np.where(reason == "", np.sqrt(between + shared), np.nan)
    half = stats.t.ppf((1 + LEVEL) / 2, df) * se
    return Procedure(mean, mean - half, mean + half, se, df, reason)


def t_p(mean: np.ndarray, se: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Two-sided p of mean = 0 by the t of `procedure_interval`."""
    return 2 * stats.t.sf(np.abs(np.asarray(mean) / se), df)


def equivalence_p(
    mean: np.ndarray,
    se: np.ndarray,
    df: np.ndarray,
    margin: np.ndarray | float,
    margin_se: np.ndarray | float = 0.0,
) -> np.ndarray:
    """P of "the true mean is not within +-margin": the larger p of two one-sided tests (Schuirmann 1987).

    margin_se: the standard error of a margin that is itself estimated, as a share of a reference is; without it such
    tests claim equivalence too often (docs/validation.md).
    """
    mean, se = np.asarray(mean), np.hypot(se, margin_se)
    return np.maximum(stats.t.sf((mean + margin) / se, df), stats.t.cdf((mean - margin) / se, df))


def detectable(se: np.ndarray, df: np.ndarray, level: float = 1 - LEVEL, sides: int = 2) -> np.ndarray:
    """Smallest true difference that a t test of this level, one- or two-sided, finds with 80% power.

    se times the noncentrality at which the noncentral t exceeds the critical value with that probability (the
    other tail adds less than 1e-4).
    """
    df = np.asarray(df, dtype=float)
    return np.asarray(se) * special.nctdtrinc(df, 1 - POWER, stats.t.ppf(1 - level / sides, df))


def sign_flip_p(parts: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """`these runs`: two-sided p [M] of differences with cluster parts [C, M]; chance flips a cluster's sign.

    The share of sign patterns [B, C], the observed one included, with a sum at least as large: never 0
    (Phipson and Smyth 2010).
    """
    observed = np.abs(parts.sum(axis=0))
    reach = observed - 1e-12 * np.abs(parts).sum(axis=0)  # equal sums differ by rounding
    hits = np.zeros(parts.shape[1], dtype=int)
    block = max(1, BLOCK // len(flips))
    for at in range(0, parts.shape[1], block):
        part = slice(at, at + block)
        hits[part] = (np.abs(flips @ parts[:, part]) >= reach[part]).sum(axis=0)
    return (hits + 1) / (len(flips) + 1)


def cell_units(cell: Mapping[str, int]) -> list[Unit]:
    """Units of the mean of a cell {replicate: column}; each column once, as an alias is no replicate."""
    return [{column: 1.0} for column in dict.fromkeys(cell[r] for r in sorted(cell))]


def paired_units(a: Mapping[str, int], b: Mapping[str, int], fixed: Sequence[bool]) -> list[Unit]:
    """Units of the difference a - b of two cells {replicate: column}, replicate by replicate.

    `fixed[k]`: column k has no training randomness; it stands against every replicate of the other cell. A
    pair of one and the same run says nothing, and a trained run enters one pair only (the first by
    replicate): what is left are independent replicates, possibly none.
    """
    alone = [cell_units(cell) for cell in (a, b)]
    single = [all(fixed[k] for unit in units for k in unit) for units in alone]
    if single[0] or single[1]:
        pairs = [(i, j) for u in alone[0] for v in alone[1] for i in u for j in v]
    else:
        pairs = [(a[r], b[r]) for r in sorted(a) if r in b]
    units, used = [], set()
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
    """Everything about M comparisons (lists of units) over K columns, arrays [M] by name.

    mean; n_runs; runs_low, runs_high, p_runs (`these runs`); low, high, se, df, p, detectable (`procedure`);
    reason (why the procedure columns are nan, else ""). p, p_runs and detectable are nan unless the
    coefficients of every unit sum to 0. Raises ValueError if a trained column is in two units of one
    comparison, or if a comparison without trained columns has several units.
    """
    sums, counts = np.asarray(sums, dtype=float), np.asarray(counts)
    resamples = cluster_weights(tuple(clusters), n_resamples, seed)
    asked = counts.sum(axis=-1)  # [C] or [K, C]
    resamples = resamples[(resamples @ np.atleast_2d(asked).T > 0).all(axis=1)]  # the others hold no question
    boot = bootstrap(sums, counts, resamples, average).T
    parts = cluster_parts(sums, counts, average)
    means = parts.sum(axis=0)
    each = counts if counts.ndim == 3 else counts[None]
    worth = np.broadcast_arrays(*effective_clusters(cluster_parts(each, each, average)), means)
    n_runs = np.array([len(units) for units in comparisons], dtype=int)
    values = np.full((len(comparisons), n_runs.max(initial=1)), np.nan)
    shared, low, high, n_clusters = np.full((4, len(comparisons)), np.nan)
    alone, contrast = np.zeros((2, len(comparisons)), dtype=bool)
    mean_parts = np.zeros((len(clusters), len(comparisons)))
    # quantiles are taken of many at once
    replicate_means, waiting = np.empty((min(256, len(comparisons)), boot.shape[1])), []
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
        shared[m] = question_variance(drawn, worth[0][columns].min())
        n_clusters[m] = worth[1][columns].min()
        values[m, : len(units)] = weights @ means[columns]
        mean_parts[:, m] = parts[:, columns] @ weights.mean(axis=0)
        if len(waiting) == len(replicate_means) or m == live[-1]:
            low[waiting], high[waiting] = runs_interval(replicate_means[: len(waiting)].T)
            waiting = []
    known = procedure_interval(values, shared, n_clusters, alone)
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
