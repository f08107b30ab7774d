"""The DAG of the default study, its targets, and the style of the workflow."""

import subprocess
import sys

import pytest
import yaml
from support.project_copy import ROOT, copy_project, job_counts, snakemake

from langscale.core.files import write_json

SCRATCH = ("--configfile", "config/scratch.yaml")
# 4 runs at n = 1 (all samplers are one there), 12 at each of n = 2, 4, 9; 4 initial states; BM25
TRAIN, UNTRAINED, BM25, SUBSETS = 44, 4, 1, 10
END = {  # one job each, after the scores
    "statistics": 1,
    "claims": 1,
    "format": 1,
    "published": 1,
    "figures_of_study": 1,
    "provenance": 1,
    "report_of_study": 1,
    "study": 1,
}
CURVES = 8  # of the default study: four samplers with all rows, and at equal rows


def test_the_default_study_has_exactly_these_jobs(planned):
    counts = planned()
    trained = [rule for rule in counts if rule.startswith("adapters_")]
    scored = [rule for rule in counts if rule.startswith("score_adapters_")]
    assert (len(trained), len(scored)) == (CURVES, CURVES + 1)  # one of the untrained encoder
    assert {rule: n for rule, n in counts.items() if rule not in (*trained, *scored)} == {
        "raw": 1,
        "source": 1,
        "benchmark": 1,
        "subset": 18,
        "data_table": 1,
        "base": 1,
        "tokens": 2,
        "base_vectors": 2,
        "score": 1,
        **END,
    }


def test_a_study_of_full_training_has_exactly_these_jobs(planned):
    assert planned(*SCRATCH) == {
        "source": 1,
        "benchmark": 1,
        "subset": SUBSETS,
        "data_table": 1,
        "base": 1,
        "tokens": 2,
        "train": TRAIN,
        "embed": UNTRAINED,
        "reuse": TRAIN,
        "score": TRAIN + UNTRAINED + BM25,
        **END,
    }


@pytest.mark.parametrize(
    "target, rule, count",
    [
        ("data", "subset", SUBSETS),
        ("models", "tokens", 2),
        ("embeddings", "reuse", TRAIN),
        ("rankings", "score", TRAIN + UNTRAINED + BM25),
        ("scores", "score", TRAIN + UNTRAINED + BM25),
        ("tables", "statistics", 1),
        ("figures", "figures_of_study", 1),
        ("report", "report_of_study", 1),
    ],
)
def test_named_target_ends_with_its_rule(planned, target, rule, count):
    counts = planned(target, *SCRATCH)
    assert counts[rule] == count and counts[target] == 1
    assert ("train" in counts) == (target not in ("data", "models"))


def test_a_trained_run_that_left_nothing_is_embedded_by_the_rule_that_asks_for_a_card(tmp_path):
    folder = copy_project(tmp_path / "project")
    write_json(folder / "results/scratch/runs/tiny/x-y/fixed-total/n9-2a2e9a61/seed1/last.json", {})
    counts = job_counts(snakemake(folder, "-n", *SCRATCH))
    assert (counts["reuse"], counts["embed"]) == (TRAIN - 1, UNTRAINED + 1)


def test_workflow_snakefile_is_the_same_study(project, planned):
    inner, root = planned("--snakefile", "workflow/Snakefile"), planned()
    assert inner.pop("default") == root.pop("study") == 1
    assert inner == root


def test_a_config_file_replaces_the_default(project, tmp_path):
    small = yaml.safe_load((ROOT / "tests/integration/small.yaml").read_text())
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small))
    counts = job_counts(snakemake(project, "-n", "--configfile", str(tmp_path / "small.yaml")))
    # 4 at n = 1, 4 at n = 2; hybrid at n = 1 and the other budget there are aliases; best beside last
    assert (counts["train"], counts["reuse"], counts["embed"], counts["score"]) == (8, 16, 4, 21)


def test_downloads_come_first_and_once(project, tmp_path):
    study = yaml.safe_load((ROOT / "tests/integration/small.yaml").read_text())
    del study["models"]["tiny"], study["training"]["validation"]
    study["models"] = {"e5": {"hub": "intfloat/multilingual-e5-small", "query_prefix": "query: "}}
    study["sources"] = {"ntrex": {}}
    study["benchmarks"] = {
        "xquad-r": {"every_article": 10},
        "xquad-r-paragraph": {"set": "xquad-r", "candidate_text": "sentence+paragraph"},
    }
    study["languages"] = {"pool": ["en", "de", "es"], "heldout": ["ru"]}
    (tmp_path / "hub.yaml").write_text(yaml.safe_dump(study))
    words = ("-n", "--configfile", str(tmp_path / "hub.yaml"))
    # a model, a source and two benchmarks; a downloaded encoder has one untrained row, not one per seed
    assert job_counts(snakemake(project, *words))["raw"] == 4
    counts = job_counts(snakemake(project, *words))
    assert (counts["reuse"], counts["embed"]) == (2 * 8, 2 * 1)
    assert job_counts(snakemake(project, "data", *words))["raw"] == 4
    assert job_counts(snakemake(project, "download", *words)) == {"raw": 4, "download": 1}


