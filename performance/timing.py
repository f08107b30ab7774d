"""Shared parts of the benchmarks: rounds in turn, a line of the table, the machine.

Time is CPU time of the process (user and system) unless a remark says wall time. Every side has one thread
and reads from memory. So on an idle machine this is the wall time, and on a busy machine other programs do
not count.
"""

import importlib.metadata
import os
import platform
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

clock = time.process_time
UNITS = {"x": "{:.2f}x", "%": "{:.1%}", "s": "{:.1f} s"}


def interleaved(works: Mapping[str, Callable[[], float | None]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each work in each round. A work may return its own time instead.

    The works take turns, in every second round in reverse order, so a machine that slows down favours none.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        for name in list(works)[:: -1 if number % 2 else 1]:
            start = clock()
            own = works[name]()
            seconds[name].append(clock() - start if own is None else own)
    return seconds


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> list[float]:
    """Their time divided by ours, round by round."""
    return [a / b for a, b in zip(theirs, ours, strict=True)]


@dataclass(frozen=True)
class Line:
    """One line of the table.

    values: one per round. unit: x (times the peer's speed), % (a share from 0 to 1) or s (seconds). bar: the
    required value, as a minimum if `at_least`, else as a maximum, or None. ours, theirs: the measured times
    or rates. limit: our share of the best possible on this machine. remark: conditions. why: the reason,
    shown if the bar is missed.
    """

    what: str
    against: str
    values: list[float]
    unit: str
    bar: float | None
    at_least: bool = True
    ours: str = ""
    theirs: str = ""
    limit: str = ""
    remark: str = ""
    why: str = ""

    @property
    def remarks(self) -> str:
        """The remark, with the reason if the bar is missed."""
        missed = f"missed: {self.why}" if self.why and self.met == "no" else ""
        return "; ".join(filter(None, [self.remark, missed]))

    @property
    def median(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.values)

    @property
    def met(self) -> str:
        """Whether the median meets the bar: yes, no, not measured, or empty without a bar."""
        if self.bar is None:
            return ""
        if not self.values:
            return "not measured"
        return "yes" if (self.median >= self.bar) == self.at_least else "no"

    @property
    def measured(self) -> str:
        """Median, and the range of several rounds."""
        if not self.values:
            return ""
        text = UNITS[self.unit].format
        if len(self.values) == 1:
            return text(self.median)
        return f"{text(self.median)} ({text(min(self.values))} to {text(max(self.values))})"

    @property
    def required(self) -> str:
        """The bar as text."""
        if self.bar is None:
            return ""
        return f"{'at least' if self.at_least else 'at most'} {UNITS[self.unit].format(self.bar)}"


def left_out(what: str, against: str, bar: float | None, why: str) -> Line:
    """The line of a comparison that could not be measured here."""
    return Line(what, against, [], "x", bar, remark=f"not measured: {why}")


def rate(number: float, seconds: Sequence[float], of: str) -> str:
    """Rate of the median round, such as "12.3 pairs/s"."""
    return f"{number / statistics.median(seconds):,.1f} {of}/s"


def processor() -> str:
    """Name of the processor."""
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return names[0] if names else platform.processor()


def commit(root: Path) -> str:
    """The commit of the code, with a + if its files have changes since, or "" outside of git."""
    words = ["git", "-C", str(root)]
    try:
        found = subprocess.run(
            [*words, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
        )
        code = ["Snakefile", "src", "workflow", "config", "performance/*.py"]
        changed = subprocess.run([*words, "diff", "--quiet", "HEAD", "--", *code]).returncode
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip() + "+" * bool(changed)


def machine(packages: Sequence[str]) -> str:
    """Processor, cores, memory, system and the versions of `packages`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = []
    for name in packages:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    model = re.search(r"^model\s*: (\d+)$", Path("/proc/cpuinfo").read_text(), re.M)
    named = f"{processor()}{f' (model {model[1]})' if model else ''}"
    return (
        f"{named}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {', '.join(versions)}"
    )
