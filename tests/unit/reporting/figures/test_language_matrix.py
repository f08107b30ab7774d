"""The language matrix, against the table of pairs."""

import itertools

import numpy as np
import pandas as pd
import pytest
import yaml
from support import synthetic_study as synthetic
from support.project_copy import ROOT
from support.rendered_study import read

from langscale.config.study import load
from langscale.reporting.figures import language_matrix as matrix


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


def test_queries_and_candidates_may_be_in_different_languages():
    """As in tatoeba: the English sentences of each pair are a corpus of their own."""
    names = ["n_languages", "query_language", "candidate_language", "value"]
    rows = [(n, code, f"en-x-{code}", n / 10) for n in (1, 2) for code in ("ar", "de")]
    fixed = {"model": "m", "sampler": "x-y", "budget": "b", "alpha": np.nan, "benchmark": "tatoeba",
             "ladder": "all", "checkpoint": "last", "average": "macro", "metric": "mAP", "status": "all",
             "setting": "cross", "n_runs": 4, "n_queries": 9}  # fmt: skip
    figure = matrix.matrix(pd.DataFrame(rows, columns=names).assign(**fixed), ["en", "de"])
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["ar*", "de"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["en-x-ar", "en-x-de"]
    image = axes.images[0].get_array()
    assert image[0, 0] == image[1, 1] == 0.2 and image.mask.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("count", [28, 64])
def test_languages_of_a_large_matrix_can_still_be_read(count):
    study = load(yaml.safe_load((ROOT / "config/ntrex.yaml").read_text()))
    codes = study.languages.all[:count]
    rows = [("m", "x-y", "b", n, x, y) for n in (1, 2) for x in codes for y in codes]
    names = ["model", "sampler", "budget", "n_languages", "query_language", "candidate_language"]
    fixed = {"alpha": np.nan, "benchmark": "c", "ladder": "all", "checkpoint": "last", "average": "macro",
             "metric": "mAP",
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
