"""Curves through means: planted truths come back, and leaving one n out is what it says."""

import numpy as np
import pytest
from scipy import optimize

from langscale.core.random import stream
from langscale.statistics import curve_fits as C
from langscale.statistics.curve_shapes import CURVES, curve
from langscale.statistics.intervals import bootstrap, cluster_weights
from langscale.statistics.scaling_curves import ScalingCurve

N = (1, 2, 3, 4, 6, 8, 12, 16)
TRUE = {
    "constant": (0.5, np.nan, np.nan),
    "logarithmic": (0.3, 0.04, np.nan),
    "power law": (0.4, 0.7, 0.7),
    "rise and fall": (0.3, 0.2, 0.045),
}


def line(r, n=N, baseline=False, ladders=None):
    columns = np.arange(len(n) * r).reshape(len(n), r)
    first = np.arange(r) + columns.size if baseline else None
    return ScalingCurve({"sampler": "s"}, n, columns, first, np.arange(r) if ladders is None else ladders)


def by_hand(name, p, n):
    n, (a, b, c) = np.asarray(n, dtype=float), p
    if name == "power law":
        return c - a * n ** (-b)
    x = np.log(n) / np.log(2)
    return a + 0 * x + (0 if name == "constant" else b * x) - (c * x * x if name == "rise and fall" else 0)


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_without_noise_is_found_and_its_parameters_come_back(name):
    y = by_hand(name, TRUE[name], N)[None]
    assert curve(name, TRUE[name], np.array(N)) == pytest.approx(y[0])
    fits = C.fit_all(N, y)
    assert list(fits)[C.choose(list(fits.values()))[0]] == name
    # the exponent is searched in steps of 1.2%
    assert fits[name].parameters[0] == pytest.approx(TRUE[name], rel=0.02, nan_ok=True)
    assert fits[name].error[0] < 1e-3


@pytest.mark.parametrize("n", [N, (2, 3, 4, 6, 9, 12), (1, 2, 4, 8, 16, 32)])
@pytest.mark.parametrize("name", CURVES)
def test_errors_are_those_of_refitting_without_each_n(name, n):
    y = by_hand("power law", TRUE["power law"], n) + 0.01 * stream("noise", name, *n).standard_normal(
        (3, len(n))
    )
    got = C.fit(name, n, y)
    for b, i in np.ndindex(y.shape):
        rest = [m for k, m in enumerate(n) if k != i]
        again = C.fit(name, rest, np.delete(y[b], i)[None]).parameters[0]
        assert got.left_out[b, i] == pytest.approx(y[b, i] - curve(name, again, n[i]), abs=1e-9)
    assert got.error == pytest.approx(np.sqrt((got.left_out**2).mean(1)))


def test_least_squares_equal_scipys():
    y = by_hand("power law", TRUE["power law"], N) + 0.01 * stream("noise").standard_normal(len(N))
    for name, start in TRUE.items():
        found = C.fit(name, N, y[None]).parameters[0]
        mine = ((y - curve(name, found, np.array(N))) ** 2).sum()
        used = [i for i, p in enumerate(start) if not np.isnan(p)]

        def residuals(p, name=name, used=used):
            every = np.zeros(3)
            every[used] = p
            return y - by_hand(name, every, N)

        peer = optimize.least_squares(residuals, np.array(start)[used])
        assert mine == pytest.approx(2 * peer.cost, rel=1e-3)


def test_the_n_of_a_share_of_the_gain_by_bisection():
    for name in ("power law", "rise and fall"):
        p = np.array([TRUE[name]])
        for begin in (1.0, 0.5):  # at n = 1 of the curve, and a baseline that is not on it
            start = curve(name, p, 1.0) - (1 - begin)
            top = TRUE[name][2] if name == "power law" else curve(name, p, C.turn(p))[0]
            for share in (0.5, 0.95):
                goal = start[0] + share * (top - start[0])
                end = 1e6 if name == "power law" else C.turn(p)[0]
                slow = optimize.brentq(
                    lambda n, name=name, p=p, goal=goal: curve(name, p, n)[0] - goal, 1e-6, end
                )
                assert C.reached(name, p, start, share)[0] == pytest.approx(slow, rel=1e-6)
    for name in ("constant", "logarithmic"):
        assert np.isnan(C.reached(name, np.array([TRUE[name]]), 0.1, 0.5)).all()
    assert C.turn(np.array(TRUE["rise and fall"])) == pytest.approx(2 ** (0.2 / 0.09))


