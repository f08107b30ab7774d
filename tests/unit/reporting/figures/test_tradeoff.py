"""Mono against multi, from the scores of a planted study."""

import itertools

from support.rendered_study import read

from langscale.reporting.figures import line_charts as figures
from langscale.reporting.figures import style as drawing
from langscale.reporting.figures import tradeoff


def test_mono_against_multi_has_a_point_per_sampler_and_n(made, folder):
    empty = figures.comparable(read(folder, "published"), "mono")
    axes = tradeoff.tradeoff(made.tables["scaling"], empty, empty).axes[0]
    table = drawing.headline(made.tables["scaling"], "mAP", "mono").query(
        "pair_set == 'all' and sampler == 'x-y'"
    )
    line = next(line for line in axes.lines if line.get_label() == "x-y")
    assert line.get_xdata().tolist() == table.sort_values("n_languages")["value"].tolist()
    told = [
        (text.get_text(), text.xy[0])
        for text in axes.texts
        if text.get_text().endswith(("language", "languages"))
    ]
    assert (
        told.count(("1 language", line.get_xdata()[0])) == 1 and ("3 languages", line.get_xdata()[1]) in told
    )


def test_labels_of_neighbouring_points_do_not_lie_on_each_other(made, folder):
    """As in docs/ntrex-full, where all samplers end at nearly the same place."""
    table = made.tables["scaling"]
    trained = table["n_languages"] > 0
    near = table.assign(value=table["value"].mask(trained, 0.5 + table["n_languages"] / 10))
    near = near.assign(ci_low=near["value"] - 0.05, ci_high=near["value"] + 0.05)
    near.loc[near["sampler"] == "hybrid", "value"] += 0.001
    empty = figures.comparable(read(folder, "published"), "mono")
    figure = tradeoff.tradeoff(near, empty, empty)
    figure.canvas.draw()
    boxes = [
        t.get_window_extent()
        for t in figure.axes[0].texts
        if t.get_text().endswith(("language", "languages"))
    ]
    assert len(boxes) == 4
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
