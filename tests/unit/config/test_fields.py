"""Types of single values, and words of their errors."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from langscale.config.fields import Code, Name, Once, Options, cut, finite, nearest, shown


class Section(Options):
    number: float = 1.0
    whole: list[int] | None = None
    flag: bool = False
    text: str = ""


@pytest.mark.parametrize("code", ["en", "zh-Hant", "pt-BR", "ast", "sr-Latn-RS"])
def test_codes(code):
    assert TypeAdapter(Code).validate_python(code) == code


@pytest.mark.parametrize(
    ("kind", "value"), [(Code, "EN"), (Code, "en_GB"), (Name, "a/b"), (Name, ".a"), (Name, "")]
)
def test_what_is_no_code_or_name(kind, value):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


def test_a_flag_is_no_number_and_numbers_are_finite():
    assert Section(number=3, whole=[1, 2], flag=True).number == 3.0
    for wrong in ({"number": True}, {"whole": [1, False]}, {"number": float("nan")}, {"other": 1}):
        with pytest.raises(ValidationError):
            Section(**wrong)
    assert finite({"a": [1, {"b": 2.0}]}) and not finite({"a": [1, {"b": float("inf")}]})


def test_once():
    adapter = TypeAdapter(Annotated[list[int], Once])
    assert adapter.validate_python([1, 2]) == [1, 2]
    with pytest.raises(ValidationError, match="2 appears twice; once is right"):
        adapter.validate_python([2, 1, 2])


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(20, 100))
def test_shown_values_fit_and_are_counted(values, most):
    text = shown(values, most)
    assert len(text) <= most
    if values and ", ".join(values) == text:
        return
    assert not values or "more" in text or text.endswith("...")


def test_near_names_and_cut_texts():
    assert nearest("Modelz", ["models", "grid"]) == " (did you mean models?)"
    assert nearest("zzz", ["models", "grid"]) == ""
    assert cut("a" * 90, 10) == "aaaaaaa..." and cut("short", 10) == "short"
