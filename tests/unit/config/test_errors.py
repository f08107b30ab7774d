"""One line for any number of mistakes. Each mistake by itself: test_study_mistakes.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from langscale.config.errors import MOST, explain, first_that_fit
from langscale.config.fields import Options


class Inner(Options):
    steps: int
    kind: str = "a"


class Outer(Options):
    name: str
    inner: Inner
    several: dict[str, Inner] = {}


def told(values: dict, model: type[BaseModel] = Outer) -> str:
    with pytest.raises(ValidationError) as error:
        model(**values)
    return explain(error.value, "study.yaml", model)


def test_all_mistakes_are_on_one_line_with_their_keys():
    text = told({"naem": "x", "inner": {"steps": "many", "kidn": "b"}})
    assert text.splitlines() == [text] and len(text) <= MOST
    assert text.split("; ")[0] == "study.yaml: name: missing"
    assert "naem: unknown key (did you mean name?)" in text
    assert "inner.steps: found 'many'; a whole number is right" in text
    assert "inner.kidn: unknown key (did you mean kind?)" in text


def test_a_name_of_the_users_own_stays_in_the_key():
    text = told({"name": "x", "inner": {"steps": 1}, "several": {"mine": {"steps": None}}})
    assert text == "study.yaml: several.mine.steps: found null; a whole number is right"


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=200), min_size=1))
def test_as_many_lines_as_fit_and_the_number_of_the_others(lines):
    text = first_that_fit(lines)
    assert len(text) <= MOST and "\n" not in text
    if len("; ".join(lines)) <= MOST:
        assert text == "; ".join(lines)
    elif len(lines) > 1:
        assert text.endswith(" more") or text.endswith("...")


def test_no_line():
    assert first_that_fit([]) == ""
