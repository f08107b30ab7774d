"""The plan of a study: its costs as text and as CSV."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path

from tabulate import tabulate

from langscale.core.files import atomic
from langscale.planning.costs import COLUMNS, Costs, Row
from langscale.planning.downloads import downloads, licences
from langscale.planning.machines import CARDS, CORE, DECODING, SHARE

HEAD = ("model", "sampler", "budget", "n", "steps", "runs", "M pairs", "G tokens", "G embedded", "PFLOP")


def text(costs: Costs, rows: Sequence[Row]) -> str:
    """The plan as text. Its table has one line for the rows that differ in n only."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.model, row.sampler, row.budget), []).append(row)
    lines = [
        [*key, _list(row.n_languages for row in group), _list(row.steps for row in group), *_sums(group)]
        for key, group in groups.items()
    ]
    table = tabulate(
        [*lines, ["all", "", "", "", "", *_sums(rows)]],
        [*HEAD, f"{CARDS[0].name} h", "core h"],
        disable_numparse=True,
        colalign=["left"] * 5 + ["right"] * 7,
    )
    others = ", ".join(f"{card.name} {_total(row.hours(card) for row in rows)}" for card in CARDS[1:])
    disk = costs.disk()
    kinds = ", ".join(f"{name} {size(number)}" for name, number in disk.items() if number)
    found = [
        f"{costs.study.study}: {len(costs.grid.trained)} runs to train",
        "",
        table,
        "",
        f"GPU: {_total(row.gpu_hours for row in rows)} hours of one {CARDS[0].name} to train and embed; "
        f"on others: {others}.",
        f"     Assumed: {SHARE:.0%} of the peak in bf16 ({CARDS[0].training / SHARE / 1e12:.0f} TFLOP/s "
        f"of an A100), {DECODING:.0%} in translation.",
        f"CPU instead: {_total(row.core_hours for row in rows)} core hours, half as many on two cores, at "
        f"{CORE.training / 1e9:.0f} GFLOP/s a core.",
        f"CPU in any case: {_total(row.search_core_hours for row in rows)} core hours to search and score, "
        f"{_total(row.statistics_core_hours for row in rows)} for statistics.",
        f"Disk: {'at least ' if costs.unknown else ''}{size(sum(disk.values()))}: {kinds}.",
        _downloads(costs),
        f"Lengths: measured here for {', '.join(sorted(costs.measured)) or 'nothing yet'}, else estimates of "
        "the data sets' records.",
    ]
    if unknown := costs.unknown:
        found.append(f"Unknown size: {', '.join(unknown)}. Sums have the rest only.")
    if names := licences(costs.study):
        found.append(f"Before it runs: accept_licence: [{', '.join(names)}], for non-commercial use only.")
    return "\n".join(found)


def _downloads(costs: Costs) -> str:
    known, unknown = downloads(costs.study)
    files = ", ".join(
        f"{name} ({of.files} file{'s' * (of.files > 1)}"
        f"{'' if of.estimate is None else f', about {size(of.estimate)}'})"
        for name, of in sorted(unknown.items())
    )
    return f"Download: {size(known)}" + (f", and of unknown size {files}" if files else "") + "."


def _sums(rows: Sequence[Row]) -> list[str]:
    return [
        _total(row.runs for row in rows),
        _total(row.pairs / 1e6 for row in rows),
        _total(row.tokens / 1e9 for row in rows),
        _total(row.embedded_tokens / 1e9 for row in rows),
        _total(row.operations / 1e15 for row in rows),
        _total(row.gpu_hours for row in rows),
        _total(row.core_hours for row in rows),
    ]


def _total(numbers: Iterable[float]) -> str:
    """The sum, with "at least" if some numbers are unknown, or "?" if all are."""
    every = list(numbers)
    known = [number for number in every if not math.isnan(number)]
    if not known:
        return "?"
    return ("at least " if len(known) < len(every) else "") + _short(sum(known))


def _list(values: Iterable[int]) -> str:
    found = sorted(set(values))
    return " ".join(map(str, found)) if len(found) < 9 else f"{found[0]} to {found[-1]}"


def _short(number: float) -> str:
    """Three digits: 0.012, 1.2, 123, 12,345."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def size(count: float) -> str:
    """Bytes with a unit: 31 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def write(rows: Sequence[Row], file: str | Path) -> None:
    """Write the rows as CSV, unknown numbers as nan."""
    with atomic(file) as partial, partial.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)
