"""What tests share."""

import sys

import pytest
from hypothesis import settings

# a busy machine is slow, not wrong
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def one_thread():
    """One thread, as in jobs: bits differ between numbers of threads. Settings of training are restored."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before[0])
    torch.use_deterministic_algorithms(before[1])


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """A planted study with its tables, figures and report: (study, folder, text of the page)."""
    from support import rendered_study as reported  # not for every test: these draw
    from support import synthetic_study as synthetic

    made = synthetic.Made(tmp_path_factory.mktemp("scores"), True)
    folder = tmp_path_factory.mktemp("story")
    return made, folder, reported.write(made, folder)


@pytest.fixture(scope="session")
def made(story):
    """The planted study of `story`."""
    return story[0]


@pytest.fixture(scope="session")
def folder(story):
    """The folder of `story`, with tables and figures."""
    return story[1]
