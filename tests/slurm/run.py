"""A study through profiles/slurm and a Slurm of this machine, against a local run: `make test-slurm`.

    python tests/slurm/run.py [STEPS]      writes the last part of docs/slurm.md

STEPS: length of the runs that must meet their time limit of minutes. A faster machine needs more.
"""

import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from cluster import GPUS, cluster, install, running  # noqa: E402
from support.project_copy import copy_project  # noqa: E402

DOC, HEADING = ROOT / "docs/slurm.md", "## The last run of `make test-slurm`\n"
RULES = ("train", "embed")  # those with a GPU here
TIMES = ["pairs_per_second", "tokens_per_second", "gemm_share"]
LIMIT = 1200  # seconds that a study may take


def study(steps: int) -> dict:
    """Two short runs for each of two n, and two long ones."""
    small = yaml.safe_load((ROOT / "tests/integration/small.yaml").read_text())
    del small["training"]["validation"]
    return small | {
        "study": "slurm",
        "languages": {"pool": ["en", "de"], "heldout": ["nl"]},
        "sources": {"cldr": {}},
        "budgets": {
            "short": {"kind": "fixed-total", "steps": 6},
            "long": {"kind": "fixed-total", "steps": steps},
        },
        "replicates": 2,
        "grid": [
            {"samplers": ["x-y"], "n": [1, 2], "budgets": ["short"]},
            {"samplers": ["x-y"], "n": [2], "budgets": ["long"]},
        ],
        "statistics": {"resamples": 100},
    }


def profile() -> str:
    """The project's profile with a user's changes: partitions, less time and memory, more retries."""
    values = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    values["default-resources"] |= {"slurm_partition": "cpu", "mem_mb": 1000}
    for rule, resources in values["set-resources"].items():
        values["set-resources"][rule] = resources | {"mem_mb": 1000}
        if "gpu" in resources:
            values["set-resources"][rule] |= {"slurm_partition": "gpu", "runtime": 1}
    values["retries"] = 20
    values["slurm-init-seconds-before-status-checks"] = 3
    return yaml.safe_dump(values)


def prepare(folder: Path, steps: int) -> Path:
    """A copy of the project with the study and the profile in it."""
    copy_project(folder)
    (folder / "study.yaml").write_text(yaml.safe_dump(study(steps)))
    (folder / "profiles/slurm/config.yaml").write_text(profile())
    return folder


def run(folder: Path, name: str) -> tuple[str, float]:
    """Run the study with a profile, as `make` does; its output and seconds."""
    begin = time.monotonic()
    words = ("--workflow-profile", f"profiles/{name}", "--configfile", "study.yaml")
    command = [sys.executable, "-m", "langscale.jobs.locks", sys.executable, "-m", "snakemake", *words]
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    with (folder / "output").open("w+") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            process.wait(LIMIT)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.seek(0)
            sys.exit(f"{output.read()[-6000:]}\nstopped after {time.monotonic() - begin:.0f} s: {error!r}")
        output.seek(0)
        said = output.read()
    if process.returncode:
        sys.exit(f"{said[-6000:]}\nthe study with profiles/{name} failed: {process.returncode}")
    return said, time.monotonic() - begin


