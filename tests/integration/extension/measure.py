"""A measure: the reciprocal rank."""

import numpy as np

from langscale.config.terms import SETTINGS
from langscale.retrieval.measures import Measure

RECIPROCAL_RANK = Measure(
    "RR",
    "1 / rank of the first relevant candidate",
    "trec_eval, recip_rank",
    of_ranking=lambda ranks, relevant: 1 / np.where(ranks > 0, ranks, np.inf).min(axis=1),
    tables={"scaling": SETTINGS, "main": SETTINGS},
    margin="absolute",
)