def test_a_corpus_larger_than_memory_is_searched_by_the_runs_of_the_declared_seeds(project, tmp_path):
    study = yaml.safe_load((ROOT / "tests/integration/small.yaml").read_text())
    study["languages"]["heldout"] = ["nl", "sw", "fi"]
    study["benchmarks"]["miracl"] = {"seeds": [2], "languages": ["sw", "fi"]}
    (tmp_path / "miracl.yaml").write_text(yaml.safe_dump(study))
    counts = job_counts(snakemake(project, "-n", "--configfile", str(tmp_path / "miracl.yaml")))
    # seed 2 at n = 1 and n = 2, last and best, and its initial state; everything else is as without miracl
    assert (counts["search"], counts["score_lists"], counts["raw"], counts["tokens"]) == (5, 5, 1, 3)
    assert (counts["train"], counts["reuse"], counts["embed"], counts["score"]) == (8, 16, 4, 21)


def test_dimensions_are_scored_from_the_vectors_of_the_runs_and_train_nothing(project, tmp_path):
    bert = {"model_type": "bert", "hidden_size": 32, "num_attention_heads": 2}
    study = {
        "study": "cut",
        "languages": {"pool": ["en", "de"]},
        "sources": {"cldr": {}},
        "benchmarks": {"cldr": {}},
        "models": {
            "tiny": {"architecture": bert, "dimensions": [8]},
            "odd": {"architecture": {"model_type": "distilbert", "dim": 32}, "dimensions": [8]},
            "e5": {"bundled": "multilingual-e5-small", "train": "adapter", "dimensions": [64, 128]},
        },
        "budgets": {"total": {"kind": "fixed-total", "steps": 5}},
        "replicates": 2,
        "grid": [{"samplers": ["x-y"], "n": [1, 2]}],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    counts = job_counts(snakemake(project, "-n", "--configfile", str(tmp_path / "study.yaml")))
    # of two encoders four trained and two untrained states each; the config tells the width of one
    found = {rule: counts[rule] for rule in ("train", "embed", "reuse", "score", "score_cut", "width")}
    assert found == {"train": 8, "embed": 4, "reuse": 8, "score": 12 + 1, "score_cut": 12, "width": 1}
    # at n = 1, above, and before training, for all dimensions
    for name, curves in (("adapters_", 2), ("score_adapters_", 3), ("score_cut_adapters_", 3)):
        assert sum(rule.startswith(name) for rule in counts) == curves, name


def test_an_unknown_data_set_is_named(project, tmp_path):
    study = yaml.safe_load((ROOT / "tests/integration/small.yaml").read_text())
    study["benchmarks"] = {"xqad-r": {}}
    (tmp_path / "typo.yaml").write_text(yaml.safe_dump(study))
    output = snakemake(project, "-n", "--configfile", str(tmp_path / "typo.yaml"), ok=False)
    assert "benchmarks.xqad-r: unknown (did you mean xquad-r?); there are" in output


def test_a_wrong_key_stops_before_anything_runs(project):
    output = snakemake(project, "-n", "--config", "replicate=3", ok=False)
    assert "replicate: unknown key" in output and "config.yaml" in output
    assert "Job stats" not in output


def test_no_process_but_those_that_need_it_imports_torch(tmp_path):
    """Scoring and statistics run once per run: an import of torch would cost more than they do."""
    scripts = {
        "score": "langscale.retrieval.scores langscale.retrieval.search langscale.data.benchmarks",
        "statistics": "langscale.statistics.all_tables langscale.reporting.layouts",
        "embed": "langscale.retrieval.embedding",
        "Snakefile": "langscale.config.study langscale.design.grid",
    }
    for name, modules in scripts.items():
        code = f"import sys; [__import__(m) for m in {modules.split()}]; print('torch' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "False", name


def test_changes_rerun_just_their_cells(tmp_path):
    """A further replicate, n or sampler adds its own runs; none of the old ones is named again."""

    def runs(change) -> set[str]:
        folder = copy_project(tmp_path / str(len(list(tmp_path.iterdir()))))
        config = yaml.safe_load((folder / "config/scratch.yaml").read_text())
        change(config)
        (folder / "config/scratch.yaml").write_text(yaml.safe_dump(config))
        output = snakemake(folder, "-n", "embeddings", *SCRATCH)
        return {
            line.split()[-1] for line in output.splitlines() if line.strip().startswith("wildcards: run=")
        }

    before = runs(lambda config: None)
    more = runs(lambda config: config.update(replicates=5))
    assert before < more
    assert runs(lambda config: config["grid"][0]["n"].append(3)) > before
    assert runs(lambda config: config["grid"][0]["samplers"].append("hybrid-0.25")) > before
