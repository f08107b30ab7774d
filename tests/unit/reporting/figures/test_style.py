"""The common parts of the figures: looks, blocks, ticks, legend."""

import itertools

import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from support.rendered_study import figure_tables

from langscale.reporting.figures import line_charts as figures
from langscale.reporting.figures import style as drawing


def test_one_entry_of_the_legend_lists_the_samplers_with_a_fitted_curve(made, folder):
    """As narrow as other entries, with every sampler's colour, and none where nothing was fitted."""
    t = figure_tables(folder)
    drawn = figures.scaling(made.tables["scaling"], t["curves"], t["published"], "cross")
    assert not t["curves"]["chosen"].eq(True).any()  # two values of n are too few
    assert not any(text.get_text().startswith("fitted") for text in drawn.legends[0].get_texts())
    row = {"line": "x-y", "curve": "logarithmic", "n_values": "2 4 8", "a": 0.2, "b": 0.1, "c": np.nan}
    names = ["x-y", "hybrid 0.5", "x-y-en-centric", "x-x"]
    figure, axes = plt.subplots()
    drawing.fits(axes, pd.DataFrame([row | {"line": name} for name in names]), drawing.looks(names))
    drawing.legend(figure)
    [text] = [text.get_text() for text in figure.legends[0].get_texts()]
    assert text.replace("\n", " ") == f"fitted curve ({', '.join(names)})"
    assert max(map(len, text.split("\n"))) <= 30
    swatches = figure.legends[0].findobj(Line2D)
    assert [line.get_color() for line in swatches] == [drawing.looks(names)[name]["color"] for name in names]


def test_samplers_look_the_same_whatever_else_is_in_the_study():
    one, many = drawing.looks(["hybrid 0.5"]), drawing.looks(["a", "x-y", "hybrid 0.5", *"bcdefgh"])
    assert one["hybrid 0.5"] == many["hybrid 0.5"]
    seen = [tuple(look.values()) for look in many.values()]
    assert len(seen) == len(set(seen)) == 11


def test_budgets_change_the_style_of_a_sampler_and_not_its_colour():
    names = [f"{sampler}, {budget}" for budget in ("total", "rows") for sampler in ("x-y", "x-x-mono")]
    found = drawing.looks(names)
    for sampler in ("x-y", "x-x-mono"):
        total, rows = found[f"{sampler}, total"], found[f"{sampler}, rows"]
        alone = drawing.looks([sampler])[sampler]
        assert total["color"] == rows["color"] == alone["color"] and total["marker"] == rows["marker"]
        assert (total["ls"], rows["ls"]) == ("-", "--")
        assert (total["mfc"], rows["mfc"]) == (total["color"], "white")


def test_labels_of_n_do_not_lie_on_each_other():
    assert drawing._tick_labels([1, 2, 4, 8, 16, 32, 64, 96]) == ["1", "2", "4", "8", "16", "32", "", "96"]
    assert drawing._tick_labels([1, 2, 3, 4, 6, 8]) == [
        "1",
        "2",
        "3",
        "4",
        "6",
        "8",
    ] and drawing._tick_labels([9]) == ["9"]


def test_colours_differ_in_lightness_or_marker_for_all_kinds_of_vision():
    """Okabe and Ito's palette through Machado et al.'s (2009) matrices for three kinds of vision."""
    kinds = [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ]
    rgb = np.array([matplotlib.colors.to_rgb(style[0]) for style in drawing.STYLES])
    for kind in [np.eye(3), *map(np.array, kinds)]:
        for a, b in itertools.combinations(rgb @ kind.T, 2):
            assert np.abs(a - b).max() > 0.1
    assert len({style[1] for style in drawing.STYLES}) == len(drawing.STYLES)


def test_many_lines_are_split_into_samplers_and_controls(made):
    table = drawing.named(drawing.headline(made.tables["scaling"], "mAP", "cross"))
    assert [block.name for block in drawing.blocks(table)] == [""]
    xy = table[table["sampler"] == "x-y"]
    more = pd.concat(
        [table, *(xy.assign(sampler=f"x-y-{i}", line=f"x-y-{i}") for i in range(8))], ignore_index=True
    )
    found = list(drawing.blocks(more))
    assert [block.name for block in found] == ["total", "total, controls"]
    assert [block.rows.query("n_languages > 0")["line"].nunique() for block in found] == [2, 8]
    assert all((block.rows["n_languages"] == 0).any() for block in found)


def test_blocks_beyond_a_page_are_named_instead_of_drawn(folder):
    """A study of many benchmarks, models and budgets: no figure is taller than a page."""
    t = figure_tables(folder)
    copies = [t["scaling"].assign(benchmark=f"b{i}") for i in range(3)]
    many = pd.concat([copy.replace({"model": {"tiny": m}}) for copy in copies for m in "pqr"])
    figure = figures.scaling(many, t["curves"], t["published"], "cross")
    assert figure.get_figheight() <= drawing.TALLEST + 1
    [note] = [legend.get_title().get_text() for legend in figure.legends]
    assert note.replace("\n", " ") == "Not drawn, for lack of room: b2, p; b2, q; b2, r."
    assert len(figure.axes) == 6 * 4


def test_panels_without_data_are_not_drawn(folder):
    t = figure_tables(folder)
    other = t["scaling"].query("pair_set == 'pool'").assign(benchmark="pool only")
    figure = figures.scaling(pd.concat([t["scaling"], other]), t["curves"], t["published"], "cross")
    assert len(figure.axes) == 4 + 1 and all(axes.has_data() for axes in figure.axes)
    assert figure.axes[-1].get_ylabel() == "cross mAP (0 to 1)\npool only, tiny"


def test_a_logit_axis_covers_all_shares_but_the_ends():
    _, axes = plt.subplots()
    drawing.logit_axis(axes, [0.02, 0.5, 0.98, 1.0, 0.0, float("nan")])
    low, high = axes.get_ylim()
    assert axes.get_yscale() == "logit" and 0.01 < low < 0.02 and 0.98 < high < 0.99
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "0.03",
        "0.1",
        "0.25",
        "0.5",
        "0.75",
        "0.9",
        "0.97",
    ]
    _, plain = plt.subplots()
    drawing.logit_axis(plain, [0.0, 1.0])
    assert plain.get_yscale() == "linear"
