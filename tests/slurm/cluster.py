"""A Slurm cluster of one machine with two fake GPUs, from Debian's packages, for one test."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
GPUS = 2
# in /etc, because the plugin's job step drops SLURM_CONF before its nested srun
CONF = Path("/etc/slurm")

MARK = "# of langscale's make test-slurm\n"  # without it a configuration is the machine's own
SLURM = """\
ClusterName=langscale
SlurmctldHost={host}(127.0.0.1)
# the loopback device only
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
SlurmUser=root
# no cgroups: a container or virtual machine may have none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
# squeue still lists a job that ended so many seconds ago; the profile's first look comes after a few
MinJobAge=300
# seconds from SIGTERM at the time limit to SIGKILL
KillWait=20
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
"""
GRES = "NodeName={host} Name=gpu File={folder}/gpu[0-{last}] Flags=nvidia_gpu_env\n"


def install() -> None:
    """Install what is missing of PACKAGES with apt-get; no daemon is started by that."""
    if os.geteuid() != 0:
        sys.exit("make test-slurm needs root: it installs Debian packages, makes devices and starts daemons")
    if all(map(shutil.which, ("slurmctld", "slurmd", "sbatch", "munged"))):
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    words = ("install", "-y", "-q", "--no-install-recommends", *PACKAGES)
    if subprocess.run(["apt-get", *words], env=environment, check=False).returncode:
        subprocess.run(["apt-get", "update", "-q"], env=environment, check=True)
        subprocess.run(["apt-get", *words], env=environment, check=True)


def running() -> bool:
    """Whether a daemon of Slurm runs here."""
    found = (
        subprocess.run(["pgrep", "-x", name], capture_output=True, check=False)
        for name in ("slurmctld", "slurmd")
    )
    return any(one.returncode == 0 for one in found)


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Start munged, slurmctld and slurmd with all their files in `folder`, stop them and undo the
    configuration.

    Raises SystemExit if the machine has a Slurm of its own. Files of a killed test in /etc are overwritten.
    """
    host = socket.gethostname().partition(".")[0]
    facts = {
        "host": host,
        "folder": folder,
        "gpus": GPUS,
        "last": GPUS - 1,
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 9 // 10,
    }
    with ExitStack() as stack:
        for name in ("slurm.conf", "gres.conf"):
            file = CONF / name
            if file.exists() and not file.read_text().startswith(MARK):
                sys.exit(f"{file} exists: this machine has a Slurm of its own, which is left alone")
        if running():
            sys.exit("slurmctld or slurmd runs here already: another such test, or this machine's own")
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        for i in range(GPUS):
            # character devices, as real cards are; plain files leave CUDA_VISIBLE_DEVICES empty
            subprocess.run(["mknod", folder / f"gpu{i}", "c", "1", "3"], check=True)
        for name, text in (("slurm.conf", SLURM), ("gres.conf", GRES)):
            CONF.mkdir(exist_ok=True)
            stack.callback((CONF / name).unlink)
            (CONF / name).write_text(MARK + text.format(**facts))
        if subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode:
            Path("/run/munge").mkdir(exist_ok=True)
            for path in ("/run/munge", "/etc/munge", "/var/lib/munge", "/var/log/munge"):
                shutil.chown(path, "munge", "munge")
            _start(
                stack,
                folder,
                "munged",
                ["munged", "--foreground"],
                user="munge",
                group="munge",
                extra_groups=[],
            )
            _wait(["munge", "-n"], "munged")
        _start(stack, folder, "slurmctld", ["slurmctld", "-D", "-c"])
        _wait(["scontrol", "ping"], "slurmctld", "is UP")
        _start(stack, folder, "slurmd", ["slurmd", "-D", "-N", host])
        _wait(["sinfo", "--noheader", "--format=%T"], "slurmd", "idle")
        # no job outlives the daemons
        stack.callback(_drain)
        yield


def _start(stack: ExitStack, folder: Path, name: str, command: list[str], **who) -> None:
    with (folder / f"{name}.log").open("wb") as log:
        # a session of its own: Ctrl-C is for the test, which then stops the daemons in order
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **who)
    stack.callback(_stop, process)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(command: list[str], name: str, word: str = "", seconds: float = 30) -> None:
    """Until `command` succeeds and says `word`."""
    deadline = time.monotonic() + seconds
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0 and word in done.stdout:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} is not up after {seconds:.0f} s: {done.stdout}{done.stderr}")
        time.sleep(0.2)


def _drain() -> None:
    """Cancel every job and wait until none is left."""
    subprocess.run(["scancel", "--user", "root"], check=False)
    deadline = time.monotonic() + 60
    while (
        time.monotonic() < deadline
        and subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=False).stdout
    ):
        time.sleep(0.5)