def planted(name, r, rng, b=100, runs=0.006, ladders=0.01, questions=0.25, interaction=0.1, c=80, n=N):
    """Means [N * r] and bootstrap values [B, N * r] of runs with ladders, seeds and questions on a planted
    curve.
    """
    y = by_hand(name, TRUE[name], n)[:, None, None] + ladders * rng.standard_normal((1, r, 1))
    y = y + runs * rng.standard_normal((len(n), r, 1)) + questions * rng.standard_normal((1, 1, c))
    y = (y + interaction * rng.standard_normal((len(n), r, c))).reshape(-1, c, 1)
    one, weights = np.ones((c, 1)), cluster_weights(tuple(f"{i:03}" for i in range(c)), b, 0)
    return bootstrap(y, one, np.ones((1, c)))[0], bootstrap(y, one, weights)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("r", [4, 8])
def test_the_planted_curve_is_chosen_and_intervals_cover_its_parameters(name, r):
    rng, size = stream("curves", name, r), 30
    chosen, covered = 0, []
    for _ in range(size):
        rows = C.curve_rows(line(r), *planted(name, r, rng), 0)
        row = next(row for row in rows if row["curve"] == name)
        chosen += row["chosen"]
        truth = dict(zip(C.PARAMETERS, TRUE[name], strict=True))
        truth["extrapolated_4x"] = by_hand(name, TRUE[name], 64)
        covered += [row[f"{k}_low"] <= v <= row[f"{k}_high"] for k, v in truth.items() if not np.isnan(v)]
    assert chosen / size >= 0.75
    assert 0.88 <= np.mean(covered) <= 1


def test_few_n_allow_few_curves_and_one_alone_is_not_chosen():
    for size, allowed in ((2, 0), (3, 1), (4, 2), (5, 2), (6, 4)):
        n = N[:size]
        means = np.repeat(np.linspace(0.2, 0.5, size), 4)
        rows = C.curve_rows(line(4, n), means, np.tile(means, (50, 1)), 0)
        assert [row["curve"] for row in rows] == list(CURVES)
        assert sum("error" in row for row in rows) == allowed
        assert sum(row["chosen"] for row in rows) == (allowed > 1)
        for row in rows[allowed:]:
            assert row["note"] == f"needs {CURVES[row['curve']]} values of n, there are {size}"
        if allowed == 1:
            assert rows[0]["note"].startswith("no other curve") and "chosen_share" not in rows[0]
        for row in rows[:allowed]:
            assert ("extrapolated_2x" in row) == ("held_out_error" in row) == (size >= 6)
            assert row["note"].endswith("no extrapolation below 6 values of n") == (size < 6)


def test_what_is_not_identified_says_so():
    def rows_of(name, p, n=N, r=4, start=None):
        rng = stream("identified", name)
        y = curve(name, p, np.array(n))
        means = np.repeat(y if start is None else [*y, start], r) + 1e-4 * rng.standard_normal(
            (len(n) + (start is not None)) * r
        )
        rows = C.curve_rows(
            line(r, n, start is not None), means, means + 1e-5 * rng.standard_normal((100, len(means))), 0
        )
        return {row["curve"]: row for row in rows}

    slow = rows_of("power law", (0.4, 0.4, 0.8))["power law"]
    assert (
        slow["n50"] == pytest.approx(2 ** (1 / 0.4), rel=0.02)
        and slow["n50_low"] <= slow["n50"] <= slow["n50_high"]
    )
    assert np.isnan([slow["n95"], slow["n95_low"], slow["n95_high"]]).all()
    assert slow["note"] == "n95 not identified: beyond n = 16"
    fast = rows_of("power law", (0.4, 2.0, 0.8), N[1:], start=0.1)["power law"]  # n = 1 lies below the curve
    assert fast["start"] == pytest.approx(0.1, abs=1e-3) and np.isnan(fast["n50"])
    assert fast["n95"] == pytest.approx((0.4 / (0.05 * 0.7)) ** 0.5, rel=0.02)
    assert fast["note"] == "n50 not identified: before n = 2"
    straight = rows_of("logarithmic", (0.3, 0.04, 0))
    assert straight["logarithmic"]["chosen"] and straight["logarithmic"]["note"].endswith("no ceiling")
    assert "no turn" in straight["rise and fall"]["note"] or not straight["rise and fall"]["chosen"]
    assert straight["logarithmic"]["extrapolated_2x"] == pytest.approx(0.3 + 0.04 * 5, abs=5e-3)
    assert abs(straight["logarithmic"]["held_out_error"]) < 5e-3
    few = rows_of("power law", (0.4, 0.7, 0.8), r=3)["power law"]
    assert few["chosen"] and few["note"].startswith("no intervals: fewer than 4") and "a_low" not in few


