"""The section `training`: values of the paper, and ranges."""

import pytest
from pydantic import ValidationError

from langscale.config.training import Training, Validation


def test_defaults_are_those_of_the_paper():
    found = Training()
    assert (found.batch_size, found.learning_rate, found.scale, found.warmup) == (100, 3e-5, 20.0, 0.1)
    assert found.validation is None and found.precision == "auto" and found.hard_negatives == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 1},  # a query without a negative
        {"learning_rate": 0},
        {"warmup": 1.1},
        {"negatives": "all"},
        {"hard_negatives": -1},
        {"precision": "fp16"},
        {"threads": True},
        {"validation": {"pairs": 1}},
        {"validation": {"languages": "heldout"}},
        {"scales": 20},
    ],
)
def test_other_values_are_refused(wrong):
    with pytest.raises(ValidationError):
        Training(**wrong)


def test_validation_is_a_section_of_its_own():
    assert Training(validation={"every": 3}).validation == Validation(every=3)
