"""The figures, drawn from the tables of a planted study."""

import itertools

import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.lines import Line2D
from support import rendered_study as reported
from support import synthetic_study as synthetic
from support.project_copy import ROOT
from support.rendered_study import logs, read

from langscale.config.study import load
from langscale.reporting import wording
from langscale.reporting.figures import dot_plots as dots
from langscale.reporting.figures import language_matrix as matrix
from langscale.reporting.figures import line_charts as figures
from langscale.reporting.figures import style as drawing
from langscale.reporting.figures.all_figures import all_figures
from langscale.statistics.curve_shapes import curve


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def tables(folder):
    return {name: read(folder, name) for name in reported.TABLES}


def test_the_same_bytes_twice(made, folder, tmp_path):
    again = ["scaling-cross", "matrix", "transfer"]
    for name, figure in all_figures(tables(folder), logs(), made.study.languages.pool, again):
        drawing.save(figure, tmp_path, name)
        for file in (f"{name}.svg", f"{name}.png"):
            assert (tmp_path / file).read_bytes() == (folder / "figures" / file).read_bytes(), file


def test_figures_say_what_they_show(folder):
    """Text stays text in the svg: labels, lines and units can be read and searched."""

    def svg(name):
        return (folder / f"figures/{name}.svg").read_text(encoding="utf-8")

    for text in ("training languages n", "cross mAP (0 to 1)", "x-y", "hybrid 0.5", "untrained", "BM25"):
        assert f">{text}<" in svg("scaling-cross"), text
    for pair_set in ("pool", "pool-heldout", "heldout-pool", "heldout"):
        assert f">{drawing.PANELS[pair_set]}<" in svg("scaling-cross")
    for name, counts in {
        "scaling-cross": {
            "24 questions × 3 languages": 2,
            "24 questions × 2 languages": 2,
            "4 replicates": 4,
        },
        # the pool asks on both sides of pool minus pool → held-out; elsewhere all five languages ask
        "gaps": {"24 questions × 3 languages": 1, "24 questions × 5 languages": 3, "4 replicates": 4},
        "transfer": {"24 questions": 1, "24 questions × 3 languages": 1, "4 replicates": 2},
        "bias": {"24 questions × 5 languages": 3},
        "tradeoff": {"24 questions × 5 languages": 1},
        "training": {"1 run per n": 2},
        "matrix": {"candidate language; a cell: 24 questions, 4 replicates": 2},
    }.items():
        assert {text: svg(name).count(f">{text}<") for text in counts} == counts, name
    assert ">rank distance<" in svg("bias") and ">share of the top 10 (0 to 1)<" in svg("bias")
    for text in ("Grek = Greek (el) *", "Latn = Germanic (nl)", "hybrid 0.5 n=3", "n=1"):
        assert f">{text}<" in svg("transfer"), text
    assert ">InfoNCE (nats)<" in svg("training") and svg("training").count(">n = 3<") == 1
    assert ">mono mAP (0 to 1)<" in svg("tradeoff") and ">multi mAP (0 to 1)<" in svg("tradeoff")


def test_every_axis_is_named(made, folder):
    for name, figure in all_figures(
        tables(folder), logs(), made.study.languages.pool, reported.names(made.study)
    ):
        for axes in figure.axes:
            if axes.get_label() != "<colorbar>":
                assert axes.get_xlabel(), name
        assert any(axes.get_ylabel() for axes in figure.axes) or name == "transfer"
        assert figure.get_figwidth() <= 7.01, (
            name
        )  # the text of a page: letters are not made smaller in print


