"""Finished parts of an output that takes hours, until the output is complete.

They are beside the output under another name, because Snakemake deletes the outputs of a failed job.
"""

from contextlib import suppress
from pathlib import Path

from langscale.core.files import remove


def state(output: str | Path, key: str) -> Path:
    """The folder for parts of `output`. `key`: a hash of everything that they depend on."""
    return _states(output) / key


def remove_states(output: str | Path) -> None:
    """Delete the parts of a complete output, for all keys."""
    remove(_states(output))
    with suppress(OSError):  # another output's are beside them, or there were none
        _states(output).parent.rmdir()


def _states(output: str | Path) -> Path:
    return Path(output).parent / ".unfinished" / Path(output).name
