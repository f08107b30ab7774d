"""A study killed twenty times at random moments ends as an uninterrupted one. Minutes: `make test-slow`."""

import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.project_copy import ROOT, copy_project

from langscale.core.files import remove

KILLS, SEED = 20, 1
TIMES = ["pairs_per_second", "tokens_per_second", "gemm_share"]


def prepare(folder: Path, minutes: str) -> Path:
    """A copy of the project with a study of six trained runs that save their state every so many minutes."""
    copy_project(folder)
    study = yaml.safe_load((ROOT / "tests/integration/small.yaml").read_text()) | {
        "study": "killed",
        "languages": {"pool": ["en", "de"], "heldout": ["nl"]},
        "replicates": 2,
        "budgets": {"b": {"kind": "fixed-total", "steps": 60}},
        "grid": [{"samplers": ["x-y", "x-x-mono"], "n": [1, 2]}],
        "statistics": {"resamples": 100},
    }
    study["training"]["validation"] = {"languages": "pool", "every": 4, "pairs": 32}
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    script = folder / "workflow/scripts/train.py"
    text, count = re.subn(
        r"^SAVE_MINUTES = \d+", f"SAVE_MINUTES = {minutes}", script.read_text(), flags=re.MULTILINE
    )
    assert count == 1
    script.write_text(text)
    return folder


def start(folder: Path) -> subprocess.Popen:
    """What `make` runs, in a process group of its own; after its exec the process is Snakemake."""
    words = ("--workflow-profile", "profiles/default", "--cores", "2", "--configfile", "study.yaml")
    command = [sys.executable, "-m", "langscale.jobs.locks", sys.executable, "-m", "snakemake", *words]
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    with (folder / "output").open("a") as output:
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def finish(folder: Path) -> str:
    """Run until the end; the output since the last start."""
    before = (folder / "output").stat().st_size if (folder / "output").exists() else 0
    code = start(folder).wait()
    output = (folder / "output").read_text()[before:]
    assert code == 0, output[-4000:]
    return output


def digests(folder: Path) -> dict[str, str]:
    results = folder / "results/killed"
    kinds = ("tables/*", "runs/**/*.safetensors", "runs/**/exposure.csv", "runs/**/*.npy")
    files = sorted(file for kind in kinds for file in results.glob(kind))
    return {str(f.relative_to(results)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def logs(folder: Path) -> dict[str, pd.DataFrame]:
    files = sorted((folder / "results/killed/runs").rglob("log.csv"))
    return {str(f.relative_to(folder)): pd.read_csv(f).drop(columns=TIMES) for f in files}


def working(folder: Path) -> list[str]:
    """Processes that work in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").samefile(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, float]:
    """A study that was left alone, and its seconds."""
    folder = prepare(tmp_path_factory.mktemp("whole"), "10")
    begin = time.monotonic()
    finish(folder)
    return folder, time.monotonic() - begin


def test_killed_twenty_times_it_ends_in_the_same_tables(whole, tmp_path):
    reference, seconds = whole
    folder, draw = prepare(tmp_path / "project", "0.005"), random.Random(SEED)
    results, kills, saved, begin = folder / "results/killed", {"all": 0, "snakemake": 0}, 0, time.monotonic()
    while sum(kills.values()) < KILLS:
        study, what = start(folder), draw.choice(sorted(kills))
        try:
            study.wait(draw.uniform(1, seconds / 6))
            assert study.returncode == 0, (folder / "output").read_text()[-4000:]
            remove(results / "runs")  # it was done before the twentieth time: go on
            continue
        except subprocess.TimeoutExpired:
            pass
        if what == "all":
            os.killpg(study.pid, signal.SIGKILL)
        else:
            study.kill()  # its jobs live on for a moment, beside those of the next start
        study.wait()
        kills[what] += 1
        saved += len(list(results.rglob(".state/step-*")))
    assert min(kills.values()) > 4 and saved > 0

    finish(folder)
    print(f"{kills} kills, {saved} states found, {time.monotonic() - begin:.0f} s; without {seconds:.0f} s")
    assert len(digests(reference)) > 60
    assert digests(folder) == digests(reference)
    ours, theirs = logs(folder), logs(reference)
    assert ours.keys() == theirs.keys() and len(ours) == 6
    for name, log in ours.items():
        pd.testing.assert_frame_equal(log, theirs[name], check_exact=True)
        assert log["step"].tolist() == list(range(60))

    assert "Nothing to be done" in finish(folder)
    left = ("*.partial", "*.old", ".state", ".unfinished")
    assert not [path for pattern in left for path in folder.rglob(pattern)]
    assert working(folder) == []
