"""The gain over the smallest number of training languages, against contrasts and replicates."""

import numpy as np
import pandas as pd
import pytest
from support import synthetic_study as synthetic
from support.rendered_study import read

from langscale.reporting.figures.gain import KEYS, gain, gains


@pytest.fixture(scope="module")
def found(folder):
    return gains(read(folder, "contrasts"), read(folder, "seeds"), "cross")


def test_lines_are_the_contrasts_with_the_smallest_number(found, made):
    contrasts = made.tables["contrasts"].query(
        "metric == 'mAP' and setting == 'cross' and average == 'macro'"
    )
    assert len(found.lines) == 2 * 5  # samplers x pair sets, three languages against one
    for row in found.lines.to_dict("records"):
        same = contrasts[
            (contrasts["cell_sampler"] == row["sampler"])
            & (contrasts["reference_sampler"] == row["sampler"])
            & (contrasts["pair_set"] == row["pair_set"])
            & (contrasts["cell_n_languages"] == 3)
            & (contrasts["reference_n_languages"] == 1)
        ]
        assert same["difference"].item() == pytest.approx(row["difference"], rel=1e-5)
        assert (row["start"], row["n_languages"]) == (1, 3) and row["ci_low"] < row["difference"] < row[
            "ci_high"
        ]


def test_a_contrast_with_the_shared_runs_of_one_language_stays_in_its_line(folder, found):
    contrasts, seeds = read(folder, "contrasts"), read(folder, "seeds")
    change = (contrasts["reference_n_languages"] == 1) & (contrasts["cell_n_languages"] == 3)
    more = contrasts[change].assign(cell_budget="equal")  # the reference keeps the name of the first budget
    contrasts = pd.concat([contrasts, more], ignore_index=True)
    three = seeds[seeds["n_languages"] == 3].assign(budget="equal")
    one = seeds[seeds["n_languages"] == 1].assign(budget="equal")
    both = gains(contrasts, pd.concat([seeds, one, three]), "cross").lines
    assert both.groupby("budget").size().tolist() == [len(found.lines)] * 2
    assert not both.duplicated([*KEYS, "n_languages"]).any()
    # without runs of one language in the budget the contrast is with another condition
    assert len(gains(contrasts, pd.concat([seeds, three]), "cross").lines) == len(found.lines)


def test_a_line_that_begins_later_than_the_others_is_left_out(folder, found):
    contrasts, seeds = read(folder, "contrasts"), read(folder, "seeds")
    along = (contrasts["reference_n_languages"] == 1) & (contrasts["cell_n_languages"] == 3)
    later = contrasts[along & (contrasts["cell_sampler"] == contrasts["reference_sampler"])]
    later = later.assign(cell_sampler="x-y-batch", reference_sampler="x-y-batch")
    later = later.assign(cell_n_languages=9, reference_n_languages=3)
    more = gains(pd.concat([contrasts, later], ignore_index=True), seeds, "cross")
    assert set(more.lines["sampler"]) == set(found.lines["sampler"]) and (more.lines["start"] == 1).all()
    assert len(more.untrained) == len(found.untrained)


def test_a_line_is_the_mean_of_its_replicates(found):
    means = found.replicates.groupby([*KEYS, "n_languages"])["difference"].agg(["mean", "size"])
    lines = found.lines.set_index([*KEYS, "n_languages"])["difference"]
    assert (means["size"] == 4).all() and set(means.index) == set(lines.index)
    np.testing.assert_allclose(means["mean"], lines[means.index], atol=2e-6)


def test_the_untrained_encoder_has_the_opposite_sign_of_its_contrast(found, made):
    contrasts = made.tables["contrasts"].query(
        "metric == 'mAP' and setting == 'cross' and average == 'macro' and pair_set == 'pool' and "
        "reference_sampler == 'untrained' and cell_n_languages == 1 and cell_sampler == 'x-y'"
    )
    row = found.untrained.query("pair_set == 'pool' and sampler == 'x-y'").iloc[0]
    assert row["difference"] == pytest.approx(-contrasts["difference"].item(), rel=1e-5)
    assert row["ci_low"] == pytest.approx(-contrasts["ci_high"].item(), rel=1e-5)
    assert row["ci_low"] < row["difference"] < row["ci_high"]


def test_the_figure_draws_them(folder, found):
    figure = gain(read(folder, "contrasts"), read(folder, "seeds"))
    assert len(figure.axes) == 4
    axes = figure.axes[0]
    row = found.lines.query("pair_set == 'pool' and sampler == 'x-y'").iloc[0]
    line = next(line for line in axes.lines if line.get_label() == "x-y")
    assert line.get_ydata().tolist() == [0, row["difference"]] and line.get_xdata()[0] == 1
    bars = [tuple(segment[:, 1]) for bar in axes.collections for segment in bar.get_segments()]
    assert (row["ci_low"], row["ci_high"]) in bars
    points = [line for line in axes.lines if line.get_marker() == "." and len(line.get_ydata()) == 4]
    assert len(points) == 2  # a set of replicates per sampler
    assert figure.axes[0].get_ylabel() == "gain in cross mAP\nover 1 language"


def test_named_orders_are_no_replicates_and_one_number_has_no_gain(tmp_path):
    grid = [{"samplers": ["x-y"], "n": [1, 3]}, {"samplers": ["x-y"], "n": [2], "ladders": ["far"]}]
    made = synthetic.Made(
        tmp_path, True, grid=grid, ladders={"far": ["ar", "en", "de"]}, statistics={"resamples": 100}
    )
    seeds = made.tables["seeds"]
    assert "far" in set(seeds["ladder"])
    found = gains(made.tables["contrasts"], seeds, "cross")
    assert set(found.replicates["n_languages"]) == {3} and set(found.lines["n_languages"]) == {3}
    alone = made.tables["contrasts"].query("reference_n_languages == 0")
    assert gains(alone, seeds, "cross").lines.empty
    assert gain(alone, seeds).axes == []


def test_without_intervals_the_points_stand_alone(folder):
    few = read(folder, "contrasts").assign(ci_low=float("nan"), ci_high=float("nan"))
    figure = gain(few, read(folder, "seeds"))
    assert len(figure.axes) == 4 and not any(axes.collections for axes in figure.axes)


def test_an_untrained_encoder_far_below_is_a_number_and_leaves_the_axis_to_the_gains(folder):
    contrasts = read(folder, "contrasts")
    of_untrained = contrasts["reference_sampler"] == "untrained"
    contrasts.loc[of_untrained, "difference"] = 5.0
    figure = gain(contrasts, read(folder, "seeds"))
    for axes in figure.axes:
        assert "untrained -5.00" in [text.get_text() for text in axes.texts]
        assert "untrained" not in [line.get_label() for line in axes.lines] and axes.get_ylim()[0] > -1
