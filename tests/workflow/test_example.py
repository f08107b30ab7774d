"""The committed study in docs/ntrex-full: undamaged scores, `make example` without any job before them."""

import shutil

from support.project_copy import ROOT, job_counts, snakemake

from langscale.jobs.manifests import damages, read

STUDY = ROOT / "docs/ntrex-full/study"


def test_the_scores_are_undamaged():
    manifests = sorted(STUDY.rglob("*.json"))
    assert len(manifests) == 26 + 24  # scores of all runs, logs of the trained ones
    for manifest in manifests:
        assert not list(damages(manifest, read(manifest)))


def test_the_example_makes_tables_figures_and_report_without_training(project, tmp_path):
    shutil.copytree(STUDY, tmp_path / "results/ntrex-full")
    # git gives the files of a clone any order of times: `make example` touches the runs too
    for file in (tmp_path / "results/ntrex-full/runs").rglob("*.*"):
        file.touch()
    words = ("--directory", str(tmp_path), "--configfile", str(ROOT / "config/ntrex-full.yaml"))
    rules = set(job_counts(snakemake(project, "-n", *words)))
    assert {"statistics", "claims", "format", "published", "figures_of_study", "report_of_study"} <= rules
    assert not rules & {"raw", "source", "benchmark", "train", "embed", "reuse", "score", "overlap"}
