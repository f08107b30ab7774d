"""Measures against alpha, from a planted study."""

from langscale.reporting.figures.alphas import along_alpha, alphas


def test_a_line_goes_from_x_y_over_the_hybrids_to_x_x_mono(swept):
    scaling = swept.tables["scaling"]
    figure = alphas(scaling)
    titles = [axes.get_title().partition("\n")[0] for axes in figure.axes]
    assert titles == ["mono mAP", "cross mAP", "multi mAP", "own before other"]
    [line] = [line for line in figure.axes[1].lines if line.get_label() == "3 languages"]
    assert line.get_xdata().tolist() == [0, 0.25, 0.5, 1]
    rows = scaling.query(
        "setting == 'cross' and pair_set == 'all' and metric == 'mAP' and budget == 'fixed-total' and "
        "n_languages == 3 and status == 'all' and average == 'macro' and candidate_language == 'all'"
    )
    value = rows.set_index(["sampler", rows["alpha"].fillna(-1)])["value"]
    keys = [("x-y", -1), ("hybrid", 0.25), ("hybrid", 0.5), ("x-x-mono", -1)]
    assert line.get_ydata().tolist() == [value[key] for key in keys]
    bars = [bar for bars in figure.axes[1].collections for bar in bars.get_segments()]
    assert len(bars) == 4


def test_budgets_with_one_alpha_and_one_language_are_no_sweep(swept, made):
    found = along_alpha(swept.tables["scaling"])
    assert set(found["budget"]) == {"fixed-total"} and set(found["n_languages"]) == {3}
    assert along_alpha(made.tables["scaling"]).empty and not alphas(made.tables["scaling"]).axes
