"""The plan: operations against torch's own count, costs by hand, mixtures against the real sampler."""

import csv
import json
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from langscale.config.sampler import Spec
from langscale.config.study import load
from langscale.core.errors import UserError
from langscale.data import registry
from langscale.data.benchmarks import readers as benchmarks
from langscale.data.sources import readers as sources
from langscale.design.grid import Grid
from langscale.planning import sizes
from langscale.planning.costs import ADAM, JOB, TORCH, Costs
from langscale.planning.sizes import CARDS, CORE, Encoder
from langscale.planning.summary import size, text, write
from langscale.training.batches import Sampler, SourceIndex

ROOT = Path(__file__).parents[3]
TINY = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": 16}
XLMR = {"hub": "FacebookAI/xlm-roberta-base"}


def costs(tmp_path="nowhere", **changes):
    values = {
        "study": "t",
        "languages": {"pool": ["en", "de", "ar"], "heldout": ["el"]},
        "sources": {"cldr": {}},
        "benchmarks": {"cldr": {"questions": 5}},
        "models": {"tiny": {"architecture": TINY, "vocabulary": 1000}},
        "training": {"batch_size": 4},
        "budgets": {"b": {"kind": "fixed-total", "steps": 10}},
        "grid": [{"samplers": ["x-y"], "n": [3]}],
        "replicates": 2,
        "evaluation": {"bm25": False},
    }
    study = load(values | changes)
    return Costs(study, Grid(study), tmp_path)


def only(rows, **wanted):
    [row] = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return row


# --- encoders


@pytest.mark.parametrize(
    "hub, millions, embeddings",
    [
        ("FacebookAI/xlm-roberta-base", 278, 192),
        ("FacebookAI/xlm-roberta-large", 560, 256),
        ("sentence-transformers/LaBSE", 471, 385),
        ("google-bert/bert-base-multilingual-cased", 178, 92),
        ("intfloat/multilingual-e5-small", 118, 96),
        ("intfloat/multilingual-e5-base", 278, 192),
        ("jhu-clsp/mmBERT-base", 307, 197),
        ("microsoft/Multilingual-MiniLM-L12-H384", 118, 96),
    ],
)
def test_encoders_have_the_parameters_that_their_cards_print(hub, millions, embeddings):
    encoder = sizes.ENCODERS[hub]
    assert encoder.parameters == pytest.approx(millions * 1e6, rel=0.01)
    assert encoder.parameters - encoder.matrix == pytest.approx(embeddings * 1e6, rel=0.005)


def test_every_source_and_benchmark_has_facts_and_others_are_named():
    assert set(sizes.SOURCES) == set(sources.READERS)
    assert set(sizes.BENCHMARKS) == set(benchmarks.READERS)
    with pytest.raises(UserError, match="xqad-r is unknown; there are .*xquad-r"):
        costs(benchmarks={"xqad-r": {}})
    with pytest.raises(UserError, match="sources.sqad: unknown; there are .*squad"):
        costs(sources={"sqad": {}})


def test_every_encoder_of_the_registry_has_a_size():
    translators = set(sizes.TRANSLATORS)
    assert {repo for repo, _ in registry.MODELS} == set(sizes.ENCODERS) | translators


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
@pytest.mark.parametrize("length", [1, 7])
def test_operations_of_a_text_are_those_that_torch_counts(kind, length):
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoConfig, AutoModel

    fields = TINY | {"model_type": kind, "num_attention_heads": 2}
    config = AutoConfig.for_model(
        **fields, vocab_size=50, pad_token_id=0, attn_implementation="eager", reference_compile=False
    )
    model = AutoModel.from_config(config).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.ones(1, length, dtype=torch.long))
    pooler = 2 * 8 * 8 * (kind == "bert")  # which retrieval does not use
    assert counter.get_total_flops() - pooler == Encoder.of(fields, 50).forward(length)


def test_what_a_config_leaves_out_is_as_in_bert_base():
    assert Encoder.of({"model_type": "bert"}, 30522) == Encoder(12, 768, 3072, 30522)
    assert Encoder.of({"hidden_size": 128, "vocab_size": 7}, 30522) == Encoder(12, 128, 512, 7)


# --- training


