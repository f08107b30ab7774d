"""Two GPUs on one machine, with the default profile and the lease. nvidia-smi is faked, jobs are real."""

import itertools
import json
import os
import shutil
import subprocess
import sys

import pytest
from support.project_copy import ROOT

JOBS = 4
WORKFLOW = """
rule all:
    input: expand("{{i}}.json", i=range({jobs}))
rule job:
    output: "{{i}}.json"
    log: "{{i}}.log"
    resources: gpu=1
    script: "job.py"
"""
SCRIPT = """
import json, os, time
from pathlib import Path
from langscale.jobs.gpu import lease
from langscale.jobs.log import redirect
redirect(snakemake.log[0])
lease()
start = time.time()
time.sleep(1.5)
facts = {"device": os.environ["CUDA_VISIBLE_DEVICES"], "start": start, "end": time.time()}
Path(snakemake.output[0]).write_text(json.dumps(facts))
"""


@pytest.fixture
def two_cards(tmp_path):
    """A folder with a workflow and the default profile, and an environment with two GPUs in nvidia-smi."""
    smi = tmp_path / "bin/nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho 0\necho 1\n")
    smi.chmod(0o755)
    (tmp_path / "Snakefile").write_text(WORKFLOW.format(jobs=JOBS))
    (tmp_path / "job.py").write_text(SCRIPT)
    shutil.copytree(ROOT / "profiles/default", tmp_path / "profiles/default")
    environment = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"} | {
        "PATH": f"{smi.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "TMPDIR": str(tmp_path),  # where the leases are
    }
    return tmp_path, environment


def snakemake(folder, environment, *words):
    command = [sys.executable, "-m", "snakemake", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.mark.parametrize("words, at_a_time", [((), 1), (("--resources", "gpu=2"), 2)])
def test_concurrent_jobs_have_a_card_each(two_cards, words, at_a_time):
    folder, environment = two_cards
    snakemake(folder, environment, "--cores", "4", *words)
    jobs = [json.loads((folder / f"{i}.json").read_text()) for i in range(JOBS)]
    pairs = list(itertools.combinations(jobs, 2))
    together = [(a, b) for a, b in pairs if a["start"] < b["end"] and b["start"] < a["end"]]
    assert all(a["device"] != b["device"] for a, b in together)
    assert {job["device"] for job in jobs} == set("01"[:at_a_time])
    assert max(sum(job["start"] <= j["start"] < job["end"] for job in jobs) for j in jobs) == at_a_time
    for i, job in enumerate(jobs):
        assert (folder / f"{i}.log").read_text() == f"CUDA_VISIBLE_DEVICES={job['device']}, leased\n"


@pytest.mark.parametrize(
    "config, with_card, without",
    [
        ("scratch", {"train", "embed"}, {"score", "reuse", "tokens", "subset"}),
        ("config", {"base_vectors"}, {"score", "adapters_0", "score_adapters_0", "tokens", "subset"}),
    ],
)
def test_the_rules_of_the_study_want_a_card_where_there_is_one(
    project, two_cards, config, with_card, without
):
    wanted = {}
    words = ("-n", "scores", "--configfile", f"config/{config}.yaml")
    for block in snakemake(project, two_cards[1], *words).split("\n[")[1:]:
        rule = block.partition("rule ")[2].partition(":")[0]
        wanted.setdefault(rule, set()).add("gpu=1" in block)
    assert {rule for rule, gpu in wanted.items() if gpu == {True}} == with_card
    assert {rule for rule, gpu in wanted.items() if gpu == {False}} >= without
