"""Growth of time and memory with pairs, texts, corpus size and runs: sizes of 1, 2, 4 and 8, and the
exponent.

Every size runs in a forked process. Its memory is the peak beyond the memory at the start of the work. The
exponent is the slope of log time against log size. Nothing may grow faster than n log n. Between the smallest
and the largest size this is an exponent of at most 1 + log(log 8n / log n) / log 8, 1.1 for any n above
5,000. All times are CPU times. Work with a constant start, such as Snakemake's, has a smaller exponent than
its growth.
"""

import ctypes
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import made
import material
import numpy as np
import pandas as pd
import rates
import yaml

from langscale.config.sampler import Spec
from langscale.core.random import stream
from langscale.retrieval.search import exact_ranks, top_k
from langscale.statistics.intervals import estimate
from langscale.training.batches import Sampler, SourceIndex

STEPS = (1, 2, 4, 8)
ROUNDS = 3
QUERIES = 256  # of the two lines by corpus size
CLUSTERS, RESAMPLES = 240, 10_000  # of statistics: the paragraphs of XQuAD-R, and the default


@dataclass(frozen=True)
class Growth:
    """Seconds and bytes at each of `sizes`."""

    what: str
    sizes: list[int]
    seconds: list[float]
    memory: list[int]

    @property
    def exponent(self) -> float:
        """Slope of log seconds against log size."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0])

    @property
    def memory_exponent(self) -> float:
        """Slope of log memory against log size. Less than a MiB counts as one."""
        return float(np.polyfit(np.log(self.sizes), np.log(np.maximum(self.memory, 2**20)), 1)[0])

    @property
    def bound(self) -> float:
        """Exponent of n log n between the smallest size and the largest."""
        small, large = math.log(self.sizes[0]), math.log(self.sizes[-1])
        return 1 + math.log(large / small) / (large - small)

    @property
    def verdict(self) -> str:
        """Whether neither time nor memory grows faster than n log n."""
        found = {"time": self.exponent, "memory": self.memory_exponent}
        faster = [name for name, value in found.items() if value > self.bound]
        return f"no: {', '.join(faster)}" if faster else "yes"


def measured(setting: material.Setting) -> tuple[list[Growth], dict[str, float]]:
    """All lines of the table, and the rates of `plan`."""
    q = setting.quick
    import torch

    torch.set_num_threads(1)  # before anything forks
    found = [
        _grown("pairs: index of a subset and 100 batches", _pairs, 50 if q else 20_000, q),
        _grown(
            "pairs: training, one-layer model (with its start)",
            rates.trained(setting),
            16 if q else 640,
            q,
        ),
        _grown("texts: tokens and embeddings, one-layer model", _texts(setting), 20 if q else 2000, q),
        _grown(f"corpus: exact ranks of {QUERIES} queries", _ranks, 40 if q else 10_000, q),
        _grown(f"corpus: top 100 of {QUERIES} queries", _lists, 140 if q else 10_000, q),
        _grown("runs: intervals and tests, one contrast per run", _runs, 8 if q else 100, q),
        _grown("runs: all tables of a study", _tables(setting), 8, q, rounds=1),
    ]
    counted = rates.measured(setting, found[-1].seconds[-1] / found[-1].sizes[-1])
    return (found if q else [*found, _dry_run()]), counted


def _grown(
    what: str, make: Callable[[int], Callable[[], object]], smallest: int, quick: bool, rounds: int = ROUNDS
) -> Growth:
    sizes = [smallest * step for step in (STEPS[:2] if quick else STEPS)]
    rounds = 1 if quick else rounds
    found = [[_forked(make, size) for size in sizes] for _ in range(rounds)]
    return Growth(
        what,
        sizes,
        [min(each[i][0] for each in found) for i in range(len(sizes))],
        [min(each[i][1] for each in found) for i in range(len(sizes))],
    )


def _forked(make: Callable[[int], Callable[[], object]], size: int) -> tuple[float, int]:
    """(seconds, bytes) of make(size)() in a process of its own, without the call of `make`."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            work = make(size)
            if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
                trim(0)  # free memory in the heap would hide the memory of the work
            Path("/proc/self/clear_refs").write_text("5")  # resets the peak
            before, start = _memory("VmRSS"), time.process_time()
            work()
            answer = time.process_time() - start, _memory("VmHWM") - before
            os.write(write, json.dumps(answer).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"growth: size {size} failed")
    seconds, memory = json.loads(answer)
    return seconds, memory


def _memory(name: str) -> int:
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0]) * 1024


def _pairs(size: int) -> Callable[[], object]:
    from langscale.data import subsets

    languages = ["de", "en", "es"]
    pairs = pd.DataFrame(
        [(f"p{i:08}", code, f"d{i // 4:08}", []) for code in languages for i in range(size)],
        columns=["pair_id", "language", "passage_id", "negative_ids"],
    )
    passages = pairs[["passage_id", "language"]].drop_duplicates()
    prints = np.arange(len(pairs)) // 2  # neighbours have the same query

    def work() -> None:
        subset = subsets.build("made", pairs, passages, languages, languages, 0, fingerprints=prints)
        sampler = Sampler(Spec.parse("x-y"), languages, [SourceIndex("made", subset.available)], 32, 0)
        for step in range(100):
            sampler.batch(step)

    return work


