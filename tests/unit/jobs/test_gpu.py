"""Jobs of one machine take different GPUs: real processes, a faked nvidia-smi."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from langscale.jobs import gpu as module
from langscale.jobs.gpu import lease

JOB = """
import os, sys, time
from langscale.jobs.gpu import lease
device = lease(sys.argv[1], poll=0.02)
start = time.time()
time.sleep(float(sys.argv[2]))
print(device, os.environ["CUDA_VISIBLE_DEVICES"], start, time.time())
"""


@pytest.fixture
def two_gpus(tmp_path) -> dict[str, str]:
    """An environment with an nvidia-smi that lists two devices."""
    smi = tmp_path / "bin/nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho 0\necho 1\n")
    smi.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    return environment | {"PATH": f"{smi.parent}:{os.environ['PATH']}"}


def job(environment: dict[str, str], folder: Path, seconds: float) -> subprocess.Popen:
    command = [sys.executable, "-c", JOB, str(folder), str(seconds)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_never_two_jobs_on_one_device(two_gpus, tmp_path):
    jobs = [job(two_gpus, tmp_path, 0.4) for _ in range(6)]
    held: dict[str, list[tuple[float, float]]] = {}
    for done in jobs:
        device, visible, start, end = done.communicate(timeout=60)[0].split()
        assert device == visible
        held.setdefault(device, []).append((float(start), float(end)))
    assert sorted(held) == ["0", "1"]
    for times in held.values():
        times.sort()
        assert all(end <= start for (_, end), (start, _) in zip(times, times[1:], strict=False))


def test_a_killed_job_gives_its_device_back(two_gpus, tmp_path):
    holders = [job(two_gpus, tmp_path, 120) for _ in range(2)]  # longer than the wait below
    locks = [tmp_path / f"langscale-gpu-{i}.lock" for i in range(2)]
    deadline = time.time() + 60
    while not all(lock.exists() for lock in locks):
        assert time.time() < deadline, [holder.poll() for holder in holders]
        time.sleep(0.02)
    waiting = job(two_gpus, tmp_path, 0)
    holders[1].kill()
    assert waiting.communicate(timeout=60)[0]
    holders[0].kill()
    for holder in holders:
        holder.wait()


def test_a_given_device_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    monkeypatch.setattr(module, "devices", lambda: ["0"])
    assert lease(tmp_path) is None
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7" and not list(tmp_path.iterdir())


def test_another_user_may_lease_after_this_one(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # what is set here is handed back
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(module, "devices", lambda: ["0"])
    monkeypatch.setattr(module, "_held", [])
    assert lease(tmp_path) == "0"
    assert (tmp_path / "langscale-gpu-0.lock").stat().st_mode & 0o666 == 0o666
    module._held[0].release()


def test_without_a_driver_there_is_no_gpu(monkeypatch, tmp_path, capsys):
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho NVIDIA-SMI has failed\nexit 9\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert lease(tmp_path) is None
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert "no GPU: nvidia-smi ended with 9: NVIDIA-SMI has failed" in capsys.readouterr().err


def test_no_gpu(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(module, "devices", list)
    assert lease(tmp_path) is None
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


UNTIL_TORCH = """
import os, runpy, sys
from types import SimpleNamespace

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ["CUDA_VISIBLE_DEVICES"], os.environ["CUBLAS_WORKSPACE_CONFIG"], flush=True)
            os._exit(0)

sys.meta_path.insert(0, Watch())
told = SimpleNamespace(log=[sys.argv[2]], input={}, output={"log": sys.argv[2]}, params={})
runpy.run_path(sys.argv[1], init_globals={"snakemake": told})
"""


@pytest.mark.parametrize(
    ("given", "seen"), [({}, ":4096:8"), ({"CUBLAS_WORKSPACE_CONFIG": ":16:8"}, ":16:8")]
)
def test_training_sets_its_device_and_a_fixed_workspace_before_torch(two_gpus, tmp_path, given, seen):
    train = Path(__file__).parents[3] / "workflow/scripts/train.py"
    command = [sys.executable, "-c", UNTIL_TORCH, str(train), str(tmp_path / "log")]
    environment = {k: v for k, v in two_gpus.items() if k != "CUBLAS_WORKSPACE_CONFIG"} | given
    environment |= {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert made.stdout.split() == ["0", seen]
