"""Studies with a planted truth, for the coverage of intervals and the level of tests.

Scores are drawn as sums over clusters of queries, in the form that `estimate` reads. A study has three
trained cells, two of equal mean and one that is better by the margin of equivalence, and two rows without
training randomness. The score of run r of cell a on query q of cluster c is

mean_a + run_ar + solved_q + (a x c, a x q) + (r x c, r x q)

solved is 1 or 0 times a height, with another chance in every cluster (beta), as average precision is skewed
and queries of a paragraph are alike; the interactions are normal with a variance that some clusters have
much more of than others. A sum over the queries of a cluster is drawn at once: binomial given the cluster's
chance, normal with the variance of the sum. Both are exact, so a study costs a few thousand numbers.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from langscale.core.random import stream
from langscale.design.ladders import random_ladder
from langscale.statistics.intervals import MARGIN, cell_units, equivalence_p, estimate, paired_units

MEAN = 0.5  # of the trained cells
SOLVED = 0.25  # share of solved queries
ALIKE = 0.3  # share of the variance of queries, and of interactions, that lies between clusters
BATCH = 250  # studies that share the resamples
POOL = ("en", "ar", "de", "es", "hi", "ru", "th", "tr", "zh")

SIZES = {  # queries of a cluster: number of such clusters
    "xquad-r": {
        1: 3, 2: 3, 3: 22, 4: 56, 5: 138, 6: 1, 8: 2, 9: 3, 10: 5, 12: 1, 13: 1, 14: 1, 15: 2, 16: 1, 17: 1,
    },
    "cldr-400": {1: 57, 2: 9, 3: 13, 4: 4, 5: 24, 6: 25},
    "cldr": {
        1: 57, 2: 9, 3: 13, 4: 4, 5: 6, 6: 4, 7: 7, 8: 1, 9: 2, 10: 7, 11: 2, 12: 3, 13: 2, 14: 1, 15: 5,
        16: 2, 17: 1, 21: 1, 30: 1, 31: 3, 38: 1,
    },
}  # fmt: skip
"""The real ones: XQuAD-R (240 paragraphs, 1,190 queries), and cldr with 400 and with all 733 queries."""


@dataclass(frozen=True)
class World:
    """Where studies are drawn from; standard deviations in mAP.

    `run`: of a run's mean, half of its variance shared by the cells of a replicate, as common random numbers
    do. `query`: of the queries; `cell` and `interaction`: of cell and query, of run and query.
    With `ladders` runs differ by their languages too: by the mean effect of the first four languages of the
    real random ladders, which are balanced over the pool; the truth is the mean over the pool. With `strata`
    above 1 the queries exist in several languages, each in about half of them.
    """

    name: str
    sizes: str
    run: float
    query: float
    cell: float
    interaction: float
    ladders: float = 0.0
    strata: int = 1

    def counts(self) -> np.ndarray:
        """Queries of each cluster and stratum, [C, X]; the same in every study."""
        size = np.repeat(*np.array(list(SIZES[self.sizes].items())).T)
        draw = stream("simulated questions", self.sizes, self.strata)
        size = draw.permutation(size)[:, None]
        if self.strata == 1:
            return size
        there = draw.binomial(size, np.linspace(0.3, 0.7, self.strata), (len(size), self.strata))
        there[:, -1] = size[:, 0]  # as English in MLQA-R
        return there


# A name is a part of the key of its random stream, so a renamed world is another draw.
WORLDS = (
    World("questions dominate", "xquad-r", 0.003, 0.35, 0.08, 0.10),
    World("questions and runs", "xquad-r", 0.015, 0.35, 0.08, 0.15),
    World("runs dominate", "xquad-r", 0.05, 0.35, 0.08, 0.10),
    World("run x question only", "xquad-r", 0.0, 0.05, 0.01, 0.30),
    World("small differences", "xquad-r", 0.003, 0.35, 0.03, 0.05),
    World("equal cells", "xquad-r", 0.005, 0.35, 0.005, 0.01),
    World("balanced ladders", "xquad-r", 0.015, 0.35, 0.08, 0.15, ladders=0.015),
    World("cards, a sample", "cldr-400", 0.015, 0.35, 0.08, 0.15),
    World("cards, all", "cldr", 0.003, 0.35, 0.08, 0.10),
    World("partly parallel", "xquad-r", 0.003, 0.35, 0.04, 0.10, strata=7),
)
REPLICATES = range(4, 11)


@dataclass(frozen=True)
class Studies:
    """N studies side by side, as `estimate` reads them, and the truth of each comparison.

    sums [K, C, X]; counts [C, X]; fixed [K]; comparisons, kinds, truth, runs_truth [M]: the truth over all
    runs and queries, and the truth of the drawn runs over all queries.
    """

    sums: np.ndarray
    counts: np.ndarray
    fixed: list[bool]
    comparisons: list[list[dict[int, float]]]
    kinds: np.ndarray
    truth: np.ndarray
    runs_truth: np.ndarray


def studies(world: World, replicates: int, n: int, draw: np.random.Generator) -> Studies:
    """Draw n studies of five cells: two with the mean .5, one .5 + MARGIN, and two fixed rows, .3 and .5."""
    counts = world.counts()
    c, x = counts.shape
    means = np.array([MEAN, MEAN, MEAN + MARGIN, 0.3, MEAN])
    runs = _run_effects(world, replicates, n, draw)  # [n, 3, R]
    cells = len(means)
    columns = np.concatenate([np.repeat([0, 1, 2], replicates), [3, 4]])  # cell of each column of a study
    level = means[columns] + np.concatenate([runs.reshape(n, -1), np.zeros((n, 2))], axis=1)

    share = (1 / ALIKE - 1) * np.array(
        [SOLVED, 1 - SOLVED]
    )  # a beta's sum a + b gives that share between clusters
    chance = draw.beta(*share, (n, c))
    height = world.query / np.sqrt(SOLVED * (1 - SOLVED))
    solved = height * (draw.binomial(counts, chance[..., None]) - SOLVED * counts)  # [n, C, X]
    uneven = np.sqrt(draw.gamma(1.0, 1.0, (n, 1, c)))  # times a normal of sd 1, variance 1 on average
    # variance of a sum of s equally alike effects of sd 1: s^2 ALIKE + s (1 - ALIKE)
    between, within = np.sqrt(ALIKE) * counts, np.sqrt((1 - ALIKE) * counts)

    def interaction(many: int, sd: float) -> np.ndarray:  # [n, many, C, X]
        if x == 1:
            both = np.sqrt(between**2 + within**2)[:, 0]
            return (sd * uneven * both * draw.standard_normal((n, many, c)))[..., None]
        common = uneven * draw.standard_normal((n, many, c))
        own = uneven[..., None] * draw.standard_normal((n, many, c, x))
        return sd * (common[..., None] * between + own * within)

    sums = level[..., None, None] * counts + solved[:, None]
    sums += interaction(cells, world.cell)[:, columns]
    sums[:, :-2] += interaction(3 * replicates, world.interaction)
    return Studies(
        sums.reshape(-1, c, x),
        counts,
        ([False] * 3 * replicates + [True] * 2) * n,
        *_comparisons(level, replicates),
    )


def _run_effects(world: World, replicates: int, n: int, draw: np.random.Generator) -> np.ndarray:
    common, own = draw.standard_normal((n, 1, replicates)), draw.standard_normal((n, 3, replicates))
    effects = world.run * (common + own) / np.sqrt(2)
    if world.ladders:
        rest = POOL[1:]
        sets = [random_ladder(POOL, i)[1:4] for i in range(1, replicates + 1)]
        held = np.array([[code in languages for code in rest] for languages in sets])
        value = draw.standard_normal((n, 1, len(rest))) + draw.standard_normal((n, 3, len(rest)))
        value = (value - value.mean(axis=-1, keepdims=True)) / np.sqrt(2)
        effects = effects + world.ladders * value @ held.T / held[0].sum()
    return effects


KINDS = (
    "cell",
    "fixed row",
    "contrast",
    "contrast at the margin",
    "contrast with a fixed row",
    "fixed contrast",
)


def _comparisons(level: np.ndarray, replicates: int):
    """(comparisons, kinds, truth, truth of the drawn runs) of all studies, from levels [n, K]."""
    r, fixed = replicates, [False] * 3 * replicates + [True] * 2
    a, b, better = ({str(i): r * cell + i for i in range(r)} for cell in range(3))
    low, same = {"": 3 * r}, {"": 3 * r + 1}
    of_study = [
        cell_units(b),
        cell_units(low),
        paired_units(a, b, fixed),
        paired_units(better, b, fixed),
        paired_units(a, same, fixed),
        paired_units(same, low, fixed),
    ]
    truth = [MEAN, 0.3, 0.0, MARGIN, 0.0, MEAN - 0.3]
    n, k = level.shape
    matrix = np.zeros((len(of_study), k))
    for row, units in zip(matrix, of_study, strict=True):
        for unit in units:
            for column, weight in unit.items():
                row[column] += weight / len(units)
    comparisons = [
        [{column + k * i: weight for column, weight in unit.items()} for unit in units]
        for i in range(n)
        for units in of_study
    ]
    return comparisons, np.tile(KINDS, n), np.tile(truth, n), (level @ matrix.T).ravel()


def draws(world: World, replicates: int, batch: int) -> np.random.Generator:
    """The stream of a batch of studies."""
    return stream("simulated studies", *asdict(world).values(), replicates, batch)


def validate(world: World, replicates: int, n: int, resamples: int = 400) -> Iterator[dict]:
    """Rates over n studies, one row for each kind of comparison.

    coverage, runs_coverage: share of the 95% intervals over runs and queries, and over queries, with the
    truth inside. rejected: share of p < .05 where the truth is 0. equivalent: share of equivalence claims at
    5% where the truth is the margin itself. equivalent_share: the same with a margin that is a share of the
    estimated reference, as for the rank distance. half_width: mean half-width of the interval over runs and
    queries. refused: studies without an interval. nan: does not apply.
    """
    found: dict[str, list[np.ndarray]] = {}
    for batch, at in enumerate(range(0, n, BATCH)):
        some = studies(world, replicates, min(BATCH, n - at), draws(world, replicates, batch))
        clusters = tuple(f"{i:04}" for i in range(len(some.counts)))
        got = estimate(
            some.comparisons, some.sums, some.counts, clusters, some.fixed, n_resamples=resamples, seed=batch
        )
        at_margin = some.truth == MARGIN
        measured = got["mean"], got["se"], got["df"]
        # the second cell is the reference of the contrast at the margin
        reference, spread = (np.repeat(got[name][:: len(KINDS)], len(KINDS)) for name in ("mean", "se"))
        share = MARGIN / MEAN
        columns = {
            "kind": some.kinds,
            "coverage": (got["low"] <= some.truth) & (some.truth <= got["high"]),
            "runs_coverage": (got["runs_low"] <= some.runs_truth) & (some.runs_truth <= got["runs_high"]),
            "rejected": np.where(some.truth == 0, got["p"] < 0.05, np.nan),
            "equivalent": np.where(at_margin, equivalence_p(*measured, MARGIN) < 0.05, np.nan),
            "equivalent_share": np.where(
                at_margin, equivalence_p(*measured, share * reference, share * spread) < 0.05, np.nan
            ),
            "half_width": (got["high"] - got["low"]) / 2,
            "refused": got["reason"] != "",
        }
        for name, values in columns.items():
            found.setdefault(name, []).append(values)
    table = {name: np.concatenate(parts) for name, parts in found.items()}
    for kind in KINDS:
        rows = table["kind"] == kind
        yield {"kind": kind} | {name: float(v[rows].mean()) for name, v in table.items() if name != "kind"}
