"""Locks of real processes: one study in a folder, one process for a job, and nothing left of killed ones."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from langscale.core import files
from langscale.core.files import sweep
from langscale.jobs import locks as exclusive

SOURCE = str(Path(exclusive.__file__).parents[2])
SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
JOB = """
import sys, time
from langscale.jobs.log import redirect
terminal = redirect(sys.argv[1])
print("working", flush=True)
time.sleep(float(sys.argv[2]))
"""


def start(words, folder, **options):
    """A process in `folder` with both streams to read."""
    environment = os.environ | {"PYTHONPATH": SOURCE}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *words], cwd=folder, env=environment, **pipes, **options)


def study(folder, *command):
    return start(["-m", "langscale.jobs.locks", *(command or SLEEP)], folder)


def job(folder, log, seconds=60):
    return start(["-c", JOB, log, str(seconds)], folder)


@pytest.fixture
def folder(tmp_path):
    """A folder in which Snakemake was killed: its lock is there."""
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("results/x\n")
    return tmp_path


def test_the_second_says_so_on_one_line(folder):
    first = study(folder)
    assert first.stdout.readline() == "up\n"
    second = study(folder)
    said = second.communicate(timeout=30)[1]
    assert second.returncode == 1 and said == f"{folder}: a study is running here; wait for it, or stop it\n"
    other = folder / "other"
    other.mkdir()
    assert study(other, "true").wait(30) == 0  # another folder is another study
    first.kill()
    first.communicate()
    assert study(folder, "true").wait(30) == 0


def test_the_lock_dies_with_the_command_and_its_jobs_do_not_have_it(folder):
    """Snakemake is killed, a job that it started lives on: the next study may begin."""
    parent = "import subprocess, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True);"
    parent += "time.sleep(60)"
    first = study(folder, sys.executable, "-c", parent)
    child = int(first.stdout.readline())
    first.kill()
    first.wait()
    try:
        os.kill(child, 0)
        assert study(folder, "true").wait(30) == 0
    finally:
        os.kill(child, signal.SIGKILL)
        first.communicate()


def test_what_the_killed_left_is_cleared_before_the_command_starts(folder):
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = folder / f"results/s/.log.csv.{files.HOST}.{dead.pid}.partial"
    left.parent.mkdir(parents=True)
    left.touch()
    done = study(
        folder,
        sys.executable,
        "-c",
        "import os; print(sorted(os.listdir('.snakemake')), os.listdir('results/s'))",
    )
    assert done.communicate(timeout=30)[0] == "['exclusive.lock'] []\n"


def test_the_lock_of_a_snakemake_that_lives_stays(folder):
    fake = folder / "snakemake"
    fake.write_text("import time; print('up', flush=True); time.sleep(60)")
    other = start([str(fake), "--cores", "1"], folder)
    its_job = start([str(fake), "--nolock"], folder)
    elsewhere = start([str(fake)], folder.parent)
    for process in (other, its_job, elsewhere):
        assert process.stdout.readline() == "up\n"
    assert exclusive._snakemakes(folder) == [other.pid]
    exclusive.clear(folder)
    assert (folder / ".snakemake/locks").is_dir()
    other.kill()
    other.communicate()
    exclusive.clear(folder)
    assert not (folder / ".snakemake/locks").exists()
    for process in (its_job, elsewhere):
        process.kill()
        process.communicate()


def test_a_job_waits_for_an_earlier_process_of_the_same_job(folder):
    first = job(folder, "logs/a.log")
    assert first.stdout.readline() == "working\n"
    other = job(folder, "logs/b.log", 0)
    assert other.communicate(timeout=30)[0] == "working\n"  # another job does not wait
    second = job(folder, "logs/a.log", 0)
    assert "logs/a.log: an earlier process still works on this job" in second.stderr.readline()
    assert second.poll() is None
    first.kill()
    first.communicate()
    assert second.communicate(timeout=30)[0] == "working\n" and second.returncode == 0


def test_a_job_ends_when_its_workflow_is_killed(folder):
    command = f"[sys.executable, '-c', {JOB!r}, 'a.log', '60']"
    parent = f"import subprocess, sys, time; p = subprocess.Popen({command})\n"
    workflow = start(["-c", parent + "print(p.pid, flush=True); time.sleep(60)"], folder)
    said = sorted(workflow.stdout.readline() for _ in range(2))
    orphan = int(said[0])
    workflow.kill()
    workflow.wait()
    deadline = time.time() + 30
    while Path(f"/proc/{orphan}/stat").exists() and not _zombie(orphan):
        assert time.time() < deadline
        time.sleep(0.05)
    workflow.communicate()


def _zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_sweep_takes_what_no_living_process_can_want(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    old = time.time() - 2 * files.DAY
    gone = [
        f"a/.x.npy.{files.HOST}.{dead.pid}.partial",
        f"a/.folder.{files.HOST}.{dead.pid}.old",
        f"a/.y.elsewhere.{dead.pid}.partial",
    ]
    kept = [
        f"a/.x.npy.{files.HOST}.{os.getpid()}.partial",
        f"a/.y.elsewhere2.{dead.pid}.partial",  # of today, by a machine that we cannot ask
        f"a/.folder.elsewhere.{dead.pid}.old",  # an old folder with a new file in it
        f"a/x.{files.HOST}.{dead.pid}.partial",
        "a/.state",
        "a/value.csv",
    ]
    for name in (*gone, *kept):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if ".folder." in name:
            path.mkdir()
            (path / "file").touch()
        else:
            path.touch()
        if "elsewhere." in name:
            os.utime(path, (old, old))
    assert sorted(str(p.relative_to(tmp_path)) for p in sweep(tmp_path)) == sorted(gone)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.glob("a/*")) == sorted(kept)
    assert sweep(tmp_path / "nothing") == []


def test_the_name_of_a_half_written_file_says_whose_it_is(tmp_path):
    with files.atomic(tmp_path / "value") as partial:
        assert partial.name == f".value.{files.HOST}.{os.getpid()}.partial"
        partial.touch()
        assert sweep(tmp_path) == []
    assert files.HOST.startswith(socket.gethostname()[:3])
