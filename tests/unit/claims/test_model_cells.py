"""Cells of one model: which budget, which n, and the controls of a part."""

import pytest
from support.planted_panel import study

from langscale.claims.model_cells import Design, needs_heldout, part, scored_points
from langscale.claims.parts import ABOVE, Missing
from langscale.design.grid import Grid


def design(**how):
    return Design(Grid(study("C3", **how)), "narrow", "xquad-r")


def test_numbers_of_languages_and_the_largest_common_one():
    grid = [{"samplers": ["x-x-mono"], "n": [1, 2, 4]}, {"samplers": ["x-y"], "n": [2, 3]}]
    d = design(grid=grid)
    assert (d.ns("x-x-mono"), d.ns("x-y"), d.ns("hybrid")) == ([1, 2, 4], [2, 3], [])
    assert d.top("x-x-mono", "x-y") == 2 and d.top("x-x-mono") == 4 and d.top("hybrid") == 0
    assert d.curve() == ("x-x-mono", [1, 2, 4])


def test_a_cell_that_the_grid_lacks_says_so():
    d = design(samplers=["x-x-mono"], n=[1, 4])
    for sampler, n, reason in (
        ("x-y", 4, "x-y is not in the grid"),
        ("x-x-mono", 2, "x-x-mono has no n = 2"),
        ("x-x-mono", 0, "there is no n above 1 that its samplers share"),
    ):
        with pytest.raises(Missing) as error:
            d.point(sampler, n)
        assert str(error.value) == reason


def test_weights_of_a_slope_sum_to_zero_and_give_the_gain_per_doubling():
    d = design(samplers=["x-x-mono"])
    cells = d.slope("x-x-mono", [1, 2, 4], -1.0)
    assert [cell.n for cell in cells] == [1, 2, 4]
    assert sum(cell.weight for cell in cells) == pytest.approx(0)
    assert sum(
        cell.weight * value for cell, value in zip(cells, (0.1, 0.3, 0.5), strict=True)
    ) == pytest.approx(-0.2)


def test_a_part_about_n_has_the_same_sum_of_the_controls():
    d = design()
    one = part(ABOVE, d.quantity("cross"), "x-y, n = 4 minus 2", d.change("x-y", 4, 2), about_n=True)
    assert [(w, p.sampler, p.n_languages) for w, p in one.terms] == [(1.0, "x-y", 4), (-1.0, "x-y", 2)]
    assert [(w, p.sampler, p.n_languages) for w, p in one.control] == [
        (1.0, "x-y-batch", 4), (-1.0, "x-y-batch", 2)
    ]  # fmt: skip
    # a sampler without need of a control is its own
    mono = part(ABOVE, d.quantity("cross"), "", d.change("x-x-mono", 4, 2), about_n=True)
    assert mono.terms and mono.control == ()


def test_a_part_without_control_is_described_but_not_tested():
    d = design(samplers=["x-y"])
    one = part(ABOVE, d.quantity("cross"), "", d.change("x-y", 4, 2), about_n=True)
    assert one.terms and one.uncontrolled == "the control is missing: x-y-batch is not in the grid"


def test_a_part_about_held_out_languages_needs_some():
    d = design()
    one = part(ABOVE, d.heldout("cross"), "", d.minus("hybrid", "x-y", 4))
    assert needs_heldout(d, one) == one and one.quantity.query_languages == ("el", "vi")
    bare = design(languages={"pool": ["en", "de", "hi", "th"]})
    assert needs_heldout(bare, one).missing == "no language is held out"


def test_points_have_the_runs_that_a_benchmark_scores():
    grid = Grid(study("C3", samplers=["x-y"], n=[2], benchmarks={"xquad-r": {"seeds": [2, 3]}}))
    assert {seed for point in scored_points(grid, "xquad-r") if point.trained for seed, _ in point.runs} == {
        2,
        3,
    }
