"""Slow twins of statistics: a regression with dummies, and a permutation test over all orders."""

import itertools

import numpy as np
from scipy import stats


def regression_with_dummies(values, indicators):
    """Least squares with a dummy for every pair and run, the slow way."""
    e, n, p = indicators.shape
    design = [
        indicators[:, i, j].tolist() + np.eye(n)[i].tolist() + np.eye(p)[j].tolist()
        for i in range(n)
        for j in range(p)
    ]
    return np.linalg.lstsq(np.array(design), values.ravel(), rcond=None)[0][:e]


def slow_association(x, y):
    """Correlation after taking out the mean over ladders, and the share of orders that reach it."""
    y = y - y.mean(1, keepdims=True)

    def correlation(order):
        moved = x[:, list(order)]
        return stats.pearsonr((moved - moved.mean(1, keepdims=True)).ravel(), y.ravel())[0]

    every = [abs(correlation(order)) for order in itertools.permutations(range(x.shape[1]))]
    return correlation(range(x.shape[1])), np.mean([value >= every[0] - 1e-12 for value in every])
