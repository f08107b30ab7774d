"""One writer and one escaping function per format, against the special characters of each format."""

import html as standard
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langscale.reporting import formats

CELL = "<b>0.5</b><sup>m x</sup> (0.4)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.123456, "0.1235"),
        (1e-9, "1e-09"),
        (float("nan"), ""),
        (None, ""),
        (pd.NA, ""),
        (12, "12"),
        ("a", "a"),
        (np.int64(3), "3"),
    ],
)
def test_cells_as_text(value, expected):
    assert formats.text(value) == expected


def test_emphasis_in_each_format():
    assert formats.markdown(CELL) == "**0.5**<sup>m x</sup> (0.4)"
    assert formats.latex(CELL) == r"\textbf{0.5}\textsuperscript{m x} (0.4)"
    assert formats.html(CELL) == CELL
    assert formats.latex(formats.UNDERLINED.format("a_b")) == r"\underline{a\_b}"


def test_every_character_special_to_latex_is_escaped():
    assert formats.latex(r"5% of $2 & {a_b} #1 ~ ^ \x") == (
        r"5\% of \$2 \& \{a\_b\} \#1 \textasciitilde{} \textasciicircum{} \textbackslash{}x"
    )
    assert formats.latex("<.0001 †‡") == r"\textless{}.0001 \textdagger{}\textdaggerdbl{}"
    assert formats.latex("pool → held-out") == r"pool $\rightarrow$ held-out"


@given(st.text(alphabet=r"ab<>&%$#_{}\~^|†‡→ "))
def test_no_text_breaks_a_format(text):
    """What is left after the escapes are undone is the text itself, and nothing special stays unescaped."""
    assert standard.unescape(formats.html(text)) == text or formats._TAG.search(text)
    bare = re.sub(r"\\text[a-z]+\{\}", "", formats.latex(text))
    bare = re.sub(r"\\(?:textbf|underline|textsuperscript)\{|\$\\rightarrow\$|\\[&%$#_{}]", "", bare)
    assert formats._TAG.search(text) or not re.search(r"[&%$#_{}\\~^<>]", bare)
    assert not re.search(r"(?<!\\)\|", formats.markdown(text))


def test_files_of_one_table_hold_the_same_cells(tmp_path):
    table = pd.DataFrame({"a_b": ["x|y", CELL], "share": [0.25, 1.0]})
    formats.write(tmp_path, "t", table, ["5% of a_b.", "second"])
    lines = (tmp_path / "t.md").read_text().splitlines()
    assert lines[0].split() == ["|", "a_b", "|", "share", "|"]
    assert lines[1].endswith("-:|")  # numbers to the right
    assert r"| x\|y" in lines[2] and "**0.5**<sup>m x</sup> (0.4)" in lines[3]
    assert lines[4:] == ["", "5% of a_b.", "", "second"]
    tex = (tmp_path / "t.tex").read_text()
    assert tex.startswith("\\begin{tabular}{lr}\n") and r"a\_b & share \\" in tex
    assert tex.endswith("\\end{tabular}\n\\par 5\\% of a\\_b.\n\\par second\n")
    formats.write(tmp_path, "t", table, ["5% of a_b.", "second"], caption=True)
    assert r"\caption{5\% of a\_b. second}" in (tmp_path / "t.tex").read_text()
