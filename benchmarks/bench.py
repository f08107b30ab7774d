"""Speed against peers, side by side on one machine: what issue and design ask for, and what was reached.

    python benchmarks/bench.py [--quick] [--only GROUP ...] [--model FOLDER] [--mirror FOLDER]

Writes benchmarks/results.md and results.csv. Every group of lines is a process of its own with one thread; the lines of
groups that are not asked for stay as they are in results.csv. --quick: toy sizes, which say nothing about speed.
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
from pathlib import Path

import material
from timing import Line, machine

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
    "group", "what", "against", "measured", "asked", "met", "ours", "theirs", "limit", "remark",
)  # fmt: skip
PACKAGES = (
    "torch", "transformers", "numpy", "faiss-cpu", "scipy", "sentence-transformers", "pytrec_eval-terrier", "ranx",
    "mteb", "snakemake",
)  # fmt: skip


def main(words: list[str]) -> None:
    options = _options(words)
    if options.work:
        _work(options)
        return
    rows, growth = _kept(options.output)
    for group in options.only:
        start = time.monotonic()
        found = _process(group, options)
        print(f"{group}: {time.monotonic() - start:.0f} s", flush=True)
        if group == "growth":
            growth = found
        else:
            rows = [row for row in rows if row["group"] != group] + [{"group": group} | row for row in found]
        rows.sort(key=lambda row: GROUPS.index(row["group"]))  # as they come: what was done is kept
        _write(options.output, rows, growth)


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="toy sizes: whether it runs, not how fast")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="GROUP")
    parser.add_argument("--model", help="a folder with multilingual-e5-small")
    parser.add_argument(
        "--mirror", default=str(material.SHARED / "mirror"), help="see `mirror` in the config"
    )
    parser.add_argument("--output", type=Path, default=HERE, help="folder of results.md and results.csv")
    parser.add_argument("--work", help=argparse.SUPPRESS)  # one group, in a process of its own
    return parser.parse_args(words)


def _process(group: str, options: argparse.Namespace) -> list:
    """What a group finds, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        words = [sys.executable, __file__, "--work", str(answer), "--only", group, "--mirror", options.mirror]
        words += ["--quick"] * options.quick + (["--model", options.model] if options.model else [])
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        one = dict.fromkeys(names, "1") | {"PYTHONPATH": _path(), "TOKENIZERS_PARALLELISM": "false"}
        subprocess.run(words, check=True, env=os.environ | one)
        return json.loads(answer.read_text())


def _path() -> str:
    """PYTHONPATH that finds langscale where it is not installed."""
    return os.pathsep.join([str(material.ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])


def _work(options: argparse.Namespace) -> None:
    (group,) = options.only
    with tempfile.TemporaryDirectory() as folder:
        setting = material.Setting(Path(folder), options.mirror, options.model, options.quick)
        found = importlib.import_module(group)
        answer = found.rows(setting) if group == "growth" else found.lines(setting)
    Path(options.work).write_text(json.dumps([as_row(one) for one in answer]))


def as_row(one) -> dict:
    """A line as text by column; a growth as its fields."""
    if not isinstance(one, Line):
        return asdict(one)
    return {column: getattr(one, column) for column in COLUMNS if column != "group"}


def _kept(folder: Path) -> tuple[list[dict], list[dict]]:
    """The lines and growths of an earlier run."""
    try:
        with open(folder / "results.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return rows, json.loads((folder / "growth.json").read_text())
    except FileNotFoundError:
        return [], []


def _write(folder: Path, rows: list[dict], growth: list[dict]) -> None:
    from growth import Growth, table

    with open(folder / "results.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    (folder / "growth.json").write_text(json.dumps(growth, indent=1) + "\n")
    lines = [
        "# Speed, side by side with others, and growth",
        "",
        f"`make bench` on {machine(PACKAGES)}.",
        "",
        "One thread everywhere, CPU time. A ratio is the other's time divided by ours, round by round, the sides taking turns: "
        "median (least to most). `limit`: the share of what this machine can do at best.",
        "",
        "| what | against | measured | asked | met | ours | theirs | limit | remark |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        "| " + " | ".join(row[c].replace("|", "\\|") for c in COLUMNS if c != "group") + " |" for row in rows
    ]
    if growth:
        lines += ["", "## Growth", "", *table([Growth(**one) for one in growth])]
    (folder / "results.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
