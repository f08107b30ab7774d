"""Errors of a config on one line: file, key, the value, and a right one."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from langscale.config.fields import PATTERNS, cut, nearest, shown

MOST = 300  # characters of the line
QUOTE = "quote it, because YAML reads no, yes, off and on as false and true"
_TAG = re.compile(r"(function-\w+|list|dict|literal|tuple)\[.*\]|str|dict")
"""Names of the alternatives of a union in a location, as pydantic writes them."""


def explain(error: ValidationError, file: str, model: type[BaseModel]) -> str:
    """The mistakes in values of a model, each with file and key, as many as fit on one line."""
    found: dict[str, list[str]] = {}
    for one in error.errors():
        what, right = _mistake(one, model)
        found.setdefault(what, []).extend(right)
    lines = [
        f"{file}: {what}" + (f"; {' or '.join(dict.fromkeys(right))}" if right else "")
        for what, right in found.items()
    ]
    return first_that_fit(lines)


def first_that_fit(lines: list[str]) -> str:
    """As many lines as fit on one line, and the number of the others."""
    for count in range(len(lines), 0, -1):
        more = f"; and {len(lines) - count} more" if count < len(lines) else ""
        text = "; ".join(lines[:count])
        if len(text) + len(more) <= MOST or count == 1:
            return cut(" ".join(text.split()), MOST - len(more)) + more
    return ""


def _mistake(error: Any, model: type[BaseModel]) -> tuple[str, list[str]]:
    """(key and value, right values)."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    parts = [str(part) for part in error["loc"] if not _TAG.fullmatch(str(part))]
    if kind == "value_error":
        # a message of a check; it may begin with a key below this one
        message = str(context["error"])
        key = ".".join(parts)
        joint = "" if not key else "." if re.match(r"[\w.-]+: ", message) else ": "
        return key + joint + message, []
    if "key" in context:  # a flag for a number
        parts, value = [*parts, str(context["key"])], context["found"]
    if parts[-1:] == ["[key]"]:
        parts = parts[:-2]
    key = ".".join(parts)
    if kind == "extra_forbidden":
        close = nearest(parts[-1], _keys(model, parts[:-1]))
        return f"{key}: unknown key{close}; config/README.md lists all", []
    if kind == "missing":
        return f"{key}: missing; config/README.md describes it", []
    found = f"found {_value(value)}"
    return f"{key}: {found}" if key else found, [_right(kind, context, value)]


def _keys(model: type[BaseModel], path: list[str]) -> list[str]:
    """The keys of a section, by its path from a model."""
    models = [model]
    for part in path:
        fields = [field for m in models for name, field in m.model_fields.items() if name == part]
        # a name of the user's own or a position in a list stays in the section
        models = [m for field in fields for m in _sections(field.annotation)] or models
    return [field.alias or name for m in models for name, field in m.model_fields.items()]


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _sections(part)


def _value(value: Any) -> str:
    """A value as a config file has it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return f"a mapping of {shown(value, 40)}" if value else "an empty mapping"
    return cut(repr(value), 60)


def _right(kind: str, context: dict[str, Any], value: Any) -> str:
    """Right values in words."""
    if kind.startswith("string"):
        words = {
            "string_pattern_mismatch": PATTERNS.get(context.get("pattern", ""), "other text"),
            "string_too_short": "at least {min_length} character",
            "string_too_long": "at most {max_length} characters",
        }.get(kind, "text")
        quote = f"; {QUOTE}" if isinstance(value, bool) else "; quote it" if value is not None else ""
        return words.format(**context) + " is right" + (quote if kind == "string_type" else "")
    for prefix, words in (
        ("int", "a whole number"),
        ("float", "a number"),
        ("finite", "a finite number"),
        ("bool", "true or false"),
        ("list", "a list"),
        ("tuple", "a list of two"),
        ("dict", "a mapping"),
        ("model", "a mapping of keys"),
        ("greater_than_equal", "{ge} or more"),
        ("greater_than", "more than {gt}"),
        ("less_than_equal", "{le} or less"),
        ("literal", "{expected}"),
        ("too_short", "a length of at least {min_length}"),
        ("too_long", "a length of at most {max_length}"),
    ):
        if kind.startswith(prefix):
            return cut(words.format(**context), 150) + " is right"
    return str(kind)
