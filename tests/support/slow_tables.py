"""Values of tables computed the slow way: per question, per pair of languages, for tests of tables."""

import numpy as np

from langscale.retrieval.measures import MEASURES, in_table
from langscale.statistics import intervals as S
from support.synthetic_study import LANGUAGES, QUESTIONS

RELEVANCE = [measure.name for measure in in_table("scaling") if measure.of_ranking]
BIAS = [measure.name for measure in in_table("scaling") if measure.of_query and not measure.control]
SETS = {
    "all": (LANGUAGES, LANGUAGES),
    "pool": (("en", "de", "ar"), ("en", "de", "ar")),
    "pool-heldout": (("en", "de", "ar"), ("nl", "el")),
    "heldout-pool": (("nl", "el"), ("en", "de", "ar")),
    "heldout": (("nl", "el"), ("nl", "el")),
}


def value_of(scores, q, code, setting, metric, offered, other):
    """[(unit, value)] of one question; a unit is its language, in cross a pair of languages."""
    of_ranking = MEASURES[metric].of_ranking
    if of_ranking is None:
        return [(code, scores.values("multi", metric)[q, 0])]
    if setting == "multi":
        counted = [c in offered and not (other and c == code) for c in LANGUAGES]
        gone = [r for r, c in zip(scores.multi[q], counted, strict=True) if r and not c]
        ranks = [
            r - sum(g < r for g in gone) for r, c in zip(scores.multi[q], counted, strict=True) if r and c
        ]
        return [(code, of_ranking(np.array([ranks]), None)[0])] if ranks else []
    found = []
    for column, candidate in enumerate(LANGUAGES):
        rank = scores.by_language[q, column]
        if rank and candidate in offered and (candidate == code) == (setting == "mono"):
            found.append(((code, candidate), of_ranking(np.array([[rank]]), None)[0]))
    return found


def slow_values(scores, setting, metric, asked, offered, other=False):
    """(question, cluster, unit, value) of every question that has a value."""
    language, cluster = scores.queries["language"].tolist(), scores.queries["cluster"].tolist()
    return [
        (q, cluster[q], unit, float(value))
        for q in range(len(language))
        if language[q] in asked
        for unit, value in value_of(scores, q, language[q], setting, metric, offered, other)
        if not np.isnan(value)
    ]


def slow_mean(values, average="macro", weights=None):
    """Mean over units of the means of their queries, each weighted by the number of draws of its cluster."""
    sums = {}
    for _, cluster, unit, value in values:
        unit, weight = unit if average == "macro" else "all", 1 if weights is None else weights[cluster]
        total, count = sums.get(unit, (0, 0))
        sums[unit] = total + weight * value, count + weight
    known = [total / count for total, count in sums.values() if count]
    return np.mean(known) if known else np.nan


def slow(scores, *what, average="macro"):
    """(value, number of questions)."""
    values = slow_values(scores, *what)
    return slow_mean(values, average), len({q for q, *_ in values})


def cluster_shares(values, average):
    """The weight of every cluster in the mean: its share in each unit's questions, mean over units."""
    units = {}
    for _, cluster, unit, _ in values:
        units.setdefault(unit if average == "macro" else "all", []).append(cluster)
    found = [[clusters.count(c) / len(clusters) for c in CLUSTERS] for clusters in units.values()]
    return np.mean(found, axis=0)


CLUSTERS = [f"c{i:02}" for i in range(QUESTIONS // 2)]


def runs_of(made, row, prefix=""):
    """Paths of the runs behind a row, by seed."""
    wanted = {name: row[f"{prefix}{name}"] for name in ("model", "sampler", "budget", "n_languages")}
    return {
        cell.seed: cell.run
        for cell in made.grid.cells
        if all(getattr(cell, k) == v for k, v in wanted.items())
    }


def intervals(made, units, setting, metric, pair_set, average):
    """Mean, both intervals and p of replicates given as {path: coefficient}, by a loop over resamples."""
    weights = [dict(zip(CLUSTERS, row, strict=True)) for row in S.cluster_weights(tuple(CLUSTERS), 200, 0)]
    drawn, exact = {}, {}
    for path in {path for unit in units for path in unit}:
        values = slow_values(made.scores[path, "last"], setting, metric, *SETS[pair_set])
        exact[path] = slow_mean(values, average)
        drawn[path] = np.array([slow_mean(values, average, row) for row in weights])
    bias, freedom = (found[0] for found in S.effective_clusters(cluster_shares(values, average)[:, None]))
    boot = np.array([sum(c * drawn[path] for path, c in unit.items()) for unit in units]).T
    means = np.array([sum(c * exact[path] for path, c in unit.items()) for unit in units])
    interval = S.interval_over_runs_and_queries(means, S.query_variance(boot, bias), freedom, len(units) == 1)
    p = S.t_p(interval.mean, interval.se, interval.df)[0]
    low, high = interval.low[0], interval.high[0]
    measure, mean = MEASURES[metric], means.mean()
    if all(sum(unit.values()) == 1 for unit in units) and mean > 0:  # of a mean: on the scale of its range
        half = high - mean
        if measure.high == 1:
            odds, wide = mean / (1 - mean), np.exp(half / (mean * (1 - mean)))
            low, high = odds / wide / (1 + odds / wide), odds * wide / (1 + odds * wide)
        else:
            low, high = mean / np.exp(half / mean), mean * np.exp(half / mean)
    return mean, low, high, *S.interval_over_queries(boot.mean(axis=1)), p
