"""Codes of data sets as BCP 47, by examples of FLORES, NTREX, Tatoeba and Belebele."""

import pytest

from langscale.languages.codes import bcp47, counts, same, table


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ("eng_Latn", "en"), ("deu", "de"), ("srp_Cyrl", "sr"), ("srp_Latn", "sr-Latn"), ("swh_Latn", "sw"),
        ("prs_Arab", "fa-AF"), ("zho_Hans", "zh"), ("zho_Hant", "zh-Hant"), ("zho-TW", "zh-TW"),
        ("kor_Hang", "ko"), ("hin_Latn", "hi-Latn"), ("pt", "pt"),
    ],
)  # fmt: skip
def test_a_code_is_as_short_as_cldr_makes_it(own, code):
    assert bcp47(own) == code


def test_a_table_is_from_bcp47_to_own_codes_with_exceptions():
    found = table("deu eng_Latn nob-XX", nob_XX="no")
    assert found == {"de": "deu", "en": "eng_Latn", "no": "nob-XX"}
    assert same("de en") == {"de": "de", "en": "en"}


def test_counts_need_a_number_for_each_code():
    assert counts("de en", 3, 5) == {"de": 3, "en": 5}
    with pytest.raises(ValueError):
        counts("de en", 3)
