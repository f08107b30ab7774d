"""The parts of the gain, drawn from a planted table."""

import pandas as pd
import pytest

from langscale.reporting.figures.decomposition import decomposition

PARTS = {"gain": 0.5, "languages": 0.125, "rows": 0.375}


def table(**changes) -> pd.DataFrame:
    """Two samplers, two settings, two numbers of languages; languages are a quarter of each gain."""
    fixed = {
        "model": "tiny", "alpha": None, "budget": "total", "ladder": "all", "benchmark": "cldr",
        "metric": "mAP", "checkpoint": "last", "average": "macro",
    }  # fmt: skip
    rows = [
        fixed
        | {"sampler": sampler, "n_languages": n, "setting": setting, "pair_set": pair_set, "part": part}
        | {"difference": n * value, "ci_low": n * value - 0.25, "ci_high": n * value + 0.25}
        for sampler in ("x-y", "x-x-mono")
        for n in (2, 4)
        for setting, pair_set in (("cross", "heldout"), ("multi", "all"))
        for part, value in PARTS.items()
    ]
    return pd.DataFrame([row | changes for row in rows])


def test_parts_at_the_largest_number_with_their_intervals():
    figure = decomposition(table())
    assert [axes.get_title() for axes in figure.axes] == ["x-x-mono", "x-y"]
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["cross, held-out \u2192 held-out", "multi"]
    for axes in figure.axes:
        drawn = [
            line
            for line in axes.lines
            if line.get_label() in ("gain", "languages, at equal rows", "more rows")
        ]
        assert [line.get_xdata()[0] for line in drawn] == [4 * value for value in PARTS.values()] * 2
        bars = [segment[:, 0].tolist() for bar in axes.collections for segment in bar.get_segments()]
        assert bars == [[4 * value - 0.25, 4 * value + 0.25] for value in PARTS.values()] * 2
        assert "1 to 4 languages" in axes.get_xlabel()


@pytest.mark.parametrize("changes", [{"metric": "R@1"}, {"ci_low": float("nan")}])
def test_no_map_is_a_blank_and_no_interval_no_bar(changes):
    figure = decomposition(table(**changes))
    assert not figure.axes or not any(axes.collections for axes in figure.axes)
