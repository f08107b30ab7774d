"""A GPU for each job of one machine: Snakemake counts GPUs, it does not hand them out."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

ANY_USER = 0o666  # mode of a lock file: the jobs of all users of a machine share its GPUs
_held: list[FileLock] = []  # until the process ends, however it ends


def lease(folder: str | Path | None = None, poll: float = 1.0) -> str | None:
    """Take a free device, or wait for one, and set CUDA_VISIBLE_DEVICES. Call this before torch is imported.

    Returns the number of the device. Returns None if the variable is set already, as Slurm does, and on a
    machine without a GPU. `folder` holds one lock file per device and must be local to the machine (default:
    its folder for temporary files); `poll`: seconds between attempts. Standard error, the log of a job, names
    the device.
    """
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        print(f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']}, as given", file=sys.stderr)
        return None
    found = devices()
    folder = Path(folder or tempfile.gettempdir())
    while found:
        for device in found:
            lock = FileLock(folder / f"langscale-gpu-{device}.lock", timeout=0, mode=ANY_USER)
            try:
                lock.acquire()
            except Timeout:
                continue
            _held.append(lock)
            os.environ["CUDA_VISIBLE_DEVICES"] = device
            print(f"CUDA_VISIBLE_DEVICES={device}, leased", file=sys.stderr)
            return device
        time.sleep(poll)
    return None


def devices() -> list[str]:
    """Numbers of the NVIDIA GPUs of this machine from nvidia-smi; none without a driver."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())
        print(f"no GPU: nvidia-smi ended with {done.returncode}: {said}", file=sys.stderr)
        return []
    return done.stdout.split()
