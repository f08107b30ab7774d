"""Share of the default study without computation: process starts, imports and Snakemake itself.

Runs the whole study in a temporary folder and splits its CPU time (user and system, all processes):

- Snakemake: the main process alone, sampled until its end.
- starts and imports: for every rule, the CPU time of a process with only the imports of the rule's script
  (median of three), times the number of jobs.
- the rest is computation.

python performance/overhead.py [CONFIG [FOLDER]]        writes performance/overhead.md, and keeps the study in
FOLDER, which has to be new
"""

import ast
import contextlib
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import Line, processor

ROOT = Path(__file__).resolve().parents[1]
# imports inside of functions, beyond those of the script
LATER = {
    "train": ["transformers.models.bert.modeling_bert"],
    "embed": ["torch", "langscale.models.encoder", "transformers.models.bert.modeling_bert"],
    "adapters": ["torch", "datasets"],
    "base_vectors": ["torch", "transformers.models.bert.modeling_bert"],
    "score_adapters": ["langscale.retrieval.search", "faiss"],
    "base": ["datasets", "transformers", "tokenizers"],
    "tokens": ["datasets", "transformers"],
    "subset": ["datasets"],
    "data_table": ["datasets"],
    "score": ["langscale.retrieval.search", "faiss"],
    "statistics": ["scipy.sparse", "scipy.stats"],
}
SCRIPTS = {"figures_of_study": "figures", "report_of_study": "report", "reuse": "embed"}


def children() -> float:
    """CPU seconds of all finished child processes and of their children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start_cost(rule: str) -> float:
    """CPU seconds of a process with only the imports of a job of `rule`."""
    script = ROOT / "workflow/scripts" / f"{SCRIPTS.get(rule, rule)}.py"
    tree = ast.parse(script.read_text())
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    code = "\n".join(map(ast.unparse, imports)) + "".join(f"\nimport {name}" for name in LATER.get(rule, []))
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    costs = []
    for _ in range(3):
        before = children()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        costs.append(children() - before)
    return statistics.median(costs)


def own_cpu(pid: int) -> float:
    """CPU seconds of one process without its children, from /proc."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def run(config: str, keep: str | None = None) -> tuple[float, float, float, dict[str, int]]:
    """(wall seconds, CPU seconds, CPU seconds of Snakemake's main process, jobs by rule) of a whole study.

    keep: the new folder of the study, else a temporary one.
    """
    with contextlib.nullcontext(keep) if keep else tempfile.TemporaryDirectory() as folder:
        Path(folder).mkdir(exist_ok=not keep, parents=True)
        words = ["--cores", "all", "--directory", folder, "--configfile", str(ROOT / config)]
        before, start, main = children(), time.monotonic(), 0.0
        with (Path(folder) / "log").open("w+") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *words],
                stdout=log,
                stderr=log,
            )
            while process.poll() is None:
                main = max(main, own_cpu(process.pid))
                time.sleep(0.5)
            wall = time.monotonic() - start
            log.seek(0)
            output = log.read()
        if process.returncode:
            sys.exit(output[-3000:])
        table = output.partition("Job stats:")[2].partition("total")[0]
        jobs: dict[str, int] = {}
        for numbered, n in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE):
            rule = re.sub(r"_\d+$", "", numbered)  # rules of adapters have a number each
            if (ROOT / f"workflow/scripts/{SCRIPTS.get(rule, rule)}.py").exists():
                jobs[rule] = jobs.get(rule, 0) + int(n)
        return wall, children() - before, main, jobs


def main(config: str, keep: str | None = None) -> tuple[float, float, str]:
    """Write performance/overhead.md. Returns (share, minutes of the study, the largest part in words)."""
    wall, cpu, snakemake, jobs = run(config, keep)
    costs = {rule: start_cost(rule) for rule in jobs}
    starts = sum(costs[rule] * n for rule, n in jobs.items())
    share = (starts + snakemake) / cpu
    lines = [
        "# Overhead of the default study",
        "",
        f"`python performance/overhead.py {config}` on {os.cpu_count()} cores of {processor()}: "
        f"{wall / 60:.1f} minutes, {cpu:.0f} CPU seconds.",
        "",
        "| part | jobs | CPU s a job | CPU s | share |",
        "|---|---|---|---|---|",
    ]
    for rule, n in sorted(jobs.items(), key=lambda item: -costs[item[0]] * item[1]):
        lines.append(f"| start and imports of {rule} | {n} | {costs[rule]:.2f} | {costs[rule] * n:.0f} | "
                     f"{costs[rule] * n / cpu:.1%} |")  # fmt: skip
    lines += [
        f"| Snakemake | | | {snakemake:.0f} | {snakemake / cpu:.1%} |",
        f"| **overhead** | | | **{starts + snakemake:.0f}** | **{share:.1%}** |",
        f"| computation | | | {cpu - starts - snakemake:.0f} | {1 - share:.1%} |",
        "",
    ]
    (ROOT / "performance/overhead.md").write_text("\n".join(lines))
    print("\n".join(lines))
    rule = max(jobs, key=lambda rule: costs[rule] * jobs[rule])
    largest = (
        f"{jobs[rule]} starts of {rule}, {costs[rule]:.1f} CPU s each for Python, torch and transformers, "
        f"are {costs[rule] * jobs[rule] / cpu:.0%}"
    )
    return share, wall / 60, largest


def lines(_: object) -> list[Line]:
    """The share as a line of `bench.py`. There is no toy size."""
    share, minutes, largest = main("config/config.yaml")
    remark = f"{minutes:.1f} minutes; by part in overhead.md"
    return [
        Line(
            "overhead of the default study",
            "",
            [share],
            "%",
            0.2,
            False,
            remark=remark,
            why=largest,
        )
    ]


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["config/config.yaml"]))
