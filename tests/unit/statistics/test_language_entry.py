"""The entry of a language into the training set: a slow regression, planted effects, undefined designs."""

import itertools

import numpy as np
import pytest
from support.slow_statistics import regression_with_dummies

from langscale.core.random import stream
from langscale.statistics.language_entry import entry_weights, status


def seen_of(sizes, order):
    return np.array([[order.index(i) < k for i in range(len(order))] for k in sizes])


@pytest.mark.parametrize("setting", ["cross", "mono"])
def test_entry_is_a_regression_with_pair_and_run_effects(setting):
    rng = stream("entry", setting)
    asked, offered = np.array(
        [(x, y) for x in range(6) for y in range(6) if (x == y) == (setting == "mono")]
    ).T
    x = status(seen_of((1, 2, 4, 6), [0, 3, 1, 5, 2, 4]), asked, offered, setting)
    weights = entry_weights(x)
    noisy = rng.random(x.shape[1:])
    assert np.einsum("enp,np->e", weights, noisy) == pytest.approx(regression_with_dummies(noisy, x))
    true = np.array([0.02, -0.01, 0.08])[: len(x)]
    planted = rng.random(x.shape[1])[:, None] + rng.random(x.shape[2]) + np.einsum("e,enp->np", true, x)
    assert np.einsum("enp,np->e", weights, planted) == pytest.approx(true)
    # no level of a pair or a run comes through
    assert np.abs(weights.sum(1)).max() < 1e-12 and np.abs(weights.sum(2)).max() < 1e-12


def test_entry_is_refused_where_all_pairs_enter_together():
    asked, offered = np.array(list(itertools.permutations(range(4), 2))).T
    order = [0, 1, 2, 3]
    assert entry_weights(status(seen_of((1, 4), order), asked, offered, "cross")) is None
    assert entry_weights(status(seen_of((4,), order), asked, offered, "cross")) is None
    assert entry_weights(status(seen_of((1, 2, 4), order), asked, offered, "cross")) is not None
