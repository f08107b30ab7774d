"""Planning of one million batches, as a share of their training, and a dry run of the paper's study.

A batch is planned at its step, and again when the run counts its exposure. The training is that of the
scratch study's model, the smallest realistic one. With a real encoder the share is a hundredth of this.
"""

import subprocess
import sys
import tempfile
import time

import material
import numpy as np
import train_speed
from timing import Line, clock, left_out

from langscale.config.sampler import Spec
from langscale.config.study import Training
from langscale.core.random import stream
from langscale.training.batches import Sampler, SourceIndex

WHAT, BAR = "batch planning, one million batches", 0.01
AGAINST = "their training, scratch study's model, batch 32"
BATCHES = 1_000_000
PAPER = "config/paper.yaml"


def lines(setting: material.Setting) -> list[Line]:
    """Planning as a share of training, and the dry run."""
    return [*planning(setting), *([] if setting.quick else [dry_run()])]


def planning(setting: material.Setting) -> list[Line]:
    """Batches of x-y in nine languages, from 100,000 pairs without a tenth of their texts."""
    count, rounds = (20, 2) if setting.quick else (5000, 3)
    draw = stream("plan_speed")
    has = draw.random((1000 if setting.quick else 100_000, 9)) > 0.1
    seconds = []
    sampler = Sampler(Spec.parse("x-y"), material.POOL, [SourceIndex("made", has)], 32, 0)
    for number in range(rounds):
        start = clock()
        for step in range(number * count, (number + 1) * count):
            sampler.batch(step)
        seconds.append((clock() - start) / count)
    try:
        found, training = material.pairs(setting, "small"), Training(batch_size=32, precision="float32")
        step = train_speed.step_seconds(found, training, 2 if setting.quick else 20)
    except material.Missing as error:
        return [left_out(WHAT, AGAINST, BAR, str(error))]
    return [
        Line(
            WHAT,
            AGAINST,
            [2 * value / step for value in seconds],
            "%",
            BAR,
            at_least=False,
            ours=f"{np.median(seconds) * BATCHES:.0f} s",
            theirs=f"{step * BATCHES / 3600:,.0f} h",
            remark=f"{rounds} rounds of {count:,} batches, scaled to a million and counted twice: a run "
            "plans its batches once to train and once to count its exposure",
        )
    ]


def dry_run() -> Line:
    """Seconds of `snakemake -n` of the paper's study."""
    words = [sys.executable, "-m", "snakemake", "-n", "--quiet", "all", "--cores", "1", "--configfile", PAPER]
    with tempfile.TemporaryDirectory() as folder:
        words += ["--snakefile", str(material.ROOT / "Snakefile"), "--directory", folder]
        words[words.index(PAPER)] = str(material.ROOT / PAPER)
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            subprocess.run(words, check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
    what = f"snakemake -n of {PAPER}"
    return Line(what, "", seconds, "s", 20.0, at_least=False, remark="2 rounds, wall time of the process")
