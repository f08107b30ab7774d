"""Figures of papers and their trainings, for comparison with the study's own.

figures.csv has one row per printed figure: source, table, benchmark (a set of langscale.data.benchmarks, a
key of TASKS, or another name), candidates (the ranked texts, by default the set's own), model (hub id),
training (a key of TRAININGS, or `none`: off the shelf), sampler, alpha, n_languages, setting, query_language
and candidate_language (BCP 47 or `all`: macro average), metric, value (digits as printed), note.
docs/METHOD.md, Published figures, explains the comparison.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from langscale.data.sources.squad import SQUAD

PAPER = "arXiv:2408.10536"
RANK_DISTANCE, MEDIAN = "rank distance", "median"
TASKS = {"xquad-retrieval": "xquad-r", "mlqa-retrieval": "mlqa-r"}
"""Task of mteb -> the data set with the same queries and, with `candidate_text: paragraph`, the same
candidates in mono. In cross, mteb ranks the paragraphs of those queries only that the pair of languages has.
"""


@dataclass(frozen=True)
class Training:
    """A published training. None: not printed, so not compared.

    optional: sources of negligible size. A study may lack them.
    """

    sources: frozenset[str]
    pool: frozenset[str]
    optional: frozenset[str] = frozenset()
    whole_pool: bool | None = None
    best_en: bool | None = None
    steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None


TRAININGS = {
    "mmarco+8": Training(
        frozenset(["mmarco", "nq", "wikiqa", "duorc", "newsqa", "mfaq", "mr-tydi", "yahoo-qa"]),
        frozenset(["ar", "zh", "en", "de", "hi", "ru", "es", "th", "tr"]),
        optional=frozenset(
            {"entity-questions"}
        ),  # 0.4 % of the pairs at most, and published without passages
        whole_pool=False,
        best_en=True,
        steps=20000,  # the default here; the paper prints no number
        batch_size=100,
        learning_rate=3e-5,
    ),
    "squad-translate": Training(frozenset({SQUAD.name}), frozenset(SQUAD.languages)),
    "squad": Training(frozenset({SQUAD.name}), frozenset({"en"})),
}


def data_set(benchmark: str) -> str:
    """The data set of a figure's benchmark: that of a task, else the benchmark itself."""
    return TASKS.get(benchmark, benchmark)


@cache
def figures() -> pd.DataFrame:
    """figures.csv. `value` stays text, because its digits show the rounding."""
    return pd.read_csv(
        Path(__file__).with_name("figures.csv"),
        dtype={"value": str, "table": str},
        keep_default_na=False,
        na_values={"alpha": [""], "n_languages": [""]},
    )