def test_costs_of_a_toy_study_by_hand():
    rows = costs().rows()
    row = only(rows, n_languages=3)
    matrix = 2 * (4 * 8 * 8 + 2 * 8 * 16)

    def forward(tokens):
        return tokens * 2 * matrix + 2 * (
            2 * 2 * tokens * tokens * 8
        )  # two layers, two products of attention

    assert (row["model"], row["sampler"], row["budget"], row["runs"], row["steps"]) == (
        "tiny",
        "x-y",
        "b",
        2,
        10,
    )
    assert row["pairs"] == 2 * 10 * 4
    assert row["tokens"] == 80 * (8 + 22)  # of a cldr question and card
    questions, candidates = 4 * 5, 4 * 1165  # four languages
    assert row["embedded_tokens"] == 2 * (questions * 10 + candidates * 15)
    embedding = 2 * (questions * forward(10) + candidates * forward(15))
    assert row["operations"] == pytest.approx(80 * 3 * (forward(8) + forward(22)) + embedding)
    assert row["moved"] == 2 * 10 * ADAM * (matrix + 1000 * 8)
    products = (row["operations"] - embedding) / CORE.rate + embedding / (CORE.rate * CORE.times)
    seconds = products + row["moved"] / CORE.bandwidth + 2 * 10 * CORE.step + 2 * (TORCH + JOB)
    assert row["core_hours"] == pytest.approx(seconds / 3600)
    for controls in (False, True):  # which are ranks of centred vectors
        found = only(costs(evaluation={"bm25": False, "controls": controls}).rows(), n_languages=3)
        passes = sizes.LISTS + sizes.RANKS * (1 + controls)
        search = 2 * questions * candidates * passes * 8 / 384 + 2 * 2 * JOB
        assert found["search_core_hours"] == pytest.approx(search / 3600)
    assert row["statistics_core_hours"] == pytest.approx(2 * sizes.STATISTICS * (16 + 40 + 50) / 3600)
    untrained = only(rows, n_languages=0)
    assert (untrained["runs"], untrained["pairs"], untrained["moved"]) == (2, 0, 0)
    assert untrained["operations"] == pytest.approx(embedding)


def test_six_operations_per_parameter_and_token_but_for_attention():
    """XLM-R base at batch 100: 14.7 TFLOP for the 100 x 285 tokens of a question, a passage and a hard negative."""
    plan = costs(models={"m": XLMR}, sources={"mmarco": {"pairs": 1000}}, training={"batch_size": 100})
    run = plan.grid.trained[0]
    found = plan.training(run)
    assert found["tokens"] == 10 * 100 * (11 + 2 * 85)
    assert found["operations"] == pytest.approx(6 * 84.9e6 * found["tokens"], rel=0.02)
    assert found["operations"] > 6 * sizes.ENCODERS[XLMR["hub"]].matrix * found["tokens"]


def test_prefixes_lengths_and_hard_negatives_count():
    def tokens(model, **changes):
        plan = costs(models={"m": XLMR | model}, sources={"mmarco": {"pairs": 9}}, **changes)
        return plan.training(plan.grid.trained[0])["tokens"] / 40

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
    more = validated.training(run)["operations"] - plain.training(run)["operations"]
    assert more == pytest.approx(
        3 * 100 * (encoder.forward(8) + encoder.forward(22))
    )  # after 4, 8 and 10 steps
    assert validated.evaluation(run)["operations"] == 2 * plain.evaluation(run)["operations"]
    assert (
        validated.disk()["checkpoints"] == 2 * plain.disk()["checkpoints"] == 2 * 2 * 4 * encoder.parameters
    )


def test_a_shared_run_is_counted_once():
    grid = [{"samplers": ["x-x-mono", "x-y", "hybrid", "hybrid-0", "hybrid-1"], "n": [1, 3]}]
    plan = costs(grid=grid)
    assert Counter((r["sampler"], r["n_languages"]) for r in plan.rows()).most_common(1)[0][1] == 1
    assert sum(row["runs"] for row in plan.rows()) == len(plan.grid.runs) == 2 + 2 + 3 * 2


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
    assert plan.training(run)["tokens"] == pytest.approx(40 * ((4 + 6 + 6) / 3 + (30 * 3 + 20) / 4))
    assert plan.measured == {"cldr"}


# --- evaluation, disk, download