def test_an_extrapolation_mixes_the_curves_by_their_errors_at_the_left_out_n():
    """Against the definition, by a loop; and the shape without a turn inside has no weight."""
    y = by_hand("power law", TRUE["power law"], N) + 0.01 * stream("mix").standard_normal((5, len(N)))
    fits = C.fit_all(N, y)
    weights = C.mix(fits)
    assert weights.sum(0) == pytest.approx(1)
    for b in range(len(y)):
        raw = []
        for name, found in fits.items():
            turned = N[0] < C.turn(found.parameters[b]) < N[-1]
            squares = [e**2 for e in C.fit(name, N, y[b : b + 1]).left_out[0]]
            raw.append(0.0 if name == "rise and fall" and not turned else np.mean(squares) ** (-len(N) / 2))
        assert weights[:, b] == pytest.approx(np.array(raw) / sum(raw))
    first = {name: C.Fit(f.parameters[:1], f.left_out[:1]) for name, f in fits.items()}
    got = C.extrapolation(N, first, fits, y[0])
    values = [by_hand(name, f.parameters[0], 32) for name, f in fits.items()]
    assert got["extrapolated_2x"] == pytest.approx(np.dot(values, weights[:, 0]))
    assert got["extrapolated_2x_low"] <= got["extrapolated_2x"] <= got["extrapolated_2x_high"]
    shorter = {name: C.fit(name, N[:-1], y[:1, :-1]) for name in fits}
    at = [by_hand(name, f.parameters[0], 16) for name, f in shorter.items()]
    assert got["held_out_error"] == pytest.approx(np.dot(at, C.mix(shorter)[:, 0]) - y[0, -1])


def test_resampled_means_have_the_variances_of_the_procedure_interval():
    """s2 / R, widened by t over normal, plus the covariance that replicates share; the interaction counts
    once.
    """
    rng, r, c = stream("variance"), 8, 60
    means, drawn = planted("constant", r, rng, b=1000, runs=0.03, ladders=0.0, c=c, n=(1, 2, 4))
    means, drawn = means.reshape(3, r), drawn.reshape(-1, 3, r)
    samples = np.concatenate([C.resampled_means(means, drawn, seed) for seed in range(100)])
    s2, t = means.var(1, ddof=1) / r, (2.364624 / 1.959964) ** 2
    shared = [np.cov(drawn[:, i], rowvar=False) for i in range(3)]
    shared = [(v.sum() - np.trace(v)) / (r * (r - 1)) for v in shared]
    assert samples.var(0) == pytest.approx(t * s2 + shared, rel=0.05)
    assert samples.mean(0) == pytest.approx(means.mean(1), abs=0.003)


def test_replicates_of_one_ladder_count_once():
    rng = stream("ladders")
    means, drawn = planted("logarithmic", 5, rng)
    twice = [
        np.repeat(v.reshape(*v.shape[:-1], len(N), 5), 2, -1).reshape(*v.shape[:-1], -1)
        for v in (means, drawn)
    ]
    one = C.curve_rows(line(5), means, drawn, 0)
    two = C.curve_rows(line(10, ladders=np.repeat(np.arange(5), 2)), *twice, 0)
    for a, b in zip(one, two, strict=True):
        assert {k: v for k, v in a.items() if k != "n_runs"} == pytest.approx(
            {k: v for k, v in b.items() if k != "n_runs"}, nan_ok=True
        )
