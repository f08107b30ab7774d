"""The measures of retrieval: one record each, with formula, range, direction, source and computation.

A record also says in which settings a measure exists and which tables show it. To add a measure, add a record
to MEASURES; `langscale.retrieval.rank_formulas` and `langscale.retrieval.language_bias` have the functions.
An installed package adds measures through the entry point group `langscale.measures`
(`langscale.core.entry_points`).

There are two kinds. A measure of one ranking (`of_ranking`) is a function of the ranks of a query's relevant
candidates. It serves every setting and pair set. A measure of the multilingual ranking (`of_query`) sees all
ranks of a benchmark. It exists in multi, over all language pairs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal

import numpy as np

from langscale.config.terms import SETTINGS
from langscale.core.entry_points import Records
from langscale.retrieval import language_bias as bias
from langscale.retrieval import rank_formulas
from langscale.retrieval.ranks import Ranks


@dataclass(frozen=True)
class Measure:
    """The record of a measure.

    Attributes:
        name: as in the column `metric` of the tables.
        formula: the value of one query.
        source: the paper or program that defines it.
        settings: where it exists.
        better: direction of better retrieval or of less language bias; `neither` for a description.
        low, high: range of the values.
        unit: unit of the values, empty for shares and correlations.
        of_ranking: function of ranks [Q, R] and of |R| [Q] (None: count the ranks), gives [Q].
        of_query: function of the Ranks and of the languages that count, bool [L] or [Q, L]; gives [Q, 1], or
            [Q, L] with `by_candidate`.
        by_candidate: whether each candidate language has a value of its own.
        over_queries: how queries are summarised. Only a mean has confidence intervals.
        control: whether it needs `evaluation.controls` in the config, because it is computed from embeddings.
        tables: table -> settings in which the table shows it, for benchmarks with exact ranks.
        list_tables: tables that show it in mono, for a corpus larger than memory, which has lists only.
        margin: of equivalence tests: `absolute` for the smaller of .01 and 5% of the reference, `share` for
            5% of the reference, or None.
    """

    name: str
    formula: str
    source: str
    settings: tuple[str, ...] = SETTINGS
    better: Literal["higher", "lower", "neither"] = "higher"
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    of_ranking: Callable[[np.ndarray, np.ndarray | None], np.ndarray] | None = None
    of_query: Callable[[Ranks, np.ndarray], np.ndarray] | None = None
    by_candidate: bool = False
    over_queries: Literal["mean", "median"] = "mean"
    control: bool = False
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    list_tables: tuple[str, ...] = ()
    margin: Literal["absolute", "share"] | None = None

    def shown(self, table: str, setting: str) -> bool:
        """Whether a table shows the measure in a setting, for benchmarks with exact ranks."""
        return setting in self.tables.get(table, ())

    def comparable(self) -> bool:
        """Whether a contrast of the config may name the measure: it has a direction and stands in
        scaling.csv.
        """
        return self.better != "neither" and "scaling" in (*self.tables, *self.list_tables)


MULTI = ("multi",)
THIS_STUDY = "this study"
_BIAS = {"scaling": MULTI, "bias": MULTI}

MAP = Measure(
    "mAP",
    "AP = (1/|R|) sum over the relevant r of precision at rank(r), over the full ranking",
    "trec_eval, map",
    of_ranking=rank_formulas.average_precision,
    tables=dict.fromkeys(("scaling", "main", "languages", "contrasts", "trends", "seeds"), SETTINGS),
    margin="absolute",
)
MAP_AT_20 = Measure(
    "mAP@20",
    "AP@20 = (1/min(|R|, 20)) sum over the relevant r with rank(r) <= 20 of precision at rank(r)",
    "XTREME-R, arXiv:2104.07412",
    of_ranking=lambda ranks, relevant: rank_formulas.average_precision_at(ranks, 20, relevant),
    tables=dict.fromkeys(("scaling", "main", "contrasts"), SETTINGS)
    | dict.fromkeys(("languages", "trends", "seeds"), MULTI),
    margin="absolute",
)
RECALL_AT_1 = Measure(
    "R@1",
    "share of the relevant candidates in the top 1",
    "trec_eval, recall.1",
    of_ranking=lambda ranks, relevant: rank_formulas.recall_at(ranks, 1, relevant),
    tables={"scaling": SETTINGS, "main": SETTINGS, "languages": ("mono", "cross")},
    margin="absolute",
)
RECALL_AT_10 = Measure(
    "R@10",
    "share of the relevant candidates in the top 10",
    "trec_eval, recall.10",
    of_ranking=lambda ranks, relevant: rank_formulas.recall_at(ranks, 10, relevant),
    tables={"scaling": SETTINGS, "main": SETTINGS, "languages": MULTI},
    margin="absolute",
)
NDCG_AT_10 = Measure(
    "nDCG@10",
    "sum over the relevant r with rank(r) <= 10 of 1/log2(rank(r) + 1), over that of the best ranking",
    "Järvelin and Kekäläinen 2002; trec_eval, ndcg_cut.10",
    of_ranking=lambda ranks, relevant: rank_formulas.ndcg_at(ranks, 10, relevant),
    tables={"scaling": SETTINGS, "languages": ("mono",)},
    list_tables=("scaling", "main", "languages", "contrasts", "seeds"),
    margin="absolute",
)
RELEVANT = Measure(
    "relevant",
    "|R|, the number of relevant candidates",
    THIS_STUDY,
    MULTI,
    "neither",
    high=np.inf,
    unit="candidates",
    of_ranking=lambda ranks, relevant: (ranks > 0).sum(1).astype(float),
    tables={"scaling": MULTI},
)
RECALL_AT_100 = Measure(
    "R@100",
    "share of the relevant candidates in the top 100",
    "trec_eval, recall.100",
    ("mono",),
    of_ranking=lambda ranks, relevant: rank_formulas.recall_at(ranks, 100, relevant),
    list_tables=("scaling", "main", "languages", "seeds"),
    margin="absolute",
)
RANK_DISTANCE = Measure(
    "rank distance",
    "highest minus lowest rank of the relevant candidates, which are in different languages",
    "arXiv:2408.10536",
    MULTI,
    "lower",
    high=np.inf,
    unit="positions",
    of_query=lambda ranks, _: bias.rank_distance(ranks.multi)[:, None],
    tables=_BIAS | dict.fromkeys(("main", "languages", "contrasts", "trends", "seeds"), MULTI),
    margin="share",
)
RANK_DISTANCE_LOG_RATIO = Measure(
    "rank distance log-ratio",
    "ln(rank distance / its mean in a random ranking, (|R|-1)/(|R|+1) (N+1))",
    THIS_STUDY,
    MULTI,
    "lower",
    low=-np.inf,
    high=np.inf,
    of_query=lambda ranks, _: bias.rank_distance_log_ratio(
        bias.rank_distance(ranks.multi), ranks.corpus_size, (ranks.multi > 0).sum(axis=1)
    )[:, None],
    tables=_BIAS,
)
OWN_LANGUAGE_ADVANTAGE = Measure(
    "own-language advantage",
    "median rank of the relevant candidates in other languages "
    "minus the rank of that in the query's language",
    THIS_STUDY,
    MULTI,
    "lower",
    low=-np.inf,
    high=np.inf,
    unit="positions",
    of_query=lambda ranks, _: bias.own_language_advantage(ranks.multi, ranks.own)[:, None],
    tables=_BIAS | {"contrasts": MULTI},
)
_PREFERENCE = _BIAS | dict.fromkeys(("languages", "contrasts", "trends", "seeds"), MULTI)
OWN_BEFORE_OTHER = Measure(
    "own before other",
    "share of the translations of the relevant passage that are ranked behind the one in the query's "
    "language; 1/2 without preference",
    THIS_STUDY,
    MULTI,
    "lower",
    of_query=lambda ranks, _: bias.share_behind(ranks.multi, ranks.own)[:, None],
    tables=_PREFERENCE,
    margin="absolute",
)
OWN_FIRST = Measure(
    "own first",
    "1 if the relevant passage in the query's language is ranked before all of its translations, else 0; "
    "1/|R| without preference",
    THIS_STUDY,
    MULTI,
    "lower",
    of_query=lambda ranks, _: bias.ranked_first(ranks.multi, ranks.own)[:, None],
    tables=_PREFERENCE,
    margin="absolute",
)
ENGLISH = "en"


def _english(ranks: Ranks) -> np.ndarray:
    """The column of English [Q]; -1 for queries in English, and in a benchmark without it."""
    column = ranks.languages.index(ENGLISH) if ENGLISH in ranks.languages else -1
    return np.where(ranks.own == column, -1, column)


def _english_before_other(ranks: Ranks, _: np.ndarray) -> np.ndarray:
    third = np.arange(len(ranks.languages)) != ranks.own[:, None]
    return bias.share_behind(ranks.multi, _english(ranks), third)[:, None]


def _english_before_own(ranks: Ranks, _: np.ndarray) -> np.ndarray:
    own = np.arange(len(ranks.languages)) == ranks.own[:, None]
    return bias.share_behind(ranks.multi, _english(ranks), own)[:, None]


def _other_before_english(ranks: Ranks, _: np.ndarray) -> np.ndarray:
    own = np.where(ranks.queries["language"] == ENGLISH, ranks.own, -1)
    return 1 - bias.share_behind(ranks.multi, own)[:, None]


ENGLISH_PREFERENCE = (
    Measure(
        "English before other",
        "queries in other languages: share of the translations in third languages that are ranked behind the "
        "English one; 1/2 without preference",
        THIS_STUDY,
        MULTI,
        "lower",
        of_query=_english_before_other,
        tables=_BIAS,
        margin="absolute",
    ),
    Measure(
        "English before own",
        "queries in other languages: 1 if the English translation is ranked before the one in the query's "
        "language, else 0; 1/2 without preference",
        THIS_STUDY,
        MULTI,
        "neither",
        of_query=_english_before_own,
        tables=_BIAS,
        margin="absolute",
    ),
    Measure(
        "other before English",
        "queries in English: share of the translations that are ranked before the English passage; 1/2 "
        "without preference",
        THIS_STUDY,
        MULTI,
        "neither",
        of_query=_other_before_english,
        tables=_BIAS,
        margin="absolute",
    ),
)
"""The preference for English passages, and both directions between English and another language."""
COMPLETE_AT_100 = Measure(
    "complete@100",
    "1 if all relevant candidates are in the top 100, else 0",
    "arXiv:2604.05684",
    MULTI,
    of_query=lambda ranks, _: bias.complete_at(ranks.multi, 100)[:, None],
    tables=_BIAS,
    margin="absolute",
)
MAX_AT_R = Measure(
    "max@R",
    "rank of the relevant candidate that is ranked last",
    "arXiv:2604.05684",
    MULTI,
    "lower",
    low=1.0,
    high=np.inf,
    unit="positions",
    of_query=lambda ranks, _: bias.last_rank(ranks.multi)[:, None],
    tables=_BIAS,
    margin="share",
)


def _own_share(place: int, k: int) -> Measure:
    return Measure(
        f"own-language share@{k}",
        f"share of candidates in the query's language among the top {k}",
        THIS_STUDY,
        MULTI,
        "lower",
        of_query=lambda ranks, _: ranks.own_share[:, [place]],
        tables=_BIAS,
    )


OWN_LANGUAGE_SHARES = tuple(_own_share(place, k) for place, k in enumerate((1, 10, 100)))
MEDIAN_RANK_DISTANCE = Measure(
    "median rank distance",
    RANK_DISTANCE.formula,
    RANK_DISTANCE.source,
    MULTI,
    "lower",
    high=np.inf,
    unit="positions",
    of_query=RANK_DISTANCE.of_query,
    over_queries="median",
    tables={"bias": MULTI},
)


def _control(place: int, name: str, formula: str, source: str, like: Measure | None = None) -> Measure:
    """A control of language bias, column `place` of `Ranks.controls`."""

    def values(ranks: Ranks, _: np.ndarray) -> np.ndarray:
        missing = np.full((len(ranks.multi), 1), np.nan)
        return missing if ranks.controls is None else ranks.controls[:, [place]]

    better, low, high, unit = (
        (like.better, like.low, like.high, like.unit) if like else ("higher", -1.0, 1.0, "")
    )
    return Measure(
        name, formula, source, MULTI, better, low, high, unit, of_query=values, control=True, tables=_BIAS
    )


def _centred(place: int, like: Measure) -> Measure:
    how = "from embeddings minus the mean embedding of their language"
    return _control(place, f"centred {like.name}", f"{like.formula}; {how}", "arXiv:2004.05160", like)


CONTROLS = (
    _control(
        0,
        "Spearman",
        "mean rank correlation of the rankings of a query and of its translations",
        "Spearman 1904",
    ),
    *(_centred(i, m) for i, m in enumerate((MAP, RANK_DISTANCE, OWN_LANGUAGE_ADVANTAGE), start=1)),
)


def _top_10(ranks: Ranks, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray | float]:
    """Shares of the languages that count in the top 10 [Q] and among the candidates; nan where there are
    none.
    """
    if ranks.top_10 is None or ranks.candidates is None:
        return np.full(len(ranks.multi), np.nan), 1.0
    blind = (ranks.candidates * keep).sum(-1) / ranks.candidates.sum()
    share = (ranks.top_10 * keep).sum(1) / ranks.top_10.sum(1)
    return np.where(blind > 0, share, np.nan), blind


def _top_10_ratio(ranks: Ranks, keep: np.ndarray) -> np.ndarray:
    share, blind = _top_10(ranks, keep)
    return (share / blind)[:, None]


TOP_10_SHARE = Measure(
    "share@10",
    "share of the candidates of some languages in the top 10, relevant or not",
    THIS_STUDY,
    MULTI,
    "neither",
    of_query=lambda ranks, keep: _top_10(ranks, keep)[0][:, None],
    tables={"shares": MULTI},
)
TOP_10_RATIO = Measure(
    "share@10 ratio",
    "share@10 over the share of these languages among all candidates; "
    "1 for a ranking that is blind to language",
    THIS_STUDY,
    MULTI,
    "neither",
    high=np.inf,
    of_query=_top_10_ratio,
    tables={"shares": MULTI},
)
RANK = Measure(
    "rank",
    "rank of the relevant candidate of one language",
    THIS_STUDY,
    MULTI,
    "neither",
    low=1.0,
    high=np.inf,
    unit="positions",
    of_query=lambda ranks, _: np.where(ranks.multi > 0, ranks.multi, np.nan),
    by_candidate=True,
    tables={"ranks": MULTI},
)

MEASURES = Records(
    "langscale.measures",
    Measure,
    (
        MAP, MAP_AT_20, RECALL_AT_1, RECALL_AT_10, NDCG_AT_10, RELEVANT, RECALL_AT_100, OWN_BEFORE_OTHER,
        OWN_FIRST, *ENGLISH_PREFERENCE, COMPLETE_AT_100, MAX_AT_R, RANK_DISTANCE, RANK_DISTANCE_LOG_RATIO,
        OWN_LANGUAGE_ADVANTAGE, *OWN_LANGUAGE_SHARES, MEDIAN_RANK_DISTANCE, *CONTROLS, TOP_10_SHARE,
        TOP_10_RATIO, RANK,
    ),
    attrgetter("name"),
)  # fmt: skip
"""All measures by name, in the order of the tables."""


def in_table(table: str) -> list[Measure]:
    """The measures that a table shows in some setting, for benchmarks with exact ranks."""
    return [measure for measure in MEASURES.values() if table in measure.tables]


def in_list_table(table: str) -> list[Measure]:
    """The measures that a table shows for a corpus larger than memory."""
    return [measure for measure in MEASURES.values() if table in measure.list_tables]