def test_benchmarks_have_their_published_numbers_of_texts():
    pool = ["en", "ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh"]
    plan = costs(
        languages={"pool": pool, "heldout": ["bn", "fa", "fi", "fr", "id", "ja", "ko", "sw", "te", "yo"]},
        models={"m": XLMR},
        benchmarks={
            "xquad-r": {},
            "tenth": {"set": "xquad-r", "every_article": 10, "candidate_text": "sentence+paragraph"},
            "mlqa-r": {},
            "belebele": {"questions": 100},
            "tatoeba": {},
            "miracl": {
                "languages": [code for code in registry.LANGUAGES["miracl"] if code not in ("en", "de", "yo")]
            },
            "all": {"set": "miracl"},
        },
    )
    found = {name: plan.texts("m", name) for name in plan.study.benchmarks}
    assert (found["xquad-r"].questions, found["xquad-r"].candidates) == (13_090, 13_014)
    assert found["xquad-r"].products == 13_090 * 13_014
    assert found["tenth"].questions == 11 * 119 and found["tenth"].candidate == 230
    assert (found["mlqa-r"].questions, found["mlqa-r"].candidates) == (4_199, 20_534)
    assert (found["belebele"].questions, found["belebele"].candidates) == (21 * 100, 21 * 488)
    assert found["tatoeba"].languages == 19  # Yoruba is not there, and English is the other side of all
    assert found["miracl"].candidates == pytest.approx(57.5e6, rel=0.001)
    assert found["all"].candidates == pytest.approx(106.3e6, rel=0.001)
    # every corpus is searched by itself, and its shards are dropped
    assert found["all"].products < found["all"].questions * found["all"].candidates / 10
    searched = plan.evaluation(plan.grid.runs[0])["search"]
    by_ranks = sum(texts.products for texts in found.values() if not texts.corpus)
    lists = by_ranks + found["miracl"].products + found["all"].products
    assert searched == pytest.approx(2 * (sizes.LISTS * lists + sizes.RANKS * by_ranks))
    assert plan.disk()["embeddings"] < 1e9 * len(plan.grid.runs)


def test_a_benchmark_of_some_seeds_is_embedded_by_these_runs_only():
    every, one = (costs(benchmarks={"cldr": {"questions": 5} | seeds}) for seeds in ({}, {"seeds": [2]}))
    of = {run.seed: one.evaluation(run) for run in one.grid.trained}
    assert of[1] == {"jobs": 0, "tokens": 0, "operations": 0, "search": 0, "statistics": 0}
    assert of[2] == every.evaluation(every.grid.trained[1])


def test_disk_by_hand():
    plan = costs()
    encoder, texts = Encoder.of(TINY, 1000), plan.texts("tiny", "cldr")
    vectors = 20 + 4 * 1165
    assert plan.disk() == {
        "checkpoints": 2 * 4 * encoder.parameters,
        "embeddings": 4 * 4 * vectors * 8,  # two trained, two untrained
        "rankings and scores": 4 * 20 * (4 * 100 + 2 * 4 * 4),
        "tokens": 4 * (20 * 10 + 4 * 1165 * 15) + 4 * sizes.SOURCES["cldr"].pairs * 3 * 30,
    }
    assert texts.languages == 4


def test_a_download_is_what_the_registry_knows_and_the_rest_by_name():
    both = {"xquad-r": {}, "again": {"set": "xquad-r"}}
    plan = costs(models={"m": XLMR}, sources={"squad": {}}, benchmarks=both)
    entries = [
        *registry.files("squad", ["en", "de", "ar"]),
        *registry.files("xquad-r", ["en", "de", "ar", "el"]),
    ]
    known, unknown = plan.download()
    xlmr = [e for e in registry.files(XLMR["hub"]) if e.size]
    assert known == sum(e.size for e in [*entries, *xlmr] if e.size) > 10e6
    assert set(unknown) <= {"squad", XLMR["hub"]} and XLMR["hub"] in unknown
    assert costs().download() == (0, {})
    local = costs(models={"m": {"path": "/nowhere"}}, sources={"squad": {}}, benchmarks=both)
    assert XLMR["hub"] not in local.download()[1]


def test_mmarco_says_about_how_much_it_is():
    plan = costs(
        languages={"pool": ["en", "ar", "de", "es", "hi", "ru", "zh", "th"]},
        models={"m": XLMR},
        sources={"mmarco": {"pairs": 5}},
    )
    count, about = plan.download()[1]["mmarco"]
    assert count == 15 and about == pytest.approx(31e9, rel=0.05)
    assert "mmarco (15 files, about 31.5 GB)" in text(plan, plan.rows())


def test_licences_that_are_not_accepted_are_named():
    plan = costs(models={"m": XLMR}, benchmarks={"mlqa-r": {}})
    assert plan.licences() == ["mlqa-r"]
    assert "accept_licence: [mlqa-r]" in text(plan, plan.rows())
    accepted = costs(models={"m": XLMR}, benchmarks={"mlqa-r": {}}, accept_licence=["mlqa-r"])
    assert accepted.licences() == [] and "accept_licence" not in text(accepted, accepted.rows())