def test_curves_are_at_the_values_of_the_table_with_their_intervals(made, folder):
    t = tables(folder)
    axes = figures.scaling(made.tables["scaling"], t["curves"], t["published"], "cross").axes[1]
    assert axes.get_title().startswith(drawing.PANELS["pool-heldout"])
    table = made.tables["scaling"]
    rows = table[
        (table[["status", "candidate_language"]] == "all").all(axis=1)
        & (table[["setting", "pair_set", "metric"]] == ["cross", "pool-heldout", "mAP"]).all(axis=1)
    ]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    bars = [tuple(segment[:, 1]) for bar in axes.collections for segment in bar.get_segments()]
    for row in rows.to_dict("records"):
        name = {"none": "BM25", "hybrid": "hybrid 0.5"}.get(row["sampler"], row["sampler"])
        assert lines[name][1 if row["n_languages"] == 3 else 0] == row["value"]
        assert not row["n_languages"] or (row["ci_low"], row["ci_high"]) in bars
    assert len(rows) == 6 and len(bars) == 4


def test_the_chosen_curve_and_comparable_published_values_are_drawn(made, folder):
    same = {"benchmark": "cldr", "model": "tiny", "sampler": "x-y", "alpha": np.nan, "budget": "total"}
    fitted = {"ladder": "all", "setting": "cross", "pair_set": "pool", "metric": "mAP", "checkpoint": "last", "average": "macro",
              "curve": "logarithmic", "n_values": "1 3", "a": 0.25, "b": 0.125, "c": np.nan}  # fmt: skip
    chosen = pd.DataFrame([same | fitted | {"chosen": True}, same | fitted | {"chosen": False, "a": 9.0}])
    chosen = chosen.assign(n_languages=0)
    printed = {"n_languages": 3, "setting": "cross", "metric": "mAP", "query_language": "all"}
    printed = [
        same | printed | {"published": v, "verdict": w}
        for v, w in (("0.7", "differs"), ("0.1", "not comparable"))
    ]
    figure = figures.scaling(made.tables["scaling"], chosen, pd.DataFrame(printed), "cross")
    assert figure.axes[0].get_title().startswith("all languages")  # published values are of all languages
    fits = [line for axes in figure.axes for line in axes.lines if line.get_gid() == "fitted curve x-y"]
    stars = [line for axes in figure.axes for line in axes.lines if line.get_gid() == "published"]
    assert len(fits) == len(stars) == 1
    x = fits[0].get_xdata()
    assert (x[0], x[-1]) == pytest.approx((1, 3))
    np.testing.assert_allclose(fits[0].get_ydata(), curve("logarithmic", [0.25, 0.125, 0], x))
    assert [*stars[0].get_xdata(), *stars[0].get_ydata()] == [3, 0.7]
    assert stars[0].get_color() == fits[0].get_color() == drawing.looks(["x-y"])["x-y"]["color"]
    told = {text.get_text() for text in figure.legends[0].get_texts()}
    assert told >= {"fitted curve (x-y)", "published"}


def test_one_entry_of_the_legend_lists_the_samplers_with_a_fitted_curve(made, folder):
    """As narrow as other entries, with every sampler's colour, and none where nothing was fitted."""
    t = tables(folder)
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


@pytest.mark.parametrize("setting", ["cross", "multi"])
def test_titles_do_not_lie_on_each_other(made, folder, setting):
    """With as many questions and languages as XQuAD-R and NTREX have."""
    t = tables(folder)
    most = made.tables["scaling"].assign(n_each=1190, n_asked=64)
    figure = figures.scaling(most, t["curves"], t["published"], setting)
    figure.canvas.draw()
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert len(boxes) == 4 and "1,190 questions × 64 languages" in figure.axes[0].get_title()
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_samplers_look_the_same_whatever_else_is_in_the_study():
    one, many = drawing.looks(["hybrid 0.5"]), drawing.looks(["a", "x-y", "hybrid 0.5", *"bcdefgh"])
    assert one["hybrid 0.5"] == many["hybrid 0.5"]
    seen = [tuple(look.values()) for look in many.values()]
    assert len(seen) == len(set(seen)) == 11


