"""Loading is silent, and leaves transformers' settings as they were."""

import pytest
from transformers.utils import logging

from langscale.models.loading import quiet


@pytest.mark.parametrize("bar", [True, False])
def test_messages_and_bars_are_off_in_the_block_alone(bar):
    before, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    try:
        logging.set_verbosity_info()
        logging.enable_progress_bar() if bar else logging.disable_progress_bar()
        with pytest.raises(OSError), quiet():
            assert logging.get_verbosity() == logging.ERROR
            assert not logging.is_progress_bar_enabled()
            raise OSError("a checkpoint is missing")
        assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (logging.INFO, bar)
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar() if shown else logging.disable_progress_bar()
