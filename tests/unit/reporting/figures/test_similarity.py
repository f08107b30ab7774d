"""Gain against similarity, from a planted table."""

import numpy as np
import pandas as pd

from langscale.reporting.figures.similarity import similarity

GAINS = {"nl": (0.6, 0.09), "it": (0.5, 0.08), "el": (0.01, 0.01), "ja": (None, 0.02)}
"""Language -> similarity, gain."""


def table(**changes) -> pd.DataFrame:
    fixed = {
        "model": "tiny", "alpha": None, "ladder": "all", "benchmark": "cldr", "setting": "cross",
        "pair_set": "heldout-pool", "metric": "mAP", "checkpoint": "last", "average": "macro",
        "n_languages": 9, "reference_n_languages": 1, "n_runs": 8, "n_queries": 60,
    }  # fmt: skip
    rows = [
        fixed
        | {"sampler": sampler, "budget": budget, "language": code, "similarity": x, "gain": scale * y}
        | {"ci_low": scale * y - 0.01, "ci_high": scale * y + 0.01}
        for sampler in ("x-y", "x-x-mono")
        for budget, scale in (("total", 1), ("rows", 0.5))
        for code, (x, y) in GAINS.items()
    ]
    return pd.DataFrame([row | changes for row in rows]).astype({"similarity": float})


def test_a_point_for_each_language_with_its_interval_and_the_line_of_least_squares():
    panels = similarity(table()).axes
    assert [axes.get_title().partition(":")[0] for axes in panels] == ["x-x-mono", "x-y"]
    for axes in panels:
        [points] = [line for line in axes.lines if line.get_marker() == "o"]
        assert points.get_xdata().tolist() == [0.01, 0.5, 0.6]  # the first budget, without ja
        assert points.get_ydata().tolist() == [0.01, 0.08, 0.09]
        bars = [bar[:, 1].tolist() for bars in axes.collections for bar in bars.get_segments()]
        np.testing.assert_allclose(bars, [[0.0, 0.02], [0.07, 0.09], [0.08, 0.1]])
        assert {text.get_text() for text in axes.texts} == {"el", "it", "nl"}
        [fit] = [line for line in axes.lines if line.get_gid() == "least squares"]
        slope = np.diff(fit.get_ydata()) / np.diff(fit.get_xdata())
        np.testing.assert_allclose(slope, np.polyfit([0.01, 0.5, 0.6], [0.01, 0.08, 0.09], 1)[0])
        assert "1 to 9 languages" in axes.get_ylabel()


def test_without_a_similarity_nothing_is_drawn():
    assert not similarity(table(similarity=None)).axes
