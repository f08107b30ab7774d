"""Where a study's numbers come from: config, code, versions, hardware, time."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pandas as pd


def git_commit(folder: str | Path) -> dict[str, Any]:
    """Commit of the checkout that `folder` is in, and whether files differ from it; None outside of git."""

    def git(*words: str) -> str | None:
        if not shutil.which("git"):
            return None
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    return {
        "commit": git("rev-parse", "HEAD"),
        "changed_files": len((git("status", "--porcelain") or "").splitlines()),
    }


def hardware() -> dict[str, Any]:
    """Processor, cores, memory and GPUs, as far as the system tells."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    gpus = [
        path.read_text().split("\n")[0]
        for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    ]
    return {
        "processor": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "gpus": gpus,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _lines(path: str) -> Iterable[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def energy(seconds: float, powercap: str | Path = "/sys/class/powercap") -> dict[str, Any]:
    """What this machine tells of energy: an upper bound from the limits of its GPU or processor, if they can be read.

    seconds: of training, one run after the other. RAPL and nvidia-smi count what the whole machine draws at the moment
    of asking, so the energy of runs that are over is not among it; seconds times the limit is at least what that part took.
    Returns {"source", "watts", "kwh_at_most"}, watts and kwh_at_most None where nothing can be read.
    """
    for source, watts in (("nvidia-smi", _gpu_limit()), ("RAPL", _rapl_limit(Path(powercap)))):
        if watts:
            return {"source": source, "watts": watts, "kwh_at_most": round(watts * seconds / 3.6e6, 4)}
    return {"source": None, "watts": None, "kwh_at_most": None}


def _gpu_limit() -> float | None:
    """The highest power limit of the GPUs in watts."""
    if not shutil.which("nvidia-smi"):
        return None
    words = ["nvidia-smi", "--query-gpu=power.limit", "--format=csv,noheader,nounits"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return max((float(w) for w in done.stdout.split() if w.replace(".", "", 1).isdigit()), default=None)


def _rapl_limit(powercap: Path) -> float | None:
    """The long-term limits of all processor packages together, in watts."""
    files = sorted(powercap.glob("intel-rapl:[0-9]*/constraint_0_power_limit_uw"))
    try:
        return sum(int(file.read_text()) for file in files if file.parent.name.count(":") == 1) / 1e6 or None
    except OSError:
        return None


def training_seconds(logs: Iterable[str | Path], batch_size: int) -> float:
    """Wall seconds that the steps of all logs took together."""
    return float(
        sum((batch_size / pd.read_csv(log, usecols=["pairs_per_second"])).sum().iloc[0] for log in logs)
    )


def provenance(study: dict[str, Any], logs: list[str], folder: str | Path) -> dict[str, Any]:
    """Everything that a reader needs to judge or repeat the numbers of a study."""
    seconds = round(training_seconds(logs, study["training"]["batch_size"]), 1)
    return {
        "config": study,
        "git": git_commit(folder),
        "hardware": hardware(),
        # a broken installation has no name
        "versions": dict(sorted((d.name, d.version) for d in distributions() if d.name)),
        "training": {
            "runs": len(logs),
            "seconds": seconds,
            "threads": study["training"]["threads"],
            "energy": energy(seconds),
        },
    }