def test_labels_of_n_do_not_lie_on_each_other():
    assert drawing._apart([1, 2, 4, 8, 16, 32, 64, 96]) == ["1", "2", "4", "8", "16", "32", "", "96"]
    assert drawing._apart([1, 2, 3, 4, 6, 8]) == ["1", "2", "3", "4", "6", "8"] and drawing._apart([9]) == [
        "9"
    ]


def test_colours_differ_in_lightness_or_marker_for_all_kinds_of_vision():
    """Okabe and Ito's palette, through Machado et al.'s (2009) matrices of full protanopia, deuteranopia, tritanopia."""
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


def test_the_matrix_shows_each_pair_and_the_gain_from_the_smallest_n(made, folder):
    table = read(folder, "pairs")
    figure = matrix.matrix(table, made.study.languages.pool)
    images = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    codes = matrix.order(synthetic.LANGUAGES)
    assert codes == ["ar", "el", "de", "en", "nl"]  # Arab, Grek, Latn
    ticks = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert ticks == ["ar", "el*", "de", "en", "nl*"]
    table = table[table["sampler"] == "x-y"]  # of two samplers without control, whatever their values
    for i, j in (("ar", "de"), ("nl", "nl"), ("el", "ar")):
        rows = table[(table["query_language"] == i) & (table["candidate_language"] == j)]
        value = rows.set_index("n_languages")["value"]
        at = (codes.index(i), codes.index(j))
        assert images[0][at] == pytest.approx(value[3]) and images[1][at] == pytest.approx(
            value[3] - value[1]
        )


@pytest.mark.parametrize("count", [28, 64])
def test_languages_of_a_large_matrix_can_still_be_read(count):
    study = load(yaml.safe_load((ROOT / "config/ntrex.yaml").read_text()))
    codes = study.languages.all[:count]
    rows = [("m", "x-y", "b", n, x, y) for n in (1, 2) for x in codes for y in codes]
    names = ["model", "sampler", "budget", "n_languages", "query_language", "candidate_language"]
    fixed = {"alpha": np.nan, "benchmark": "c", "ladder": "all", "checkpoint": "last", "average": "macro", "metric": "mAP",
             "status": "all", "n_runs": 4, "n_queries": 9}  # fmt: skip
    table = pd.DataFrame(rows, columns=names).assign(value=np.linspace(0, 1, len(rows)), **fixed)
    figure = matrix.matrix(table, codes[:3])
    figure.canvas.draw()
    axes = figure.axes[0]
    labels = axes.get_yticklabels()
    boxes = [label.get_window_extent() for label in labels]
    assert labels[0].get_fontsize() >= 4.5 and len(labels) == count
    # rows run from top to bottom, and no name lies on another
    assert all(above.y0 > below.y0 + 0.6 * below.height for above, below in itertools.pairwise(boxes))


def test_shares_are_relative_to_the_candidates(made, folder):
    table = read(folder, "shares")
    panels = figures.shares(table).axes
    names = ["the question's own language", "other pool languages", "other held-out languages"]
    assert [axes.get_title() for axes in panels] == [f"{name}\n120 questions\n4 replicates" for name in names]
    keys = [("all", "own"), ("all", "other-pool"), ("all", "other-heldout")]
    for axes, (pair_set, candidate) in zip(panels, keys, strict=True):
        rows = table[
            (table["metric"] == "share@10 ratio")
            & (table["pair_set"] == pair_set)
            & (table["candidate_language"] == candidate)
            & (table["sampler"] == "x-y")
            & (table["checkpoint"] == "last")
        ].sort_values("n_languages")
        line = next(line for line in axes.lines if line.get_label() == "x-y")
        assert line.get_ydata().tolist() == rows["value"].tolist()
        drawn = {tuple(bar[:, 1]) for bars in axes.collections for bar in bars.get_segments()}
        assert set(zip(rows["ci_low"], rows["ci_high"], strict=True)) <= drawn


