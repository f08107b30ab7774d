"""The small study of the tests, finished once for all of them."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from support.project_copy import ROOT, copy_project, snakemake

CONFIG = "tests/integration/small.yaml"
RESULTS = "results/small"


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """The project with the finished small study in it, which nobody changes; processes of one test run share
    it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "finished"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            making = copy_project(base / "making")
            (making / CONFIG).parent.mkdir(parents=True)
            shutil.copy(ROOT / CONFIG, making / CONFIG)
            snakemake(making, "--configfile", CONFIG)
            making.rename(folder)
    return folder
