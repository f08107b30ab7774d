"""Invisible characters hide no copy, from the fingerprints nor from the audit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langscale.data.leakage import overlaps, units
from langscale.data.tokens import fingerprint
from langscale.data.visible import visible

JOINERS = ["\u200c", "\u200d", "\u00ad", "\ufeff", "\ufe0f", "\u200b", "\u2060", "\u200e", "\U000e0100"]


@pytest.mark.parametrize("invisible", JOINERS, ids=lambda c: f"U+{ord(c):04X}")
def test_a_copy_without_them_is_the_same_text(invisible):
    text = f"می{invisible}خواهم به کتاب{invisible}خانه بروم"
    plain = text.replace(invisible, "")
    assert visible(text) == plain and visible(plain) == plain
    assert fingerprint(text) == fingerprint(plain) and units(text) == units(plain)


def test_the_audit_finds_a_copy_of_a_long_text_without_them():
    words = [f"واژه{i}\u200cها" for i in range(30)]
    copy = " ".join(["دیگر", *words[2:]]).replace("\u200c", "")
    found = overlaps([" ".join(words)], [copy], 0.5)
    assert len(found) == 1 and not found["exact"][0] and found["containment"][0] > 0.8


@given(st.text(st.characters(exclude_categories=["Cf", "Cs", "Cn", "Mn", "Lo"])))
def test_every_other_character_stays(text):
    assert visible(text) == text
