"""The provenance of a study: config, code, model revisions, versions, hardware, training time."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pandas as pd


def git_commit(folder: str | Path) -> dict[str, Any]:
    """Commit of the checkout around `folder`, and the names of changed files. No commit outside of git."""

    def git(*words: str) -> str | None:
        if not shutil.which("git"):
            return None
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    changed = (
        git("diff", "--name-only", "-z", "HEAD"),
        git("ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/"),
    )
    names = {name for found in changed for name in (found or "").split("\0") if name}
    return {"commit": git("rev-parse", "HEAD"), "changed_files": sorted(names)}


def hardware() -> dict[str, Any]:
    """Processor, cores, memory and GPUs of this machine, as far as they can be read."""
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
    """An upper bound of the energy of training, from the power limit of the GPU or the processor.

    seconds: training time of all runs. RAPL and nvidia-smi measure the present power only, not the energy of
    finished runs, but seconds times the limit is at least the energy of this part of the machine. Returns
    {"source", "watts", "kwh_at_most"}. All None if no limit can be read.
    """
    for source, watts in (("nvidia-smi", _gpu_limit()), ("RAPL", _rapl_limit(Path(powercap)))):
        if watts:
            return {"source": source, "watts": watts, "kwh_at_most": round(watts * seconds / 3.6e6, 4)}
    return {"source": None, "watts": None, "kwh_at_most": None}


def _gpu_limit() -> float | None:
    """The highest power limit of the GPUs [W]."""
    if not shutil.which("nvidia-smi"):
        return None
    words = ["nvidia-smi", "--query-gpu=power.limit", "--format=csv,noheader,nounits"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return max((float(w) for w in done.stdout.split() if w.replace(".", "", 1).isdigit()), default=None)


def _rapl_limit(powercap: Path) -> float | None:
    """The sum of the long-term limits of all processor packages [W]."""
    files = sorted(powercap.glob("intel-rapl:[0-9]*/constraint_0_power_limit_uw"))
    try:
        return sum(int(file.read_text()) for file in files if file.parent.name.count(":") == 1) / 1e6 or None
    except OSError:
        return None


def training_seconds(logs: Iterable[str | Path], batch_size: int) -> float:
    """Wall time of the steps of all logs [s]."""
    return float(
        sum((batch_size / pd.read_csv(log, usecols=["pairs_per_second"])).sum().iloc[0] for log in logs)
    )


def provenance(
    study: dict[str, Any],
    logs: list[str],
    folder: str | Path,
    revisions: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """The facts for judging or repeating a study.

    logs: training logs. folder: any folder of the checkout. revisions: commit of each model of the hub.
    """
    seconds = round(training_seconds(logs, study["training"]["batch_size"]), 1)
    return {
        "config": study,
        "git": git_commit(folder),
        "models": {
            name: model | {"revision": (revisions or {}).get(name)} for name, model in _origins(study)
        },
        "hardware": hardware(),
        # a broken installation has no name
        "versions": dict(sorted((d.name, d.version) for d in distributions() if d.name)),
        "training": {
            "runs": len(logs),
            "seconds": seconds,
            "threads": study["training"]["threads"],
            "precision": study["training"]["precision"],
            "energy": energy(seconds),
        },
    }


def _origins(study: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Each model with the keys of the config that name its weights."""
    for name, model in study["models"].items():
        yield name, {key: model[key] for key in ("hub", "path", "bundled") if model.get(key) is not None}