class Devices(threading.Thread):
    """Watches the running jobs of the GPU rules: the device of each, and jobs at the same time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen: dict[str, str] = {}  # process -> device
        self.most, self.shared, self.done = 0, [], threading.Event()

    def run(self):
        while not self.done.wait(0.2):
            running = dict(filter(None, map(device_of, Path("/proc").glob("[0-9]*"))))
            self.seen |= running
            self.most = max(self.most, len(running))
            if len(set(running.values())) < len(running):
                self.shared.append(running)


def device_of(process: Path) -> tuple[str, str] | None:
    """(process, its CUDA_VISIBLE_DEVICES) of a job that Slurm gave a GPU; None for others.

    The rule `reuse` has the script of `embed` and no GPU.
    """
    try:
        script = (process / "cmdline").read_text().split("\0")[1:2]
        if not script or not re.search(rf"/scripts/tmp\w+\.({'|'.join(RULES)})\.py$", script[0]):
            return None
        given = dict(word.partition("=")[::2] for word in (process / "environ").read_text().split("\0"))
        # a job that forks shows up twice for a moment
        parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        if "SLURM_JOB_ID" not in given or script[0] in Path("/proc", parent, "cmdline").read_text():
            return None
        device = given.get("CUDA_VISIBLE_DEVICES")
        return None if device is None else (process.name, device)
    except (OSError, UnicodeDecodeError):
        return None


def digests(folder: Path) -> dict[str, str]:
    """What both runs must agree on, byte for byte: tables, weights, exposure."""
    results = folder / "results/slurm"
    files = [
        *results.glob("tables/*"),
        *results.glob("runs/**/*.safetensors"),
        *results.glob("runs/**/exposure.csv"),
    ]
    return {str(f.relative_to(results)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(files)}


def logs(folder: Path) -> dict[str, pd.DataFrame]:
    """Run -> its log without the times."""
    files = (folder / "results/slurm/runs").rglob("log.csv")
    return {str(f.relative_to(folder)): pd.read_csv(f).drop(columns=TIMES) for f in sorted(files)}


def main(steps: int) -> None:
    install()
    passed: list[str] = []

    def check(holds: bool, what: str) -> None:
        if not holds:
            sys.exit(f"FAILED: {what}")
        passed.append(what)
        print(f"passed: {what}", flush=True)

    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="langscale-slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        local, remote = (prepare(folder / part, steps) for part in ("local", "remote"))
        with cluster(folder / "cluster"):
            slurm = subprocess.run(
                ["sinfo", "--version"], capture_output=True, text=True, check=True
            ).stdout.split()[-1]
            devices = Devices()
            devices.start()
            output, seconds = run(remote, "slurm")
            devices.done.set()
            devices.join()
            left = subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True).stdout
        local_seconds = run(local, "default")[1]

        sent = len(re.findall("has been submitted with SLURM jobid", output))
        check(
            sent > 20 and not left, f"the study ran through sbatch ({sent} jobs) and left none in the queue"
        )
        check(devices.most == GPUS, f"{GPUS} GPU jobs ran at a time, never more")
        check(
            set(devices.seen.values()) == {"0", "1"} and not devices.shared,
            f"each of {len(devices.seen)} GPU jobs had one device, and no two at a time the same",
        )
        said = [f.read_text() for f in (remote / "results/slurm/logs/train").rglob("*.log")]
        check(
            bool(said) and all(re.match(r"CUDA_VISIBLE_DEVICES=[01], as given", text) for text in said),
            "every training log names the device that Slurm gave",
        )
        stopped = [int(n) for n in re.findall(r"stopped after step (\d+), SIGTERM", output)]
        ended = output.count("SLURM status is: 'TIMEOUT'")
        check(
            ended >= 2 and stopped and min(stopped) > 0 and max(stopped) < steps,
            f"runs of {steps} steps met their time limit of one minute {ended} times, and saved on SIGTERM "
            f"(after steps {', '.join(map(str, sorted(stopped)))})",
        )
        ours, theirs = digests(remote), digests(local)
        tables = [file for file in theirs if file.startswith("tables/")]
        check(
            ours == theirs,
            f"{len(tables)} tables and {len(ours) - len(tables)} files of weights and exposure "
            "equal those of a local run, byte for byte",
        )
        ours, theirs = logs(remote), logs(local)
        check(
            ours.keys() == theirs.keys() and all(ours[k].equals(theirs[k]) for k in ours),
            "training logs equal those of the local run, without gaps or repeats",
        )
        check(
            all(log["step"].tolist() == list(range(len(log))) for log in ours.values()),
            "every step is logged once",
        )
        check(not [*remote.rglob("*.partial"), *remote.rglob(".state")], "nothing half-written is left")
    check(
        not (Path("/etc/slurm/slurm.conf").exists() or running()),
        "the daemons are stopped and their configuration is gone",
    )
    write(passed, slurm, seconds, local_seconds, time.monotonic() - begin)


def write(passed: list[str], slurm: str, seconds: float, local: float, whole: float) -> None:
    """Replace the last part of docs/slurm.md."""
    facts = [
        f"{time.strftime('%Y-%m-%d')}, {platform.freedesktop_os_release()['PRETTY_NAME']}, two fake GPUs: "
        f"Slurm {slurm}, snakemake {version('snakemake')}, "
        f"snakemake-executor-plugin-slurm {version('snakemake-executor-plugin-slurm')}, "
        f"torch {version('torch')}, Python {platform.python_version()}. The study took {seconds:.0f} s "
        f"through Slurm and {local:.0f} s locally, the whole test {whole:.0f} s.",
        "",
        *(f"- {what}" for what in passed),
    ]
    before = DOC.read_text(encoding="utf-8").partition(HEADING)[0]
    DOC.write_text(before + HEADING + "\n" + "\n".join(facts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if not shutil.which("apt-get"):
        sys.exit("make test-slurm needs Debian or a relative of it")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8_000)
