"""File locks: at most one study in a working directory, and one process for a job.

    python -m langscale.jobs.locks COMMAND ...      runs COMMAND, or ends with 1 if a study runs in this
    folder

The kernel releases a lock when its process ends. The holder of the folder may remove what a killed study
left: Snakemake's own lock, which a killed Snakemake never removes, and half-written files.

These two locks are not filelock's. The lock of the folder must pass to the command that replaces this
process, and the locks of jobs are single bytes of one file, which NFS knows too, and not thousands of lock
files.
"""

import fcntl
import hashlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

from langscale.core.files import remove, sweep

SNAKEMAKE = Path(".snakemake")
CHECK = 1.0  # seconds between looks at the parent
_held: list[int] = []  # open files, which keep the locks


def hold(folder: str | Path = ".") -> bool:
    """Take the folder; False if another process has it. A command that replaces this process by exec keeps
    it.

    Raises OSError on a file system without locks.
    """
    path = Path(folder) / SNAKEMAKE / "exclusive.lock"
    path.parent.mkdir(exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    os.set_inheritable(file, True)
    _held.append(file)
    return True


def clear(folder: str | Path = ".") -> None:
    """Remove what killed studies left in a folder that this process holds.

    Snakemake's lock stays if a Snakemake that was started without this module works in the folder, or if that
    is unknown because the system has no /proc.
    """
    folder = Path(folder)
    if Path("/proc/self").exists() and not _snakemakes(folder):
        remove(folder / SNAKEMAKE / "locks")
    for part in ("results", "resources"):
        sweep(folder / part)


def _snakemakes(folder: Path) -> list[int]:
    """Process ids of Snakemakes of this machine that may lock the folder; their jobs never do."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            here = (process / "cwd").samefile(folder)
        except OSError:  # it ended, or is another user's
            continue
        started = any(Path(word).name == "snakemake" for word in words[:3])
        if here and started and "--nolock" not in words and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def alone(log: str | Path) -> None:
    """Wait until no other process works on the job that writes `log`, then keep others out until this one
    ends.

    Two processes meet after Snakemake was killed and started again: its jobs live on for a moment
    (`end_with_parent`), jobs on a cluster until they are cancelled.
    """
    if not SNAKEMAKE.is_dir():  # not in a workflow
        return
    file = os.open(SNAKEMAKE / "jobs.lock", os.O_RDWR | os.O_CREAT, 0o644)
    byte = int.from_bytes(hashlib.sha256(str(log).encode()).digest()[:7], "big")
    try:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except (BlockingIOError, PermissionError):
            print(
                f"{log}: an earlier process still works on this job; waiting until it ends", file=sys.stderr
            )
            fcntl.lockf(file, fcntl.LOCK_EX, 1, byte)
    except OSError as error:
        print(f"{log}: this file system has no locks ({error.strerror}); going on without", file=sys.stderr)
    _held.append(file)


def end_with_parent() -> None:
    """Send this process SIGTERM when its parent dies, because a killed Snakemake does not stop its jobs."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(CHECK)
    os.kill(os.getpid(), signal.SIGTERM)


def main(command: list[str]) -> None:
    """Hold and clear the working folder, then become `command`."""
    if not command:
        sys.exit("usage: python -m langscale.jobs.locks COMMAND ...")
    try:
        if not hold():
            sys.exit(f"{Path.cwd()}: a study is running here; wait for it, or stop it")
        clear()
    except OSError as error:
        print(
            f"{Path.cwd()}: {error.strerror}; going on without a lock, and nothing is cleared",
            file=sys.stderr,
        )
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
