"""The plan of a study: what it will cost, as text for a person and as CSV."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from langscale.core.files import atomic
from langscale.planning.costs import COLUMNS, Costs, hours
from langscale.planning.sizes import CARDS, CORE, DECODING, SHARE


def text(costs: Costs, rows: Sequence[dict[str, Any]]) -> str:
    """What a person wants to know of a plan; rows that differ in n only are one."""
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["sampler"], row["budget"]), []).append(row)
    shown = [
        [*key, *(_list(row[name] for row in group) for name in ("n_languages", "steps")), *_sums(group)]
        for key, group in groups.items()
    ]
    head = ["model", "sampler", "budget", "n", "steps", "runs", "M pairs", "G tokens", "G embedded", "PFLOP"]
    table = tabulate(
        [*shown, ["all", "", "", "", "", *_sums(rows)]],
        [*head, f"{CARDS[0].name} h", "core h"],
        disable_numparse=True,
        colalign=["left"] * 5 + ["right"] * 7,
    )
    gpu, core, search, statistics = (
        sum(row[name] for row in rows)
        for name in ("gpu_hours", "core_hours", "search_core_hours", "statistics_core_hours")
    )
    others = ", ".join(f"{card.name} {_short(sum(hours(row, card) for row in rows))}" for card in CARDS[1:])
    disk, (known, unknown) = costs.disk(), costs.download()
    files = ", ".join(
        f"{name} ({count} file{'s' * (count > 1)}{'' if about is None else f', about {size(about)}'})"
        for name, (count, about) in sorted(unknown.items())
    )
    lines = [
        f"{costs.study.study}: {len(costs.grid.trained)} runs to train",
        "",
        table,
        "",
        f"GPU: {_short(gpu)} hours of one {CARDS[0].name} to train and embed; on others: {others}.",
        f"     Assumed: {SHARE:.0%} of the peak in bf16 ({CARDS[0].rate / SHARE / 1e12:.0f} TFLOP/s of an A100), "
        f"{DECODING:.0%} in translation.",
        f"CPU instead: {_short(core)} core hours, half as many on two cores, at {CORE.rate / 1e9:.0f} GFLOP/s a core.",
        f"CPU in any case: {_short(search)} core hours to search and score, {_short(statistics)} for statistics.",
        f"Disk: {size(sum(disk.values()))}: "
        + ", ".join(f"{name} {size(n)}" for name, n in disk.items())
        + ".",
        f"Download: {size(known)}" + (f", and of unknown size {files}" if files else "") + ".",
        f"Lengths: measured here for {', '.join(sorted(costs.measured)) or 'nothing yet'}, else as langscale.planning.sizes has them.",
    ]
    if licences := costs.licences():
        lines.append(f"Before it runs: accept_licence: [{', '.join(licences)}], for non-commercial use only.")
    return "\n".join(lines)


def _sums(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    units = {"runs": 1, "pairs": 1e6, "tokens": 1e9, "embedded_tokens": 1e9, "operations": 1e15}
    units |= {"gpu_hours": 1, "core_hours": 1}
    return [_short(sum(row[name] for row in rows) / unit) for name, unit in units.items()]


def _list(values: Iterable[int]) -> str:
    found = sorted(set(values))
    return " ".join(map(str, found)) if len(found) < 9 else f"{found[0]} to {found[-1]}"


def _short(number: float) -> str:
    """Three digits: 0.012, 1.2, 123, 12,345; ? where a size is unknown."""
    return "?" if math.isnan(number) else f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def size(count: float) -> str:
    """Bytes as a person reads them: 31 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def write(rows: Sequence[dict[str, Any]], file: str | Path) -> None:
    """The rows as CSV."""
    with atomic(file) as partial, open(partial, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
