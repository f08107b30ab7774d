"""Measures of language bias under injection: a language bias must move them, noise must not.

A constant on the scores of the candidates in one language is language bias and nothing else. Noise on all
scores costs accuracy and favours no language.
"""

from functools import cache

import numpy as np
import pytest
from support.made_benchmarks import CODES, make_benchmark, scores_of, write

from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval.measures import (
    COMPLETE_AT_100,
    CONTROLS,
    ENGLISH_PREFERENCE,
    MAP,
    MAX_AT_R,
    MEDIAN_RANK_DISTANCE,
    OWN_BEFORE_OTHER,
    OWN_FIRST,
    OWN_LANGUAGE_ADVANTAGE,
    OWN_LANGUAGE_SHARES,
    RANK_DISTANCE,
    RANK_DISTANCE_LOG_RATIO,
    TOP_10_RATIO,
    TOP_10_SHARE,
    in_table,
)

QUESTIONS = 150
OWN = (OWN_BEFORE_OTHER, OWN_FIRST)
ENGLISH_OVER_OTHER, ENGLISH_OVER_OWN, OTHER_OVER_ENGLISH = ENGLISH_PREFERENCE
SHARES = (*OWN_LANGUAGE_SHARES[:2], TOP_10_SHARE, TOP_10_RATIO)
"""Shares of the query's own language among the first candidates. The first 100 are a sixth of this corpus."""
DESCRIBED = (RANK_DISTANCE, RANK_DISTANCE_LOG_RATIO, COMPLETE_AT_100, MAX_AT_R)
BLIND = dict.fromkeys((OWN_FIRST.name, *(m.name for m in SHARES)), 1 / len(CODES)) | {TOP_10_RATIO.name: 1}
"""The value without preference, if it is not 1/2."""


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """Function (scores of own language +, of English +, sd of noise) -> {measure: values by query}."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("benchmark")
    benchmark = Benchmark.load(write(folder, make_benchmark(rng, len(CODES), QUESTIONS, parallel=True)))
    shape = len(benchmark.queries), len(benchmark.candidates)
    blind, noise = rng.standard_normal(shape), rng.standard_normal(shape)
    for column in benchmark.relevant.T:
        blind[np.arange(shape[0]), column] += 2.5
    own = benchmark.query_language[:, None] == benchmark.candidate_language
    english = np.array(benchmark.languages)[benchmark.candidate_language] == "en"

    @cache
    def of(own_bonus=0.0, english_bonus=0.0, spread=0.0):
        similarity = blind + own_bonus * own + english_bonus * english + spread * noise
        scores = scores_of(benchmark, similarity.astype(np.float32))
        measures = (MAP, *OWN, *ENGLISH_PREFERENCE, *SHARES, *DESCRIBED, OWN_LANGUAGE_ADVANTAGE)
        itself = np.arange(len(CODES)) == benchmark.query_language[:, None]
        keep = {m.name: itself if m in SHARES else None for m in measures}
        return {m.name: scores.values("multi", m.name, keep[m.name])[:, 0] for m in measures}

    return of


def moved(values, before, after, measure):
    """Mean change of a measure in standard errors, over the queries with a value."""
    change = (values(*after)[measure.name] - values(*before)[measure.name]).reshape(-1)
    change = change[~np.isnan(change)]
    return change.mean() / (change.std(ddof=1) / np.sqrt(len(change)))


def test_no_measure_of_language_bias_is_left_out():
    """The controls need embeddings and have tests of their own. The median is that of the rank distance."""
    elsewhere = {*CONTROLS, MEDIAN_RANK_DISTANCE, OWN_LANGUAGE_SHARES[2]}
    here = {*OWN, *ENGLISH_PREFERENCE, *SHARES, *DESCRIBED, OWN_LANGUAGE_ADVANTAGE}
    assert {*in_table("bias"), *in_table("shares")} == here | elsewhere


@pytest.mark.parametrize("measure", (*OWN, *ENGLISH_PREFERENCE, *SHARES), ids=lambda m: m.name)
def test_noise_moves_no_preference_and_a_blind_ranking_has_none(values, measure):
    assert abs(moved(values, (0, 0, 0), (0, 0, 1.5), measure)) < 3
    for ranking in ((0, 0, 0), (0, 0, 1.5)):
        found = values(*ranking)[measure.name]
        found = found[~np.isnan(found)]
        error = found.std(ddof=1) / np.sqrt(len(found))
        assert abs(found.mean() - BLIND.get(measure.name, 0.5)) < 3 * error
    # the same noise costs accuracy
    assert moved(values, (0, 0, 0), (0, 0, 1.5), MAP) < -20


def test_a_constant_on_own_language_scores_moves_the_preference_for_the_own_language(values):
    for bonus in (0.3, 0.6):
        for measure in (*OWN, *SHARES):
            assert moved(values, (bonus - 0.3, 0, 0), (bonus, 0, 0), measure) > 5
    # the third languages are as before; between English and the own language the own one wins, both ways
    assert np.array_equal(
        values(0, 0, 0)[ENGLISH_OVER_OTHER.name], values(0.6, 0, 0)[ENGLISH_OVER_OTHER.name], equal_nan=True
    )
    for measure in (ENGLISH_OVER_OWN, OTHER_OVER_ENGLISH):
        assert moved(values, (0, 0, 0), (0.6, 0, 0), measure) < -5


def test_a_constant_on_english_scores_moves_the_preference_for_english(values):
    for measure in (ENGLISH_OVER_OTHER, ENGLISH_OVER_OWN):
        assert moved(values, (0, 0, 0), (0, 0.6, 0), measure) > 5
    assert moved(values, (0, 0, 0), (0, 0.6, 0), OTHER_OVER_ENGLISH) < -5


@pytest.mark.parametrize("measure", DESCRIBED, ids=lambda m: m.name)
def test_described_measures_move_with_noise_in_a_blind_ranking(values, measure):
    """Why they carry no verdict: without any language bias, noise alone changes them."""
    assert abs(moved(values, (0, 0, 0), (0, 0, 1.5), measure)) > 5


def test_the_advantage_of_the_own_language_moves_with_a_constant_but_has_no_common_scale(values):
    """It counts positions, so the same bias is worth more of them in a ranking of low accuracy."""
    assert moved(values, (0, 0, 0), (0.6, 0, 0), OWN_LANGUAGE_ADVANTAGE) > 5
    spread = [np.nanstd(values(0.6, 0, noise)[OWN_LANGUAGE_ADVANTAGE.name]) for noise in (0, 1.5)]
    assert spread[1] > 2 * spread[0]
