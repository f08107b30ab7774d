"""How numbers and names are written."""

import pandas as pd
import pytest

from langscale.reporting import wording

NAN = float("nan")


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (wording.count(1, "language"), "1 language"),
        (wording.count(1190, "query"), "1,190 queries"),
        (wording.decimal(-0.0001), "0.000"),
        (wording.decimal(0.1234, sign="+"), "+0.123"),
        (wording.digits(0.01234), "0.012"),
        (wording.digits(NAN), ""),
        (wording.p_value(0.00009), "<.0001"),
        (wording.p_value(0.0456), "0.046"),
        (wording.place("cross", "pool-heldout"), "cross, pool → held-out"),
        (wording.place("mono", "pool"), "mono, pool"),
        (wording.label({"sampler": "none", "alpha": NAN}), "BM25"),
        (wording.label({"sampler": "hybrid", "alpha": 0.5}), "hybrid 0.5"),
        (wording.with_languages({"sampler": "x-y", "alpha": NAN, "n_languages": 9}), "x-y, 9 languages"),
        (wording.with_languages({"sampler": "untrained", "alpha": NAN, "n_languages": 0}), "untrained"),
    ],
)
def test_texts(found, text):
    assert found == text


def test_an_interval_is_shown_where_there_is_one():
    row = {"value": 0.1234, "ci_low": 0.11, "ci_high": 0.136}
    assert wording.interval(row) == "0.123 [0.110, 0.136]"
    assert wording.interval(row | {"ci_low": NAN}) == "0.123"
    assert wording.interval({"value": 12.34, "ci_low": 9.87, "ci_high": 15.0}) == "12.3 [9.9, 15.0]"


def test_marks_and_their_notes():
    table = pd.DataFrame(
        {"zero_shot": [True, False, None, False], "benchmark": ["xquad-r", "xquad-r", "xquad-r", "cldr"]}
    )
    assert wording.mark(table).tolist() == ["", "†", "‡", ""]  # cldr has training pairs by design
    assert [note[0] for note in wording.notes("x-y† and x-x")] == ["†"]


def test_the_headline_is_over_all_languages():
    same = {"candidate_language": "all", "query_language": "all", "status": "all", "average": "macro"}
    rows = [same, same | {"query_language": "de"}, same | {"average": "micro"}, same | {"status": "pool"}]
    assert wording.headline(pd.DataFrame(rows)).index.tolist() == [0]
