"""The sections `budgets` and `grid`: single values; the grid as a whole is tested in tests/unit/design."""

import pytest
from pydantic import ValidationError

from langscale.config.runs import Arm, Budget
from langscale.core.errors import UserError


def test_defaults():
    budget = Budget(kind="fixed-total", steps=10)
    assert budget.pairs is None and budget.sources is None and budget.whole_pool
    arm = Arm(samplers=["x-y"], n=[1, 2])
    assert arm.ladders == "random" and arm.models is None and arm.budgets is None and arm.replicates is None


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "total"}, {"steps": 0}, {"steps": 1.5}, {"pairs": 0}, {"sources": []}, {"sources": ["a", "a"]}],
)
def test_a_budget_is_refused(wrong):
    with pytest.raises(ValidationError):
        Budget(**{"kind": "fixed-total", "steps": 10} | wrong)


@pytest.mark.parametrize(
    "wrong", [{"n": []}, {"n": [0]}, {"samplers": []}, {"ladders": "fixed"}, {"replicates": 0}]
)
def test_an_arm_is_refused(wrong):
    with pytest.raises(ValidationError):
        Arm(**{"samplers": ["x-y"], "n": [1]} | wrong)


def test_an_unknown_sampler_is_named():
    with pytest.raises((UserError, ValidationError), match="x-z"):
        Arm(samplers=["x-y", "x-z"], n=[1])
