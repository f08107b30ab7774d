"""Samplers under budgets of all kinds: which they are, and their readable table."""

import pytest

from langscale.reporting import layouts, wording
from langscale.reporting.budgets import joint_budgets, together

KINDS = {kind: kind for kind in ("fixed-total", "fixed-rows", "fixed-per-language")}


def test_budgets_that_are_equal_at_one_language_belong_together(swept):
    assert joint_budgets(swept.study) == [KINDS]


@pytest.mark.parametrize("missing", [0, 1])
def test_a_set_without_a_sampler_under_all_kinds_is_left_out(swept, missing):
    """At one language all kinds are the same run, so a sampler needs all of them above."""
    x_y = swept.study.grid[0]
    changed = [x_y.model_copy(update={"n": [1]}), x_y.model_copy(update={"budgets": list(KINDS)[:2]})]
    study = swept.study.model_copy(update={"grid": [changed[missing], *swept.study.grid[1:]]})
    assert joint_budgets(study) == [] and together(swept.tables["scaling"], []).empty


def test_only_samplers_with_all_kinds_are_shown(swept):
    rows = together(swept.tables["scaling"], joint_budgets(swept.study))
    assert set(rows["name"]) == {"x-y"} and set(rows["budget"]) == set(KINDS)
    assert len(rows) == 4 * 2 * 3  # places, n, kinds


def test_the_table_has_rows_and_steps_as_multiples(swept):
    table = layouts.budgets(swept.tables["scaling"], joint_budgets(swept.study))
    facts = table[[layouts.N, "rows", "steps"]].apply(tuple, axis=1).tolist()
    assert facts == [(1, "× 1", "× 1"), (3, "× 1", "× 1"), (3, "× 3", "× 1"), (3, "× 3", "× 3")]
    scaling = swept.tables["scaling"]
    for kind, place in zip(("fixed-rows", "fixed-total", "fixed-per-language"), (1, 2, 3), strict=True):
        rows = wording.headline(scaling).query(
            f"budget == '{kind}' and sampler == 'x-y' and n_languages == 3 and metric == 'mAP'"
        )
        [row] = rows.query("setting == 'cross' and pair_set == 'heldout-pool'").to_dict("records")
        assert table["cross, held-out → pool"].iloc[place] == wording.interval(row)