def test_the_gap_is_the_difference_of_the_curves(made):
    gaps, scaling = made.tables["gaps"], made.tables["scaling"]
    scaling = scaling[
        (scaling["metric"] == "mAP") & (scaling["status"] == "all") & (scaling["candidate_language"] == "all")
    ]
    scaling = scaling[scaling["average"] == "macro"]
    keys = ["model", "sampler", "n_languages", "setting", "pair_set"]
    value = scaling.set_index(keys)["value"]
    assert len(gaps) == 6 * 7  # points; mono has one pair set with held-out languages, cross and multi three
    for row in gaps.to_dict("records"):
        of = tuple(row[key] for key in keys)
        assert row["gap"] == pytest.approx(value[(*of[:-1], "pool")] - value[of])
        assert row["ci_low"] <= row["gap"] <= row["ci_high"] and row["runs_ci_low"] <= row["runs_ci_high"]


def test_mono_against_multi_has_a_point_per_sampler_and_n(made, folder):
    empty = figures.comparable(read(folder, "published"), "mono")
    axes = dots.tradeoff(made.tables["scaling"], empty, empty).axes[0]
    table = drawing.headline(made.tables["scaling"], "mAP", "mono").query(
        "pair_set == 'all' and sampler == 'x-y'"
    )
    line = next(line for line in axes.lines if line.get_label() == "x-y")
    assert line.get_xdata().tolist() == table.sort_values("n_languages")["value"].tolist()
    told = [(text.get_text(), text.xy[0]) for text in axes.texts if text.get_text().startswith("n=")]
    assert told.count(("n=1", line.get_xdata()[0])) == 1 and ("n=3", line.get_xdata()[1]) in told


def test_labels_of_neighbouring_points_do_not_lie_on_each_other(made, folder):
    """As in docs/ntrex, where all samplers end at nearly the same place."""
    table = made.tables["scaling"]
    trained = table["n_languages"] > 0
    near = table.assign(value=table["value"].mask(trained, 0.5 + table["n_languages"] / 10))
    near = near.assign(ci_low=near["value"] - 0.05, ci_high=near["value"] + 0.05)
    near.loc[near["sampler"] == "hybrid", "value"] += 0.001
    empty = figures.comparable(read(folder, "published"), "mono")
    figure = dots.tradeoff(near, empty, empty)
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts if t.get_text().startswith("n=")]
    assert len(boxes) == 4
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_training_curves_have_one_style_per_n_in_all_panels():
    panels = figures.training(logs()[lambda t: (t["sampler"] == "x-y") | (t["n_languages"] == 3)]).axes
    colors = [{line.get_label(): line.get_color() for line in axes.lines} for axes in panels]
    assert [set(panel) for panel in colors] == [{"n=3"}, {"n=1", "n=3"}]
    assert colors[0]["n=3"] == colors[1]["n=3"] != colors[1]["n=1"]


def test_training_panels_are_called_as_elsewhere_and_count_their_runs():
    one = logs()[lambda t: t["sampler"] == "x-y"].assign(sampler="hybrid-0.5-batch")
    more = pd.concat([one, one[one["n_languages"] == 3]])  # the second run at n = 3
    titles = [axes.get_title() for axes in figures.training(more).axes]
    row = {"sampler": "hybrid-batch", "alpha": 0.5}  # as in the tables
    assert titles == [f"{wording.label(row)}\n1-2 runs per n"] == ["hybrid-batch 0.5\n1-2 runs per n"]


def test_training_curves_of_several_budgets_are_panels_of_their_own():
    several = pd.concat([logs().assign(budget=b, model="m") for b in ("fixed-total", "fixed-rows")])
    titles = [axes.get_title() for axes in figures.training(several).axes]
    assert titles == [f"{s} fixed-{b}\n1 run per n" for b in ("total", "rows") for s in ("x-x-mono", "x-y")]
