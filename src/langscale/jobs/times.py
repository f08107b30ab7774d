"""Snakemake's records of time (`benchmark`), kept where a job only finds its data made before.

Snakemake writes the record after the job ends, also over that of the job that made the data. So such a job
keeps the old record beside it, and the end of the workflow puts it back. The record of `X.log` is `X.tsv`.
"""

import shutil
from pathlib import Path

KEPT = ".kept"


def keep(log: str | Path) -> None:
    """Keep the record of a log, if there is one and none is kept yet."""
    record = Path(log).with_suffix(".tsv")
    if record.exists() and not _kept(record).exists():
        shutil.copyfile(record, _kept(record))


def forget(log: str | Path) -> None:
    """Drop a kept record, because the job makes its data again."""
    _kept(Path(log).with_suffix(".tsv")).unlink(missing_ok=True)


def restore(folder: str | Path) -> None:
    """Put back all kept records below a folder. They are new files: Snakemake compares their times."""
    for kept in sorted(Path(folder).rglob(f"*.tsv{KEPT}")):
        shutil.copyfile(kept, kept.with_name(kept.name.removesuffix(KEPT)))
        kept.unlink()


def _kept(record: Path) -> Path:
    return record.with_name(record.name + KEPT)
