"""Speed compared with other tools on one machine.

python performance/bench.py [--quick] [--only GROUP ...] [--model FOLDER] [--mirror FOLDER] [--output FOLDER]

Writes performance/results.md, results.csv and growth.json. Every group of lines runs in a process of its own
with one thread. Groups that do not run keep their lines, with their own date, commit and machine. `--quick`
runs toy sizes without meaning for speed, so it needs an `--output` of its own.
"""

import argparse
import csv
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import material
from timing import Line, commit, machine

HERE = Path(__file__).resolve().parent
GROUPS = (
    "train_speed",
    "embed_speed",
    "rank_speed",
    "shard_speed",
    "bootstrap_speed",
    "plan_speed",
    "growth",
    "overhead",
)
COLUMNS = (
    "group", "what", "against", "measured", "required", "met", "ours", "theirs", "limit", "remark",
)  # fmt: skip
ORIGIN = ("date", "commit", "machine")
PACKAGES = (
    "torch", "transformers", "numpy", "faiss-cpu", "scipy", "sentence-transformers", "pytrec_eval-terrier",
    "ranx", "mteb", "snakemake",
)  # fmt: skip


def main(words: list[str]) -> None:
    """Run the groups and write the results after each."""
    options = _options(words)
    if options.work:
        _work(options)
        return
    options.output.mkdir(parents=True, exist_ok=True)
    rows, growth = _kept(options.output)
    for group in options.only:
        start = time.monotonic()
        found = _process(group, options)
        print(f"{group}: {time.monotonic() - start:.0f} s", flush=True)
        origin = _origin()
        if group == "growth":
            growth = found | origin
        else:
            new = [{"group": group} | row | origin for row in found]
            rows = [row for row in rows if row["group"] != group] + new
        rows.sort(key=lambda row: GROUPS.index(row["group"]))
        _write(options.output, rows, growth)


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="toy sizes: a test that it runs")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="GROUP")
    parser.add_argument("--model", help="folder with multilingual-e5-small, else the bundled model")
    parser.add_argument("--mirror", help="folder or URL prefix before the web, as `mirror` in the config")
    parser.add_argument("--output", type=Path, help="folder of the results, performance/ by default")
    parser.add_argument("--work", help=argparse.SUPPRESS)  # one group, in a process of its own
    options = parser.parse_args(words)
    if options.quick and not options.work:
        if options.output is None:
            parser.error("--quick measures nothing: give it an --output of its own")
        options.only = [group for group in options.only if group != "overhead"]  # the study has no toy size
    options.output = options.output or HERE
    return options


def _origin() -> dict[str, str]:
    """Date, commit and machine of a measurement."""
    found = f"{datetime.now(UTC):%Y-%m-%d}", commit(material.ROOT), machine(PACKAGES)
    return dict(zip(ORIGIN, found, strict=True))


def _process(group: str, options: argparse.Namespace) -> Any:
    """Results of a group, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        words = [sys.executable, __file__, "--work", str(answer), "--only", group]
        words += ["--quick"] * options.quick
        for name in ("model", "mirror"):
            if value := getattr(options, name):
                words += [f"--{name}", value]
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        one = dict.fromkeys(names, "1") | {"PYTHONPATH": _path(), "TOKENIZERS_PARALLELISM": "false"}
        subprocess.run(words, check=True, env=os.environ | one)
        return json.loads(answer.read_text())


def _path() -> str:
    """PYTHONPATH with src, for a langscale that is not installed."""
    return os.pathsep.join([str(material.ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])


def _work(options: argparse.Namespace) -> None:
    (group,) = options.only
    with tempfile.TemporaryDirectory() as folder:
        setting = material.Setting(Path(folder), options.mirror, options.model, options.quick)
        found = importlib.import_module(group)
        if group == "growth":
            grown, rates = found.measured(setting)
            answer = {"growth": [asdict(one) for one in grown], "rates": rates}
        else:
            answer = [as_row(one) for one in found.lines(setting)]
    Path(options.work).write_text(json.dumps(answer))


def as_row(line: Line) -> dict[str, str]:
    """A line as text by column."""
    shown = {column: getattr(line, column) for column in COLUMNS if column != "group"}
    return shown | {"remark": line.remarks}


def _kept(folder: Path) -> tuple[list[dict], dict]:
    """The lines and growths of an earlier run."""
    try:
        with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return rows, json.loads((folder / "growth.json").read_text())
    except FileNotFoundError:
        return [], {}


def _write(folder: Path, rows: list[dict], growth: dict) -> None:
    from growth import Growth, table
    from rates import listed

    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, (*COLUMNS, *ORIGIN))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "growth.json").write_text(json.dumps(growth, indent=1) + "\n")
    lines = [
        "# Speed compared with other tools, and growth",
        "",
        "Made by `make bench`. The last section has date, commit and machine of each group.",
        "",
        "One thread everywhere. Times are CPU times unless a remark says wall time. A ratio is the peer's "
        "time divided by ours, round by round, both sides in turn: median (smallest to largest). `limit` is "
        "our share of the best possible on this machine.",
        "",
        "| what | against | measured | required | met | ours | theirs | limit | remark |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        "| " + " | ".join(row[c].replace("|", "\\|") for c in COLUMNS if c != "group") + " |" for row in rows
    ]
    if growth:
        lines += ["", "## Growth", "", *table([Growth(**one) for one in growth["growth"]])]
        if growth["rates"]:
            lines += ["", "## Rates for `plan`", "", *listed(growth["rates"])]
    lines += ["", "## Measured", ""]
    origins: dict[tuple[str, ...], list[str]] = {}
    for row in [*rows, *([{"group": "growth"} | growth] if growth else [])]:
        groups = origins.setdefault(tuple(row[name] for name in ORIGIN), [])
        groups += [row["group"]] * (row["group"] not in groups)
    lines += [
        f"- {', '.join(groups)}: {date}, commit {code or 'unknown'}, on {where}"
        for (date, code, where), groups in origins.items()
    ]
    (folder / "results.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
