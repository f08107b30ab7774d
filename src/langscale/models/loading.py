"""How checkpoints are loaded: from files of this machine, without code of theirs, pickles or messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
WEIGHTS: dict[str, Any] = {"dtype": "float32", "use_safetensors": True}
NO_DEVICE: dict[str, Any] = WEIGHTS | {"device_map": {"": "meta"}}  # sizes without numbers


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' report of missing and unexpected weights, and its progress bar."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
