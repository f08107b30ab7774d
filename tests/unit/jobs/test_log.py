import os
import subprocess
import sys

SCRIPT = """
import os, sys
from langscale.core.errors import UserError
from langscale.jobs.log import redirect
terminal = redirect(sys.argv[1])
print("python", file=sys.stderr, flush=True)
os.system("echo library >&2")
print("bar", file=terminal)
raise (UserError("mend this") if sys.argv[2] == "user" else RuntimeError("broken"))
"""


def said(folder, kind):
    command = [sys.executable, "-c", SCRIPT, str(folder / "logs/job.log"), kind]
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=paths)
    assert done.returncode == 1 and done.stderr == "bar\n"
    return (folder / "logs/job.log").read_text()


def test_all_that_a_job_says_is_in_its_log_but_the_bar(tmp_path):
    assert said(tmp_path, "bug").startswith("python\nlibrary\nTraceback")


def test_a_user_error_is_one_line(tmp_path):
    assert said(tmp_path, "user") == "python\nlibrary\nmend this\n"
