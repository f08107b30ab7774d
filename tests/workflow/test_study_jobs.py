"""The studies in config/ as Snakemake sees them, and the target that says what they cost."""

import csv

import pytest
from support.project_copy import ROOT, copy_project, job_counts, snakemake


@pytest.mark.parametrize("name, trained", [("paper", 100), ("ladder", 561), ("ntrex", 455)])
def test_a_study_plans_fewer_than_4000_jobs(project, name, trained):
    counts = job_counts(snakemake(project, "-n", "--configfile", str(ROOT / f"config/{name}.yaml")))
    assert counts["train"] == trained
    assert sum(counts.values()) < 4000


def test_plan_prints_the_costs_and_runs_nothing_else(tmp_path):
    project = copy_project(tmp_path / "project")
    words = ("plan", "--configfile", str(ROOT / "config/paper.yaml"))
    assert job_counts(snakemake(project, "-n", *words)) == {"plan": 1}
    output = snakemake(project, *words)
    assert "paper: 100 runs to train" in output and "accept_licence: [mlqa-r, mmarco]" in output
    made = sorted(path.name for path in (project / "results").rglob("*") if path.is_file())
    assert made == ["plan.csv", "plan.log"]
    with (project / "results/paper/plan.csv").open(newline="") as file:
        assert sum(int(row["runs"]) for row in csv.DictReader(file) if row["n_languages"] == "9") == 100
    # it is about the present config, however often it is asked
    assert job_counts(snakemake(project, "-n", *words)) == {"plan": 1}
    assert not (project / "resources").exists()
