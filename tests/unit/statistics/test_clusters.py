"""Sums by cluster against loops over queries."""

import numpy as np
import pandas as pd
import pytest

from langscale.core.random import stream
from langscale.statistics.clusters import Clusters

LANGUAGES = ("de", "en", "th")


def queries(parallel):
    """Twelve queries in six clusters; without `parallel`, some languages lack some of them."""
    rows = [
        (f"c{q // 2}", f"g{q // 4}", code)
        for q in range(12)
        for i, code in enumerate(LANGUAGES)
        if parallel or q % 4 >= i
    ]
    return pd.DataFrame(rows, columns=["cluster", "group", "language"]).sample(frac=1, random_state=1)


@pytest.mark.parametrize("by", ["cluster", "group"])
@pytest.mark.parametrize("languages, columns", [([0, 1, 2], [0, 1]), ([0, 2], [1]), ([1], [0])])
def test_sums_and_counts_by_cluster_language_and_column(by, languages, columns):
    table, rng = queries(parallel=False), stream("clusters")
    values = rng.random((len(table), 2))
    values[rng.random(values.shape) < 0.3] = np.nan
    clusters = Clusters(table, LANGUAGES, by)
    found = clusters.add(clusters.cells(values), np.array(languages), np.array(columns))
    units = [(language, column) for language in languages for column in columns]
    for c, name in enumerate(clusters.names):
        for u, (language, column) in enumerate(units):
            mine = (table[by] == name) & (table["language"] == LANGUAGES[language])
            known = values[mine.to_numpy(), column]
            known = known[~np.isnan(known)]
            assert found.sums[c, u] == pytest.approx(known.sum()) and found.counts[c, u] == len(known)
    asked = table["language"].isin([LANGUAGES[i] for i in languages]).to_numpy()
    assert found.queries == (asked & ~np.isnan(values[:, columns]).all(1)).sum()


def test_one_unit_of_means_stands_for_a_parallel_benchmark():
    table = queries(parallel=True)
    values = stream("parallel").random((len(table), 1))
    clusters = Clusters(table, LANGUAGES)
    found = clusters.add(clusters.cells(values), np.arange(3), np.array([0]))
    assert found.sums.shape == found.counts.shape == (6, 1)
    macro = np.mean([values[(table["language"] == code).to_numpy()].mean() for code in LANGUAGES])
    assert found.sums.sum() / found.counts.sum() == pytest.approx(macro)


def test_units_without_a_query_are_left_out_and_none_is_none():
    table = queries(parallel=True)
    values = np.ones((len(table), 1))
    values[(table["language"] == "th").to_numpy()] = np.nan
    values[(table["language"] == "de").to_numpy() & (table["cluster"] == "c0").to_numpy()] = np.nan
    clusters = Clusters(table, LANGUAGES)
    cells = clusters.cells(values)
    assert clusters.add(cells, np.arange(3), np.array([0])).counts.shape == (6, 2)
    assert clusters.add(cells, np.array([2]), np.array([0])) is None
