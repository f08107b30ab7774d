"""A table with marks: the best value bold, the second underlined, significance as superscripts, published values beside."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from langscale.core.files import atomic
from langscale.design.grid import UNTRAINED
from langscale.published.figures import RANK_DISTANCE

# alpha, and how being better than it is marked
SAMPLERS: dict[str, tuple[float | None, str]] = {
    "x-x-mono": (None, "m"),
    "x-y": (None, "x"),
    "hybrid": (0.5, "h"),
}
ROWS = ("model", "budget", "n", "quantity", "sampler")
_SUFFIXES = (" published", " better than")


@dataclass(frozen=True)
class Table:
    """A filled layout.

    cells, a row per cell: model, budget, n, quantity, sampler, column, metric, value (NaN: published only), published
    (text, empty: none), rank (1 best, 2 second, 0), better (samplers that it is significantly better than).
    """

    caption: str
    cells: pd.DataFrame

    def plain(self) -> pd.DataFrame:
        """Numbers: value and published value of every column, and what it is significantly better than."""
        parts = [self._wide("value"), self._wide("published").add_suffix(" published")]
        if (self.cells["better"] != "").any():
            parts.append(self._wide("better").add_suffix(" better than"))
        wide = pd.concat(parts, axis=1)
        columns = [c for name in parts[0] for c in wide if c.removeprefix(name) in ("", *_SUFFIXES)]
        return wide[columns].replace("", np.nan).dropna(axis=1, how="all").reset_index()

    def shown(self, marks: "Marks") -> pd.DataFrame:
        """Text: value, marked, and the published value in parentheses."""
        texts = [_text(cell, marks) for cell in self.cells.to_dict("records")]
        wide = self._wide("text", self.cells.assign(text=texts)).fillna("").reset_index()
        names = [name for name in ROWS if name in wide]
        wide[names] = wide[names].map(lambda value: marks.plain(str(value)))
        return wide.rename(columns=marks.plain)

    def _wide(self, values: str, cells: pd.DataFrame | None = None) -> pd.DataFrame:
        cells = self.cells if cells is None else cells
        trained = cells[(cells["sampler"] != UNTRAINED) & cells["value"].notna()]
        alike = [name for name in ("budget", "n") if trained[name].nunique() < 2]
        alike += ["quantity"] if cells["quantity"].nunique() < 2 else []
        wide = cells.pivot(index=list(ROWS), columns="column", values=values)
        order = cells[list(ROWS)].drop_duplicates()
        wide = wide.reindex(
            index=pd.MultiIndex.from_frame(order), columns=list(dict.fromkeys(cells["column"]))
        )
        return wide.rename_axis(columns=None).droplevel(alike)


@dataclass(frozen=True)
class Marks:
    """How best, second, superscripts and plain text are written."""

    best: str
    second: str
    better: str
    escaped: bool = False

    def plain(self, text: str) -> str:
        return text.translate({ord(c): "\\" + c for c in "_%&#$"}) if self.escaped else text


MARKDOWN = Marks("**{}**", "<u>{}</u>", "{}<sup>{}</sup>")
LATEX = Marks(r"\textbf{{{}}}", r"\underline{{{}}}", r"{}\textsuperscript{{{}}}", escaped=True)


def digits(metric: str) -> int:
    """Decimals in print."""
    return 1 if metric == RANK_DISTANCE else 3


def _text(cell: dict[str, Any], marks: Marks) -> str:
    text = ""
    if not np.isnan(cell["value"]):
        text = f"{cell['value']:.{digits(cell['metric'])}f}"
        text = {1: marks.best, 2: marks.second}.get(cell["rank"], "{}").format(text)
    if cell["better"]:
        text = marks.better.format(text, " ".join(SAMPLERS[name][1] for name in cell["better"].split()))
    return f"{text} ({cell['published']})".strip() if cell["published"] else text


def write(table: Table, folder: str | Path, name: str) -> None:
    """Write folder/name.csv, .md and .tex."""
    latex = table.shown(LATEX)
    texts = {
        "csv": table.plain().to_csv(index=False, float_format="%.6g", lineterminator="\n"),
        "md": f"{table.shown(MARKDOWN).to_markdown(index=False, disable_numparse=True)}\n\n{table.caption}\n",
        "tex": latex.to_latex(
            index=False, caption=LATEX.plain(table.caption), column_format="l" * latex.shape[1]
        ),
    }
    for kind, text in texts.items():
        with atomic(Path(folder) / f"{name}.{kind}") as partial:
            partial.write_text(text, encoding="utf-8")
