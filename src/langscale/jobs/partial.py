"""Where the parts of an output that takes hours lie until it is whole: beside it, and under no name of an output,
because Snakemake deletes the outputs of a job that failed.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from langscale.core.files import remove, sha256


def state(
    output: str | Path, weights: str | Path, tokens: str | Path, values: Any, code: Iterable[str]
) -> Path:
    """The folder for parts of `output`, named by all that they depend on.

    `weights`: the folder of a checkpoint, or of an untrained model; `tokens`: a benchmark's; `values`: JSON, with the
    number of threads, on which bits depend; `code`: modules of langscale.
    """
    digest = hashlib.sha256(json.dumps(values).encode())
    for file in sorted(path for path in Path(weights).rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(weights)} {sha256(file)}".encode())
    for side in ("questions", "candidates"):
        digest.update((Path(tokens) / side / "meta.json").read_bytes())
    for name in code:
        digest.update(Path(__file__).parents[1].joinpath(name).read_bytes())
    return _states(output) / digest.hexdigest()[:16]


def remove_states(output: str | Path) -> None:
    """Delete the parts of an output, once it is there."""
    remove(_states(output))
    with suppress(OSError):  # another output's are beside them, or there were none
        _states(output).parent.rmdir()


def _states(output: str | Path) -> Path:
    return Path(output).parent / ".unfinished" / Path(output).stem
