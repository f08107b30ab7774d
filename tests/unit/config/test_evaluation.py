"""The section `evaluation`."""

import pytest
from pydantic import ValidationError

from langscale.config.evaluation import Evaluation


def test_defaults_and_ranges():
    found = Evaluation()
    assert (found.top_k, found.bm25, found.controls, found.bm25_ngrams) == (100, True, False, (2, 4))
    for wrong in ({"top_k": 99}, {"top_k": 100_001}, {"bm25_ngrams": (0, 4)}, {"bm25_ngrams": (2, 3, 4)}):
        with pytest.raises(ValidationError):
            Evaluation(**wrong)


def test_the_shortest_n_gram_goes_first():
    assert Evaluation(bm25_ngrams=(3, 3)).bm25_ngrams == (3, 3)
    with pytest.raises(ValidationError, match="the shortest goes before the longest"):
        Evaluation(bm25_ngrams=(4, 2))
