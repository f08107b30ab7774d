"""Tables for reading: the same cells as Markdown, LaTeX and HTML, with one escaping function for each."""

import html as standard
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from langscale.core.files import atomic

# emphasis in a cell, written as in HTML
BOLD, UNDERLINED, RAISED = "<b>{}</b>", "<u>{}</u>", "<sup>{}</sup>"
_TAG = re.compile(r"(</?(?:b|u|sup)>)")
_COMMANDS = {"<b>": r"\textbf{", "<u>": r"\underline{", "<sup>": r"\textsuperscript{"}
_SPECIAL = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "→": r"$\rightarrow$"}
    | {"†": r"\textdagger{}", "‡": r"\textdaggerdbl{}"}
)


def text(value: object) -> str:
    """A cell as text: numbers with four significant digits, nothing for a missing value."""
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}"
    return "" if value is None or value is pd.NA else str(value)


def markdown(cell: str) -> str:
    """A cell in Markdown. A vertical bar would end it."""
    return cell.replace("|", r"\|").replace("<b>", "**").replace("</b>", "**")


def latex(cell: str) -> str:
    """A cell in LaTeX: special characters escaped, emphasis as commands."""
    parts = _TAG.split(cell)
    return "".join(
        part.translate(_SPECIAL) if not _TAG.fullmatch(part) else _COMMANDS.get(part, "}") for part in parts
    )


def html(cell: str) -> str:
    """A cell in HTML: everything escaped but emphasis."""
    return re.sub(r"&lt;(/?(?:b|u|sup))&gt;", r"<\1>", standard.escape(cell))


def write(
    folder: str | Path, name: str, table: pd.DataFrame, notes: Sequence[str] = (), caption: bool = False
) -> None:
    """Write folder/name.md and folder/name.tex, with the notes below the table.

    table: cells as text or numbers. Columns of numbers are aligned to the right. caption: in LaTeX the notes
    are the caption of a floating table, else paragraphs below it.
    """
    right = [is_numeric_dtype(kind) for kind in table.dtypes]
    cells = [[text(value) for value in row] for row in table.itertuples(index=False, name=None)]
    bodies = {}
    for kind, escape in (("md", markdown), ("tex", latex)):
        rows = [[escape(cell) for cell in row] for row in cells]
        bodies[kind] = pd.DataFrame(rows, columns=[escape(str(column)) for column in table])
    below = [latex(note) for note in notes]
    tex = bodies["tex"].to_latex(
        index=False,
        caption=" ".join(below) if caption else None,
        column_format="".join("r" if number else "l" for number in right),
    )
    tex += "" if caption else "".join(f"\\par {note}\n" for note in below)
    align = ["right" if number else "left" for number in right]
    md = bodies["md"].to_markdown(index=False, disable_numparse=True, colalign=align) + "\n"
    for kind, content in (("md", md + "".join(f"\n{note}\n" for note in notes)), ("tex", tex)):
        with atomic(Path(folder) / f"{name}.{kind}") as partial:
            partial.write_text(content, encoding="utf-8")
