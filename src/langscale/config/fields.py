"""Types of single values, the base of all sections, and words of their errors."""

from collections.abc import Iterable
from difflib import get_close_matches
from math import isfinite
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

NAME, CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]*$", r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$"
ENCODER = r"^[A-Za-z0-9][A-Za-z0-9._-]*(@[1-9][0-9]*)?$"
PATTERNS = {
    NAME: "a name of letters, digits, dots, _ and - that begins with a letter or digit",
    ENCODER: "a name of a model, or of its first dimensions such as e5@64,",
    CODE: "a language code such as en, zh-Hant or pt-BR",
}
"""Patterns in words, for errors."""

Name = Annotated[str, Field(pattern=NAME, max_length=100)]
"""A name of the user's own. It becomes a folder or a column value."""

Encoder = Annotated[str, Field(pattern=ENCODER, max_length=110)]
"""A model as tables name it: its name, or its name with a number of dimensions."""

Code = Annotated[str, Field(pattern=CODE)]
"""A BCP 47 language code: language, then script and region if needed."""

Fraction = Annotated[float, Field(ge=0, le=1)]

Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]

Count = Annotated[int, Field(gt=0, le=10**12)]
"""A number of pairs, steps, texts or tokens."""


def _once(values: list[Any]) -> list[Any]:
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(f"{shown(twice)} appears twice; once is right")
    return values


Once = AfterValidator(_once)
"""For lists: every value once."""


class Options(BaseModel):
    """Base of all sections: unknown keys are errors, numbers are finite, values never change after "
    "loading.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_flag_for_a_number(cls, values: Any) -> Any:
        """A flag is no number: YAML reads `yes` and `on` as true, and pydantic would read true as 1."""
        for name, value in values.items() if isinstance(values, dict) else ():
            field = cls.model_fields.get(str(name))
            if field is None or not _takes_numbers(field.annotation):
                continue
            for key, one in [(name, value)] + (
                [(f"{name}.{i}", item) for i, item in enumerate(value)] if isinstance(value, list) else []
            ):
                if isinstance(one, bool):
                    raise PydanticCustomError("int_type", "a flag", {"key": key, "found": one})
        return values


def _takes_numbers(annotation: Any) -> bool:
    """Whether numbers are among the values of a field, and flags are not."""
    parts = get_args(annotation) or (annotation,)
    if parts == (annotation,):
        return annotation in (int, float)
    return any(map(_takes_numbers, parts))


def finite(values: Any) -> bool:
    """Whether every number in nested mappings and lists is finite."""
    if isinstance(values, dict):
        return all(map(finite, values.values()))
    if isinstance(values, list):
        return all(map(finite, values))
    return not isinstance(values, float) or isfinite(values)


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean NAME?)` for the known name nearest to a wrong one, or nothing."""
    lower = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), list(lower), n=1)
    return f" (did you mean {lower[found[0]]}?)" if found else ""


def shown(values: Iterable[object], most: int = 80) -> str:
    """Values with commas between them, at most so many characters: `a, b and 7 more`."""
    texts = [str(value) for value in values]
    for count in range(len(texts), 0, -1):
        more = f" and {len(texts) - count} more" if count < len(texts) else ""
        text = ", ".join(texts[:count]) + more
        if len(text) <= most or count == 1:
            return text if len(text) <= most else cut(text, most)
    return "none"


def cut(text: str, most: int = 80) -> str:
    """A text of at most so many characters. A longer one ends in an ellipsis."""
    return text if len(text) <= most else text[: most - 3] + "..."
