"""The glossary: the page and its terms."""

import re

from support.project_copy import ROOT

from langscale.reporting import glossary


def test_the_page_is_up_to_date():
    assert (ROOT / "docs/glossary.md").read_text(encoding="utf-8") == glossary.as_markdown()


def test_each_term_is_defined_once_in_sentences():
    assert len(glossary.TERMS) == sum(map(len, glossary.SECTIONS.values()))
    for term, text in glossary.TERMS.items():
        assert text.endswith(".") and text[0].isupper() or text.startswith("mAP"), term


def test_words_of_one_meaning():
    """A question is a query, and a corpus no pool."""
    text = re.sub("question answering", "", glossary.as_markdown())
    assert not re.search(r"\bquestions?\b|\bcards?\b|told apart|\basks?\b|\boffered\b|procedure", text)
