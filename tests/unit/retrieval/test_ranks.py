"""Ranks over several relevant candidates of a language, and positions of names."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from langscale.retrieval.ranks import Ranks, best, positions


@given(arrays.arrays(np.int32, st.tuples(st.integers(1, 5), st.just(6)), elements=st.integers(0, 9)))
def test_the_best_rank_of_a_language_by_plain_loops(ranks):
    for languages in (1, 2, 3, 6):
        expected = [
            [min((r for r in row[language::languages] if r > 0), default=0) for language in range(languages)]
            for row in ranks.tolist()
        ]
        found = best(ranks, languages)
        assert found.tolist() == expected and found.dtype == ranks.dtype


def test_positions_and_the_language_of_a_query():
    assert positions(("ar", "de"), pd.Series(["de", "xx", "ar"])).tolist() == [1, -1, 0]
    queries = pd.DataFrame({"question_id": ["a", "b"], "cluster": "c", "language": ["zh", "ar"]})
    none = np.zeros((2, 3), np.int32)
    assert Ranks(queries, ("ar", "de", "zh"), none, none, none, 9).own.tolist() == [2, 0]
