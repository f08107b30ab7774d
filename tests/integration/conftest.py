import shutil
from pathlib import Path

import pytest
from support.finished_study import finished  # noqa: F401  a fixture


@pytest.fixture(scope="module")
def study(finished, tmp_path_factory) -> Path:  # noqa: F811
    """A copy of the finished small study, with new times, for the tests of one module to change."""
    return Path(
        shutil.copytree(finished, tmp_path_factory.mktemp("study") / "copy", copy_function=shutil.copyfile)
    )
