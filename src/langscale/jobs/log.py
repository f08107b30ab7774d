"""The log of a job; the terminal keeps the progress bar."""

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import TextIO

from langscale.core.errors import UserError
from langscale.jobs.locks import alone, end_with_parent


def redirect(file: str | Path) -> TextIO:
    """Begin a job: send standard error of this process and its C libraries to `file`; return the former
    stream.

    A UserError that ends the process is written as one line, any other error with its traceback. Snakemake
    shows the log of a failed job. An earlier process of the same job is waited for, and the death of the
    workflow ends this process (`langscale.jobs.locks`).
    """
    end_with_parent()
    alone(file)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    terminal = os.fdopen(os.dup(2), "w", buffering=1)
    log = os.open(file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
    os.dup2(log, 2)
    os.close(log)
    sys.excepthook = _say
    return terminal


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, UserError):
        print(error, file=sys.stderr)
    else:
        traceback.print_exception(kind, error, trace)
