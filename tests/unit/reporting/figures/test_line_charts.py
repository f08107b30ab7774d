"""Lines against the number of training languages and the training step, from a planted study."""

import itertools

import numpy as np
import pandas as pd
import pytest
from support.rendered_study import figure_tables, logs, read

from langscale.reporting import wording
from langscale.reporting.figures import line_charts as figures
from langscale.reporting.figures import style as drawing
from langscale.statistics.curve_shapes import curve


def test_curves_are_at_the_values_of_the_table_with_their_intervals(made, folder):
    t = figure_tables(folder)
    axes = figures.scaling(made.tables["scaling"], t["curves"], t["published"], "cross").axes[1]
    assert axes.get_title().startswith(wording.PAIR_SETS["pool-heldout"])
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
    fitted = {"ladder": "all", "setting": "cross", "pair_set": "pool", "metric": "mAP", "checkpoint": "last",
              "average": "macro",
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


@pytest.mark.parametrize("setting", ["cross", "multi"])
def test_titles_do_not_lie_on_each_other(made, folder, setting):
    """With as many questions and languages as XQuAD-R and NTREX have."""
    t = figure_tables(folder)
    most = made.tables["scaling"].assign(n_queries_each=1190, n_query_languages=64)
    figure = figures.scaling(most, t["curves"], t["published"], setting)
    figure.canvas.draw()
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert len(boxes) == 4 and "1,190 queries × 64 languages" in figure.axes[0].get_title()
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_preferences_have_the_value_without_preference(made):
    """1/2 for two passages, 1/5 for the first of the five translations."""
    table = made.tables["scaling"]
    panels = {axes.get_title().partition("\n")[0]: axes for axes in figures.preference(table).axes}
    neutral = {
        "own before other": 0.5,
        "own first": 0.2,
        "English before other": 0.5,
        "English before own": 0.5,
    }
    assert set(panels) == set(neutral)
    for metric, axes in panels.items():
        lines = {line.get_label(): line.get_ydata() for line in axes.lines}
        assert list(lines["no preference"]) == [neutral[metric]] * 2
        rows = table[(table["metric"] == metric) & (table["sampler"] == "x-y")].sort_values("n_languages")
        assert lines["x-y"].tolist() == rows["value"].tolist()
        drawn = {tuple(bar[:, 1]) for bars in axes.collections for bar in bars.get_segments()}
        assert set(zip(rows["ci_low"], rows["ci_high"], strict=True)) <= drawn
        low, high = axes.get_ylim()
        assert low < min(neutral[metric], rows["ci_low"].min()) and high > rows["ci_high"].max()


def test_a_study_without_english_has_no_preference_for_it(made):
    table = made.tables["scaling"][lambda t: ~t["metric"].str.contains("English")]
    assert len(figures.preference(table).axes) == 2


def test_a_baseline_far_from_the_lines_is_a_number(made):
    table = made.tables["scaling"].copy()
    far = (table["metric"] == "rank distance") & (table["sampler"] == "untrained")
    table.loc[far, ["value", "ci_low", "ci_high"]] = 12345.0
    distance, advantage = figures.bias(table).axes
    assert [text.get_text() for text in distance.texts if text.get_text()] == ["untrained 12,345"]
    assert "untrained" not in {line.get_label() for line in distance.lines}
    assert "untrained" in {line.get_label() for line in advantage.lines}


def test_shares_are_relative_to_the_candidates(made, folder):
    table = read(folder, "shares")
    panels = figures.shares(table).axes
    names = ["the query's own language", "other pool languages", "other held-out languages"]
    assert [axes.get_title() for axes in panels] == [f"{name}\n120 queries\n4 replicates" for name in names]
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


def test_training_curves_have_one_style_per_n_in_all_panels():
    panels = figures.training(logs()[lambda t: (t["sampler"] == "x-y") | (t["n_languages"] == 3)]).axes
    colors = [{line.get_label(): line.get_color() for line in axes.lines} for axes in panels]
    assert [set(panel) for panel in colors] == [{"3 languages"}, {"1 language", "3 languages"}]
    assert colors[0]["3 languages"] == colors[1]["3 languages"] != colors[1]["1 language"]


def test_training_panels_are_called_as_elsewhere_and_count_their_runs():
    one = logs()[lambda t: t["sampler"] == "x-y"].assign(sampler="hybrid-0.5-batch")
    more = pd.concat([one, one[one["n_languages"] == 3]])  # the second run at n = 3
    titles = [axes.get_title() for axes in figures.training(more).axes]
    row = {"sampler": "hybrid-batch", "alpha": 0.5}  # as in the tables
    assert titles == [f"{wording.label(row)}\n1-2 runs per line"] == ["hybrid-batch 0.5\n1-2 runs per line"]


def test_training_curves_of_several_budgets_are_panels_of_their_own():
    several = pd.concat([logs().assign(budget=b, model="m") for b in ("fixed-total", "fixed-rows")])
    titles = [axes.get_title() for axes in figures.training(several).axes]
    assert titles == [
        f"{s} fixed-{b}\n1 run per line" for b in ("total", "rows") for s in ("x-x-mono", "x-y")
    ]