def _texts(setting: material.Setting) -> Callable[[int], Callable[[], object]]:
    passages = material.xquad(material.Setting(setting.folder, quick=True))[1]["text"]
    folder, model = material.small(setting, list(passages))

    def make(size: int) -> Callable[[], object]:
        from langscale.data.tokens import Tokens, tokenise
        from langscale.models import pretrained as base
        from langscale.models.encoder import Encoder
        from langscale.retrieval.embedding import embed

        encoder, tokenizer = Encoder.initial(folder, "bench", model, 0), base.tokenizer(folder)
        words = " ".join(passages).split()
        draw = stream("growth", size)
        texts = [" ".join(draw.choice(words, draw.integers(5, 25))) for _ in range(size)]

        def work() -> None:
            with tempfile.TemporaryDirectory() as scratch:
                tokenise(Path(scratch) / "t", texts, tokenizer, "", model.passage_length)
                embed(encoder, Tokens.load(Path(scratch) / "t"))

        return work

    return make


def _vectors(size: int) -> tuple[np.ndarray, np.ndarray]:
    draw = stream("growth", size)
    return tuple(draw.standard_normal((n, 64), dtype=np.float32) for n in (QUERIES, size))


def _ranks(size: int) -> Callable[[], object]:
    queries, candidates = _vectors(size)
    languages = np.arange(size) % 11
    relevant = np.arange(QUERIES)[:, None] * 11 % (size - 10) + np.arange(11)
    return lambda: exact_ranks(queries, candidates, languages, relevant)


def _lists(size: int) -> Callable[[], object]:
    queries, candidates = _vectors(size)
    return lambda: top_k(queries, candidates, 100)


def _runs(size: int) -> Callable[[], object]:
    draw = stream("growth", size)
    sums, counts = draw.random((size, 240, 1)), np.ones((240, 1))
    units = [[{i: 1.0, (i + 1) % size: -1.0}] for i in range(size)]
    names = [f"{c:04}" for c in range(240)]
    return lambda: estimate(units, sums, counts, names, [False] * size, n_resamples=2000)


def _tables(setting: material.Setting) -> Callable[[int], Callable[[], object]]:
    """All tables of statistics, with languages and paragraphs of XQuAD-R. Contrasts grow with the runs."""

    def make(size: int) -> Callable[[], object]:
        folder = Path(tempfile.mkdtemp(dir=setting.folder))
        clusters, resamples = (6, 100) if setting.quick else (CLUSTERS, RESAMPLES)
        return made.stage(folder, size, clusters, resamples)

    return make


def _dry_run() -> Growth:
    """A dry run of config/scratch.yaml with 2, 4, 8 and 16 replicates, by number of jobs."""
    sizes, seconds, memory = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for step in STEPS:
            study = yaml.safe_load((material.ROOT / "config/scratch.yaml").read_text(encoding="utf-8"))
            file = Path(folder) / f"{step}.yaml"
            file.write_text(yaml.safe_dump(study | {"replicates": 2 * step}))
            code = (
                "import resource, subprocess, sys; "
                "out = subprocess.run(sys.argv[1:], capture_output=True, text=True); "
                "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime, "
                "used.ru_maxrss * 1024); print(out.stdout + out.stderr); sys.exit(out.returncode)"
            )
            words = [sys.executable, "-c", code, sys.executable, "-m", "snakemake", "-n", "--quiet", "rules"]
            words += ["--cores", "1", "--directory", folder, "--configfile", str(file)]
            words += ["--snakefile", str(material.ROOT / "Snakefile")]
            output = subprocess.run(words, check=True, capture_output=True, text=True).stdout
            first, _, rest = output.partition("\n")
            spent, peak = first.split()
            sizes.append(int(re.search(r"^total\s+(\d+)", rest, re.M)[1]))
            seconds.append(float(spent))
            memory.append(int(peak))
    return Growth("runs: snakemake -n, by jobs (with its start)", sizes, seconds, memory)


def table(found: list[Growth]) -> list[str]:
    """The growths as Markdown."""
    steps = " | ".join(f"{step}x" for step in STEPS)
    lines = [
        f"| growth of, with smallest size | CPU seconds at {steps} | exponent | MiB at {steps} | exponent "
        "| exponent of n log n | at most n log n |",
        "|" + "---|" * (5 + 2 * len(STEPS)),
    ]
    for one in found:
        seconds = " | ".join(f"{value:.3g}" for value in one.seconds)
        memory = " | ".join(f"{value / 2**20:.3g}" for value in one.memory)
        lines.append(
            f"| {one.what}, {one.sizes[0]:,} | {seconds} | {one.exponent:.2f} | {memory} "
            f"| {one.memory_exponent:.2f} | {one.bound:.2f} | {one.verdict} |"
        )
    return lines
