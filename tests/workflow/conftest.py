from collections.abc import Callable
from pathlib import Path

import pytest
from support.project_copy import copy_project, job_counts, snakemake


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A fresh copy of the project without results."""
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def planned(project) -> Callable[..., dict[str, int]]:
    """Job counts of a dry run of the fresh copy."""
    return lambda *words: job_counts(snakemake(project, "-n", *words))
