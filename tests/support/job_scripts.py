"""Scripts of workflow/ run in this process."""

import runpy
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

from langscale.jobs import job, log, manifests

ROOT = Path(__file__).parents[2]


class Told(dict):
    """Names with values, as Snakemake hands them to a script."""

    __getattr__ = dict.__getitem__


def script(name: str, params: dict, input: dict, output: dict) -> None:
    """Run workflow/scripts/<name> in this process, with what Snakemake would tell it; its errors stay on
    stderr.

    Folders and files among `input` are data: their manifests are written first. `output`: name -> folder, or
    file without its suffix. A script that finds its outputs made ends without an error.
    """

    def manifest(data: Path | str) -> str:
        path = Path(data)
        file = (
            path
            if path.suffix == ".json"
            else path.with_name(f"{path.stem if path.is_file() else path.name}.json")
        )
        if file != path:
            manifests.write(file)
        return str(file)

    told = SimpleNamespace(
        params=Told({"where": {}} | params),
        input=Told(
            {k: [manifest(f) for f in v] if isinstance(v, list) else manifest(v) for k, v in input.items()}
        ),
        output=Told({name: f"{path}.json" for name, path in output.items()}),
        log=["unused"],
        threads=2,
    )
    log.redirect = job.redirect = lambda file: sys.stderr
    with suppress(SystemExit):
        runpy.run_path(str(ROOT / "workflow/scripts" / name), init_globals={"snakemake": told})
