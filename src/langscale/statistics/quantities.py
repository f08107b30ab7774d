"""Quantities: a measure in a setting, for some query languages and some candidate languages."""

from dataclasses import dataclass, replace

import numpy as np

from langscale.config.study import Study
from langscale.config.terms import ALL, PAIR_SETS, SETTINGS
from langscale.retrieval.measures import MAP, MEASURES, OWN_BEFORE_OTHER, OWN_FIRST, in_table
from langscale.statistics.intervals import MARGIN, MARGIN_SHARE, NO_VARIANCE

OWN, OTHER = "own", "other"
"""Candidate languages of multi: the query's own language alone, and all other languages."""
OUTSIDE = "outside the study"
"""Among the languages of a quantity: all languages of a benchmark that are not in the study."""


@dataclass(frozen=True)
class Quantity:
    """A measure in a setting, for some languages.

    Attributes:
        setting: mono, cross or multi.
        metric: name of a measure.
        pair_set: name of a fixed set of language pairs, for the tables.
        query_languages: whose queries count; None: all. A panel translates them into the languages of its
            benchmark (`langscale.statistics.panel.Panel.index`).
        candidate_languages: whose candidates count; None: all.
        query_language: the table's column of this name.
        candidate_language: the table's column of this name. In multi, `other` and `other-...` leave out the
            candidate in the query's own language, and `own` keeps this candidate alone.
        status: `seen-unseen` and the like: the languages are those of the run's own training, and the others.
    """

    setting: str
    metric: str
    pair_set: str = ALL
    query_languages: tuple[str, ...] | None = None
    candidate_languages: tuple[str, ...] | None = None
    query_language: str = ALL
    candidate_language: str = ALL
    status: str = ALL

    def columns(self) -> dict[str, str]:
        """The columns of the tables that name the quantity."""
        names = ("setting", "query_language", "candidate_language", "pair_set", "status", "metric")
        return {name: getattr(self, name) for name in names}


LANGUAGE_BIAS = (Quantity("multi", OWN_BEFORE_OTHER.name), Quantity("multi", OWN_FIRST.name))
"""The quantities of a verdict on language bias: preference among equivalent passages, lower is less bias.

The first is the share of translations of the relevant passage behind the one in the query's language, the
second whether this one is before all of them. Both are means over queries and lie between 0 and 1. A
constant on all own-language scores moves both, and noise moves neither in a ranking without bias
(tests/unit/retrieval/test_language_bias_injection.py). Rank distance and own-language advantage count
positions and move with accuracy, so they only describe. To adjust the advantage for multilingual mAP has the
wrong sign, as bias itself lowers this mAP.
"""


@dataclass(frozen=True)
class Mix:
    """A weighted sum of quantities of the same runs, such as some languages minus others.

    Its macro average is the weighted sum of the quantities' macro averages. It has no micro average.
    """

    terms: tuple[tuple[float, Quantity], ...]


def heldout_languages(study: Study) -> tuple[str, ...]:
    """The held-out languages, and those of a benchmark outside the study; () if no language is held out."""
    return (*study.languages.heldout, OUTSIDE) if study.languages.heldout else ()


def pair_set_languages(study: Study, pair_set: str) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """(Query languages, candidate languages) of a fixed pair set. None: all languages of the benchmark."""
    sets = {"pool": tuple(study.languages.pool), "heldout": heldout_languages(study), ALL: None}
    queries, _, candidates = pair_set.partition("-")
    return sets[queries], sets[candidates or queries]


def pair_set_quantities(study: Study) -> list[Quantity]:
    """The quantities of tables/scaling.csv: relevance in every setting and fixed pair set, then language
    bias.

    The Panel leaves out the measures that a benchmark cannot give.
    """
    found = []
    for setting in SETTINGS:
        for pair_set in PAIR_SETS:
            queries, candidates = pair_set_languages(study, pair_set)
            if () in (queries, candidates) or (setting == "mono" and "-" in pair_set):
                continue
            for measure in MEASURES.values():
                tables = (*measure.tables, *measure.list_tables)
                if not measure.of_ranking or setting not in measure.settings or "scaling" not in tables:
                    continue
                found.append(Quantity(setting, measure.name, pair_set, queries, candidates))
                if setting == "multi" and pair_set == ALL:
                    found.append(replace(found[-1], candidate_language=OTHER))
    bias = [m for m in in_table("scaling") if m.of_query and (study.evaluation.controls or not m.control)]
    return found + [Quantity("multi", measure.name) for measure in bias]


def status_quantities() -> list[Quantity]:
    """Quantities of mAP by the languages of each run's training. Descriptive, as they change with n."""
    statuses = [f"{query}-{candidate}" for query in ("seen", "unseen") for candidate in ("seen", "unseen")]
    return [
        Quantity(setting, MAP.name, status=status)
        for setting in SETTINGS
        for status in statuses
        if setting != "mono" or status in ("seen-seen", "unseen-unseen")
    ]


def followed_quantities(study: Study) -> list[Quantity]:
    """The quantities of scaling curves: the measures of tables/trends.csv, in every pair set."""
    return [
        q
        for q in pair_set_quantities(study)
        if q.candidate_language == ALL and MEASURES[q.metric].shown("trends", q.setting)
    ]


def margin(
    metric: str, reference: dict[str, np.ndarray] | None
) -> tuple[np.ndarray | float, np.ndarray | float]:
    """(margin of equivalence, its standard error) of a difference or a slope of a measure; nan without a
    margin.

    A measure from 0 to 1 has the smaller of MARGIN and MARGIN_SHARE of the reference, one in positions
    MARGIN_SHARE of the reference. A fixed margin has no standard error.

    Args:
        metric: name of the measure.
        reference: estimates (mean, se, reason) of the reference; None for a measure without a margin.

    Example:
        5% of a reference of .1, and .01 for a reference of .8:

        >>> found = margin("mAP", {"mean": np.array([0.1, 0.8]), "se": np.array([0.02, 0.02])})
        >>> [part.round(4).tolist() for part in found]
        [[0.005, 0.01], [0.001, 0.0]]
    """
    kind = MEASURES[metric].margin
    if kind is None or reference is None:
        return np.nan, 0.0
    exact = np.asarray(reference.get("reason", "")) == NO_VARIANCE
    share = MARGIN_SHARE * np.abs(reference["mean"])
    spread = MARGIN_SHARE * np.where(exact, 0.0, reference["se"])
    if kind == "share":
        return share, spread
    return np.minimum(MARGIN, share), np.where(share < MARGIN, spread, 0.0)
