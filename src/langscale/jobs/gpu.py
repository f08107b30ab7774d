"""A GPU for each job of one machine: Snakemake counts GPUs, it does not hand them out."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_held = []  # an open file is what keeps a lock; the kernel drops it when the process dies, however it dies


def lease(folder: str | Path | None = None, poll: float = 1.0) -> str | None:
    """Take a free device, wait for one if need be, and set CUDA_VISIBLE_DEVICES to it; call it before torch is imported.

    Returns its number; None where the variable is set already (Slurm sets it) or the machine has no GPU. One lock file
    per device in `folder`, which has to be local to the machine (default: its folder for temporary files). Standard
    error, the log of a job, says which device it is.
    """
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        print(f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']}, as given", file=sys.stderr)
        return None
    found = devices()
    if not found:
        return None
    folder = Path(folder or tempfile.gettempdir())
    while True:
        for device in found:
            file = _lock(folder / f"langscale-gpu-{device}.lock")
            if file is None:
                continue
            _held.append(file)
            os.environ["CUDA_VISIBLE_DEVICES"] = device
            print(f"CUDA_VISIBLE_DEVICES={device}, leased", file=sys.stderr)
            return device
        time.sleep(poll)


def devices() -> list[str]:
    """Numbers of the NVIDIA GPUs of this machine, as nvidia-smi lists them; none where it cannot, for want of a driver."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    listed = subprocess.run(query, capture_output=True, text=True, check=False)
    if listed.returncode:
        said = " ".join((listed.stdout + listed.stderr).split())
        print(f"no GPU: nvidia-smi ended with {listed.returncode}: {said}", file=sys.stderr)
        return []
    return listed.stdout.split()


def _lock(path: Path) -> int | None:
    """The file, locked; None where another process has it."""
    while True:
        file = _open(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        # a cleaner of temporary files may have deleted it in between: the next process would lock a new one
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        os.close(file)


def _open(path: Path) -> int:
    """The file for reading, which is enough for a lock; another user may have made it."""
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
