"""Held-out languages by script and branch, from the table of a planted study."""

import pytest
from support.rendered_study import read

from langscale.reporting.figures.transfer import _short, transfer


def test_points_are_the_values_of_each_group(folder):
    table = read(folder, "transfer")
    axes = transfer(table).axes[0]
    groups = [text.get_text() for text in axes.get_yticklabels()]
    assert groups == ["Latin script, Germanic (nl)", "Greek script, Greek (el) *"]
    rows = table.query("setting == 'cross' and pair_set == 'heldout-pool' and languages == 'nl'")
    row = rows.query("sampler == 'x-y' and n_languages == 3").iloc[0]
    drawn = [line for line in axes.lines if line.get_label() == "x-y, 3 languages"]
    assert drawn[0].get_xdata()[0] == pytest.approx(row["value"]) and round(drawn[0].get_ydata()[0]) == 0
    assert {line.get_label() for line in axes.lines} == {
        "BM25",
        "untrained",
        "1 language",
        "x-y, 3 languages",
        "hybrid 0.5, 3 languages",
    }


def test_without_held_out_languages_it_says_so(folder):
    assert transfer(read(folder, "transfer")[:0]).axes == []


def test_long_lists_of_codes_are_cut():
    assert _short("aa bb cc") == "aa bb cc"
    assert _short("a b c d e f g h i") == "a b c d e f g +2"
