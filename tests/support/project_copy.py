"""A copy of the project to run Snakemake in, so that no test touches the user's results."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "src", "config", "profiles", "environment.yml")


def copy_project(to: Path) -> Path:
    """Everything that a run needs, without results."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, to / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            to.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / part, to / part)
    return to


def snakemake(folder: Path, *words: str, ok: bool = True) -> str:
    """Run Snakemake in `folder`; its output, both streams."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert (done.returncode == 0) == ok, output[-4000:]
    return output


def job_counts(output: str) -> dict[str, int]:
    """Rule -> number of jobs, from the table that a dry run prints."""
    table = output.partition("Job stats:")[2].partition("total")[0]
    return {rule: int(n) for rule, n in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}