def test_translation_fills_what_is_lacking():
    shared = {"models": {"m": XLMR}, "translation": {"hub": "google/madlad400-3b-mt"}}
    plan = costs(sources={"nq": {"pairs": 1000, "translate": True}}, **shared)
    row = only(plan.rows(), sampler="translation")
    assert row["tokens"] == 2 * 1000 * (12 + 150)  # de and ar
    assert row["operations"] == 2 * 2.42e9 * row["tokens"]
    # word by word a card reaches a sixth
    assert row["gpu_hours"] * 3600 * CARDS[0].rate == pytest.approx(6 * row["operations"])
    assert plan.rows()[0] == row


# --- what is printed


@pytest.mark.parametrize("name", ["paper", "ladder", "ladder-b", "ntrex"])
def test_configs_and_readme_print_what_the_plan_says(name):
    file = ROOT / f"config/{name}.yaml"
    study = load(yaml.safe_load(file.read_text(encoding="utf-8")))
    plan = Costs(study, Grid(study), "nowhere")
    gpu, disk = sum(row["gpu_hours"] for row in plan.rows()), sum(plan.disk().values())
    [listed] = [
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if f"`{name}.yaml` |" in line
    ]
    for words in (file.read_text(encoding="utf-8").partition("study:")[0], listed):
        assert float(re.search(r"([\d.]+) A100 hours", words)[1]) == pytest.approx(gpu, rel=0.02)
        assert float(re.search(r"(\d+) GB of disk", words)[1]) == pytest.approx(disk / 1e9, rel=0.02)


def test_a_core_is_as_fast_as_measured():
    """performance/growth.json and overhead.md: what `make bench` found on the machine that they name."""
    file = ROOT / "performance/growth.json"
    rates = json.loads(file.read_text()).get("rates") if file.exists() else None
    if not rates:
        pytest.skip("make bench has not measured the rates yet")
    counted = {
        "training": CORE.rate,
        "embedding": CORE.rate * CORE.times,
        "bandwidth": CORE.bandwidth,
        "step": CORE.step,
        "ranks": sizes.RANKS,
        "lists": sizes.LISTS,
        "statistics": sizes.STATISTICS,
    }
    assert set(rates) == set(counted)
    for name, value in counted.items():
        assert 1 / 1.5 < value / rates[name] < 1.5, name


def test_starts_cost_what_was_measured():
    table = (ROOT / "performance/overhead.md").read_text(encoding="utf-8")
    starts = {
        rule: (int(jobs), float(seconds))
        for rule, jobs, seconds in re.findall(r"imports of (\w+) \| (\d+) \| ([\d.]+)", table)
    }
    [snakemake] = re.findall(r"\| Snakemake \| \| \| (\d+)", table)
    own = int(snakemake) / sum(jobs for jobs, _ in starts.values())
    assert 1 / 1.5 < (TORCH + JOB) / (starts["train"][1] + own) < 1.5
    assert 1 / 1.5 < JOB / (starts["score"][1] + own) < 1.5


def test_unknown_sizes_are_said_to_be_unknown():
    plan = costs(models={"m": {"hub": "who/knows"}})
    rows = plan.rows()
    assert math.isnan(only(rows, n_languages=3)["gpu_hours"])
    assert "GPU: ? hours" in text(plan, rows) and "who/knows" in text(plan, rows)


def test_the_config_of_a_local_model_says_its_size(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(TINY | {"vocab_size": 77}))
    assert costs(models={"m": {"path": str(tmp_path)}}).encoder("m") == Encoder(2, 8, 16, 77)


def test_text_and_csv_say_the_same(tmp_path):
    plan = costs(grid=[{"samplers": ["x-x-mono", "x-y"], "n": [1, 2, 3]}])
    rows = plan.rows()
    write(rows, tmp_path / "plan.csv")
    with open(tmp_path / "plan.csv", newline="") as file:
        stored = list(csv.DictReader(file))
    assert [float(row["operations"]) for row in stored] == [row["operations"] for row in rows]
    assert len(stored) == 1 + 3 + 2
    lines = text(plan, rows).splitlines()
    assert lines[0] == "t: 10 runs to train"
    [mono] = [line.split("  ") for line in lines if "x-x-mono" in line]
    assert "1 2 3" in [cell.strip() for cell in mono]


@pytest.mark.parametrize(
    "count, words", [(3.1e10, "31 GB"), (1.5e12, "1.5 TB"), (2e6, "2 MB"), (4000, "4 kB"), (0, "0 kB")]
)
def test_bytes_as_a_person_reads_them(count, words):
    assert size(count) == words
