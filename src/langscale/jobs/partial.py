"""Parts of an output that takes hours, until it is whole.

They lie beside the output and under no name of an output, because Snakemake deletes the outputs of a job that
failed.
"""

from contextlib import suppress
from pathlib import Path

from langscale.core.files import remove


def state(output: str | Path, key: str) -> Path:
    """The folder for parts of `output`, named by a hash of all that they depend on."""
    return _states(output) / key


def remove_states(output: str | Path) -> None:
    """Delete the parts of an output after it is complete, whatever they were made from."""
    remove(_states(output))
    with suppress(OSError):  # another output's are beside them, or there were none
        _states(output).parent.rmdir()


def _states(output: str | Path) -> Path:
    return Path(output).parent / ".unfinished" / Path(output).name
