"""Costs: by hand on a toy study, mixtures against the real sampler, lengths from the study's own tokens."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from support.planned_study import TINY, XLMR, costs, only

from langscale.config.model import LoraOptions
from langscale.config.sampler import Spec
from langscale.data import catalogue
from langscale.models.known import XLM_R
from langscale.planning import machines, sizes
from langscale.planning.costs import EvaluationCost
from langscale.planning.machines import ADAM, CARDS, CORE, JOB, TORCH
from langscale.planning.sizes import Encoder
from langscale.training.batches import Sampler, SourceIndex


def test_costs_of_a_toy_study_by_hand():
    rows = costs().rows()
    row = only(rows, n_languages=3)
    matrix = 2 * (4 * 8 * 8 + 2 * 8 * 16)

    def forward(tokens):
        return tokens * 2 * matrix + 2 * (
            2 * 2 * tokens * tokens * 8
        )  # two layers, two products of attention

    assert (row.model, row.sampler, row.budget, row.runs, row.steps) == (
        "tiny",
        "x-y",
        "b",
        2,
        10,
    )
    assert row.pairs == 2 * 10 * 4
    assert row.tokens == 80 * (8 + 22)  # of a cldr question and card
    questions, candidates = 4 * 5, 4 * 1165  # four languages
    assert row.embedded_tokens == 2 * (questions * 10 + candidates * 15)
    embedding = 2 * (questions * forward(10) + candidates * forward(15))
    assert row.operations == pytest.approx(80 * 3 * (forward(8) + forward(22)) + embedding)
    assert row.moved == 2 * 10 * ADAM * (matrix + 1000 * 8)
    products = (row.operations - embedding) / CORE.training + embedding / (CORE.embedding)
    seconds = products + row.moved / CORE.bandwidth + 2 * 10 * CORE.step + 2 * (TORCH + JOB)
    assert row.core_hours == pytest.approx(seconds / 3600)
    for controls in (False, True):  # which are ranks of centred vectors
        found = only(costs(evaluation={"bm25": False, "controls": controls}).rows(), n_languages=3)
        passes = machines.LISTS + machines.RANKS * (1 + controls)
        search = 2 * questions * candidates * passes * 8 / 384 + 2 * 2 * JOB
        assert found.search_core_hours == pytest.approx(search / 3600)
    assert row.statistics_core_hours == pytest.approx(2 * machines.STATISTICS * (16 + 40 + 50) / 3600)
    untrained = only(rows, n_languages=0)
    assert (untrained.runs, untrained.pairs, untrained.moved) == (2, 0, 0)
    assert untrained.operations == pytest.approx(embedding)


def test_six_operations_per_parameter_and_token_but_for_attention():
    """XLM-R base at batch 100: 14.7 TFLOP for the 100 x 285 tokens of query, passage and hard negative."""
    plan = costs(models={"m": XLMR}, sources={"mmarco": {"pairs": 1000}}, training={"batch_size": 100})
    run = plan.grid.trained[0]
    found = plan.training(run)
    assert found.tokens == 10 * 100 * (11 + 2 * 85)
    assert found.operations == pytest.approx(6 * 84.9e6 * found.tokens, rel=0.02)
    assert found.operations > 6 * sizes.Encoder.known(XLM_R).matrix * found.tokens


def test_a_model_with_its_own_batch_size_is_counted_with_it():
    plan = costs(models={"m": XLMR | {"training": {"batch_size": 7}}})
    assert plan.training(plan.grid.trained[0]).pairs == 10 * 7


def test_prefixes_lengths_and_hard_negatives_count():
    def tokens(model, **changes):
        plan = costs(models={"m": XLMR | model}, sources={"mmarco": {"pairs": 9}}, **changes)
        return plan.training(plan.grid.trained[0]).tokens / 40

    assert tokens({}) == 11 + 2 * 85
    assert tokens({"query_prefix": "query: "}) == 14 + 2 * 85
    assert tokens({"passage_length": 50, "query_length": 5}) == 5 + 2 * 50
    assert tokens({}, training={"batch_size": 4, "hard_negatives": 0}) == 11 + 85
    assert tokens({}, training={"batch_size": 4, "hard_negatives": 9}) == 11 + 2 * 85  # there is one


def test_validation_and_the_best_checkpoint_cost():
    validation = {"every": 4, "pairs": 100}
    plain, validated = (
        costs(sources={"cldr": {"validation": True}}, training={"batch_size": 4} | more)
        for more in ({}, {"validation": validation})
    )
    run, encoder = plain.grid.trained[0], Encoder.of(TINY, 1000)
    more = validated.training(run).operations - plain.training(run).operations
    assert more == pytest.approx(
        3 * 100 * (encoder.forward(8) + encoder.forward(22))
    )  # after 4, 8 and 10 steps
    assert validated.evaluation(run).operations == 2 * plain.evaluation(run).operations
    assert (
        validated.disk()["checkpoints"] == 2 * plain.disk()["checkpoints"] == 2 * 2 * 4 * encoder.parameters
    )


def test_an_adapter_embeds_once_and_then_multiplies():
    e5 = {
        "hub": "intfloat/multilingual-e5-small",
        "train": "adapter",
        "query_prefix": "",
        "passage_prefix": "",
    }
    plan = costs(models={"m": e5})
    run, size, texts = plan.grid.trained[0], plan.encoder("m"), plan.texts("m", "cldr")
    trained, scored = plan.training(run), plan.evaluation(run)
    assert trained == (40, 0, 4 * 384**2 * 2 * 40, ADAM * 384**2 * 10)
    assert scored.tokens == 0 and scored.operations == 2 * 384**2 * (texts.queries + texts.candidates)
    vectors = only(plan.rows(), sampler="base vectors")
    source = catalogue.source("cldr").size
    pairs = 3 * source.pairs  # three languages
    assert vectors.embedded_tokens == texts.tokens + pairs * (source.query + source.passage)
    assert vectors.operations == pytest.approx(
        texts.queries * size.forward(texts.query)
        + texts.candidates * size.forward(texts.candidate)
        + pairs * (size.forward(source.query) + size.forward(source.passage))
    )
    disk = plan.disk()
    assert disk["embeddings"] == 0 and disk["checkpoints"] == 2 * 4 * 384**2
    assert disk["base vectors"] == 4 * 384 * (texts.queries + texts.candidates + 2 * pairs)
    row = only(plan.rows(), n_languages=3)
    steps = row.operations - row.embedding_operations
    seconds = CORE.seconds(steps, row.embedding_operations, row.moved) + 2 * (
        10 * machines.ADAPTER_STEP + TORCH + JOB
    )
    assert row.train == "adapter" and row.core_hours == pytest.approx(seconds / 3600)
    assert costs(models={"m": e5 | {"adapter": {"rank": 8}}}).training(run).moved == ADAM * 2 * 384 * 8 * 10


def test_lora_has_no_gradient_of_the_frozen_matrices():
    full, lora = (costs(models={"m": XLMR | mode}) for mode in ({}, {"train": "lora"}))
    run, size = full.grid.trained[0], full.encoder("m")
    assert lora.training(run).operations == pytest.approx(full.training(run).operations * 2 / 3)
    parameters = 12 * 16 * (4 * 2 * 768 + 2 * (768 + 3072))
    assert lora.training(run).moved == ADAM * parameters * 10 < full.training(run).moved / 100
    assert size.lora(LoraOptions()) == parameters


def test_a_shared_run_is_counted_once():
    grid = [{"samplers": ["x-x-mono", "x-y", "hybrid", "hybrid-0", "hybrid-1"], "n": [1, 3]}]
    plan = costs(grid=grid)
    assert Counter((r.sampler, r.n_languages) for r in plan.rows()).most_common(1)[0][1] == 1
    assert sum(row.runs for row in plan.rows()) == len(plan.grid.runs) == 2 + 2 + 3 * 2


MIXED = {
    "mmarco": {"pairs": 300, "size": 3000},  # neither th nor tr
    "mfaq": {"pairs": 150, "size": 900},  # English only
    "nq": {"pairs": 120, "translate": True},
}
POOL = ["en", "ar", "de", "th", "tr"]


@pytest.mark.parametrize("sampler", ["x-x-mono", "x-y", "hybrid", "hybrid-0.25", "x-x", "x-y-batch"])
@pytest.mark.parametrize("by_size_first", [False, True])
def test_sources_are_mixed_as_the_sampler_mixes_them(sampler, by_size_first):
    plan = costs(
        languages={"pool": POOL},
        sources=MIXED,
        models={"m": XLMR},
        translation={"hub": "google/madlad400-3b-mt"},
        training={"batch_size": 4, "by_size_first": by_size_first},
        budgets={"b": {"kind": "fixed-total", "steps": 10, "whole_pool": False}},
        grid=[{"samplers": [sampler], "n": [5]}],
    )
    run = plan.grid.trained[0]
    has = {"mmarco": ["en", "ar", "de"], "mfaq": ["en"], "nq": POOL}
    indices = [
        SourceIndex(
            name,
            np.tile([code in has[name] for code in run.languages], (MIXED[name]["pairs"], 1)),
            MIXED[name].get("size"),
        )
        for name in run.sources
    ]
    drawn = Sampler(Spec.parse(run.sampler), run.languages, indices, 4, 1, by_size_first=by_size_first)
    steps = 1500
    counts = np.bincount([drawn.batch(step).source for step in range(steps)], minlength=3) / steps
    expected = [plan.mixture(run)[name] for name in run.sources]
    assert sum(expected) == pytest.approx(1)
    assert counts == pytest.approx(expected, abs=4 * math.sqrt(0.25 / steps))


def test_lengths_are_measured_where_tokens_and_subset_are_there(tmp_path):
    plan = costs(tmp_path)
    run = plan.grid.trained[0]
    tokens, rows = (
        tmp_path / "models/tiny/tokens/source-cldr/train",
        tmp_path / f"subsets/{run.subset}/cldr/train",
    )
    for folder in (tokens / "queries", tokens / "passages", rows):
        folder.mkdir(parents=True)
    np.save(tokens / "queries/offsets.npy", np.array([0, 4, 10, 11]))  # 4, 6, 1
    np.save(tokens / "passages/offsets.npy", np.array([0, 20, 50]))  # 20, 30
    np.save(rows / "queries.npy", np.array([[0, 1], [1, -1]], dtype=np.int32))
    np.save(rows / "positives.npy", np.array([[1, 1], [1, 0]], dtype=np.int32))
    assert plan.training(run).tokens == pytest.approx(40 * ((4 + 6 + 6) / 3 + (30 * 3 + 20) / 4))
    assert plan.measured == {"cldr"}


def test_benchmarks_have_their_published_numbers_of_texts():
    pool = ["en", "ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh"]
    plan = costs(
        languages={"pool": pool, "heldout": ["bn", "fa", "fi", "fr", "id", "ja", "ko", "sw", "te", "yo"]},
        models={"m": XLMR},
        benchmarks={
            "xquad-r": {},
            "tenth": {"set": "xquad-r", "every_article": 10, "candidate_text": "sentence+paragraph"},
            "paragraphs": {"set": "xquad-r", "candidate_text": "paragraph"},
            "mlqa-r": {},
            "belebele": {"questions": 100},
            "tatoeba": {},
            "miracl": {
                "languages": [
                    code for code in catalogue.benchmark("miracl").languages if code not in ("en", "de", "yo")
                ]
            },
            "all": {"set": "miracl"},
        },
    )
    found = {name: plan.texts("m", name) for name in plan.study.benchmarks}
    assert (found["xquad-r"].queries, found["xquad-r"].candidates) == (13_090, 13_014)
    assert found["xquad-r"].products == 13_090 * 13_014
    assert found["tenth"].queries == 11 * 119 and found["tenth"].candidate == 230
    assert found["paragraphs"].candidates == 11 * 240 and found["paragraphs"].candidate == 185
    assert (found["mlqa-r"].queries, found["mlqa-r"].candidates) == (4_199, 20_534)
    assert (found["belebele"].queries, found["belebele"].candidates) == (21 * 100, 21 * 488)
    assert found["tatoeba"].languages == 19  # Yoruba is not there, and English is the other side of all
    assert found["miracl"].candidates == pytest.approx(57.5e6, rel=0.001)
    assert found["all"].candidates == pytest.approx(106.3e6, rel=0.001)
    # every corpus is searched by itself, and its shards are dropped
    assert found["all"].products < found["all"].queries * found["all"].candidates / 10
    searched = plan.evaluation(plan.grid.runs[0]).search
    by_ranks = sum(texts.products for texts in found.values() if not texts.corpus)
    lists = by_ranks + found["miracl"].products + found["all"].products
    assert searched == pytest.approx(2 * (machines.LISTS * lists + machines.RANKS * by_ranks))
    assert plan.disk()["embeddings"] < 1e9 * len(plan.grid.runs)


def test_a_benchmark_of_some_seeds_is_embedded_by_these_runs_only():
    every, one = (costs(benchmarks={"cldr": {"questions": 5} | seeds}) for seeds in ({}, {"seeds": [2]}))
    of = {run.seed: one.evaluation(run) for run in one.grid.trained}
    assert of[1] == EvaluationCost(0, 0, 0, 0, 0)
    assert of[2] == every.evaluation(every.grid.trained[1])


def test_disk_by_hand():
    plan = costs()
    encoder, texts = Encoder.of(TINY, 1000), plan.texts("tiny", "cldr")
    vectors = 20 + 4 * 1165
    assert plan.disk() == {
        "checkpoints": 2 * 4 * encoder.parameters,
        "base vectors": 0,
        "embeddings": 4 * 4 * vectors * 8,  # two trained, two untrained
        "rankings and scores": 4 * 20 * (2 * 100 + 2 * 4 * 4),  # 4,660 candidates need two bytes
        "tokens": 4 * (20 * 10 + 4 * 1165 * 15) + 4 * catalogue.source("cldr").size.pairs * 3 * 30,
    }
    assert texts.languages == 4


def test_translation_fills_what_is_lacking():
    shared = {"models": {"m": XLMR}, "translation": {"hub": "google/madlad400-3b-mt"}}
    plan = costs(sources={"nq": {"pairs": 1000, "translate": True}}, **shared)
    row = only(plan.rows(), sampler="translation")
    assert row.tokens == 2 * 1000 * (12 + 150)  # de and ar
    assert row.operations == 2 * 2.42e9 * row.tokens
    # word by word a card reaches a sixth
    assert row.gpu_hours * 3600 * CARDS[0].training == pytest.approx(6 * row.operations)
    assert plan.rows()[0] == row


def test_the_config_of_a_local_model_says_its_size(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(TINY | {"vocab_size": 77}))
    assert costs(models={"m": {"path": str(tmp_path)}}).encoder("m") == Encoder(2, 8, 16, 77)


@pytest.mark.parametrize("train", ["full", "adapter"])
def test_cut_vectors_are_searched_and_neither_embedded_nor_trained(train):
    model = {"hub": "intfloat/multilingual-e5-small", "train": train}
    plain, cut = costs(models={"m": model}), costs(models={"m": model | {"dimensions": [48]}})
    assert [row for row in cut.rows() if row.model != "m@48"] == plain.rows()
    whole, row = (only(cut.rows(), model=name, n_languages=3) for name in ("m", "m@48"))
    assert (row.runs, row.steps, row.pairs, row.moved, row.embedded_tokens) == (0, 0, 0, 0, 0)
    # an adapter is multiplied with again
    assert (
        row.operations
        == row.embedding_operations
        == (whole.embedding_operations if train == "adapter" else 0)
    )
    start = 2 * 2 * JOB / 3600
    assert row.search_core_hours - start == pytest.approx((whole.search_core_hours - start) * 48 / 384)
    assert row.statistics_core_hours == whole.statistics_core_hours
    before, after = plain.disk(), cut.disk()
    assert after.pop("rankings and scores") == 2 * before.pop("rankings and scores") and after == before


def test_the_search_of_cut_vectors_is_known_without_the_size_of_the_model():
    row = only(costs(models={"m": {"hub": "a/b", "dimensions": [48]}}).rows(), model="m@48", n_languages=3)
    assert row.operations == 0 and row.search_core_hours > 0
