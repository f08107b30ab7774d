"""config/README.md and config/schema.json, written from the typed models.

`python -m langscale.config.reference` writes both.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from langscale.config.files import read
from langscale.config.sampler import KINDS
from langscale.config.study import Study

CONFIG = Path(__file__).parents[3] / "config"

HEAD = """# Every key of a config

One file describes one study: `snakemake --cores all --configfile config/NAME.yaml`. Without `--configfile` it
is `config/config.yaml`. A study replaces the default and does not extend it. An unknown key, a missing key, a
key twice or a wrong value stops the study before any job. One line names file, key and value.
`python -m langscale.config.files FILE` checks a file without Snakemake. Snakemake itself opens the file
before the workflow starts, so a missing file, or one in UTF-16, ends with its traceback. `make` checks the
file first, and the command above says the reason in one line.

`extends: FILE` takes the values of another file first. Its path is relative to the extending file. A mapping
changes the other mapping key by key. Any other value replaces the other value, and `null` deletes a key:

```yaml
extends: paper.yaml
study: one-cell
benchmarks: {mlqa-r: null, mlqa-r-paragraph: null, miracl: null}
grid:
  - {samplers: [hybrid], n: [9], budgets: [paper]}
statistics: null
```

Editors with YAML schemas complete and check keys by `schema.json`, if the first line of the config is
`# yaml-language-server: $schema=schema.json`.

`python -m langscale.config.reference` writes this page and the schema from the models in
`src/langscale/config`, and a test compares them. `<name>` stands for a name of your own, `[]` for the items
of a list.

"""
SAMPLERS = """
## Samplers

| name | a batch | options |
|---|---|---|
"""
CONTROLS = """
A name may carry its options: hybrid-0.25, x-y-batch, hybrid-0.25-batch-same-ring. `pair: batch` (suffix
batch) draws one direction for the whole batch and is the control of x-y and hybrid. `allow_same` (same) adds
the directions of a language with itself. `directions` is all, en-centric or ring.
"""
ADVANCED = """
## Advanced

No config in this folder sets these keys.

"""
TABLE = "| key | value | default | meaning |\n|---|---|---|---|\n"
EXTENDS = {
    "type": "string",
    "description": "a config file to start from, its path relative to this file",
}


class Row(NamedTuple):
    """A key of a config. `section`: the key holds further keys."""

    key: str
    kind: str
    default: str
    text: str
    section: bool

    def __str__(self) -> str:
        return f"| `{self.key}` | {self.kind} | {self.default} | {self.text} |\n"


def manual() -> str:
    """config/README.md: the keys of the shipped configs, then the others."""
    used = set[str]()
    for file in sorted(CONFIG.glob("*.yaml")):
        used |= set(_set_keys(read(file), {row.key for row in rows()}))
    common = [row for row in rows() if row.section or row.key in used]
    advanced = [row for row in rows() if row not in common]
    return (
        HEAD
        + TABLE
        + "".join(map(str, common))
        + SAMPLERS
        + "".join(_samplers())
        + CONTROLS
        + ADVANCED
        + TABLE
        + "".join(map(str, advanced))
    )


def schema() -> str:
    """config/schema.json: the JSON schema of a config, for editors."""
    found = Study.model_json_schema()
    required = found.pop("required")
    for field in found["properties"].values():
        if "patternProperties" in field:  # names of the user's own have one form
            field["additionalProperties"] = False
    found["properties"] = {"extends": EXTENDS} | found["properties"]
    found["anyOf"] = [{"required": required}, {"required": ["extends"]}]
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | found
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def rows() -> list[Row]:
    """Every key in the order of the models."""
    found = Study.model_json_schema()
    return list(_rows(found, found["$defs"], ""))


def _samplers() -> Iterator[str]:
    for kind in KINDS.values():
        yield f"| `{kind.name}` | {kind.text} | {', '.join(kind.options)} |\n"


def _set_keys(values: Any, known: set[str], path: str = "") -> Iterator[str]:
    """The keys of a config with values, named as on the page."""
    if isinstance(values, dict):
        for name, value in values.items():
            key = f"{path}.{name}" if path else str(name)
            key = key if key in known else f"{path}.<name>"
            yield key
            yield from _set_keys(value, known, key)
    elif isinstance(values, list):
        for value in values:
            yield from _set_keys(value, known, f"{path}[]")


def _rows(schema: dict[str, Any], defs: dict[str, Any], prefix: str) -> Iterator[Row]:
    for name, field in schema["properties"].items():
        inner, path = _section(field, defs, prefix + name)
        default = "" if inner else f"`{_value(field.get('default'))}`"
        if name in schema.get("required", []):
            default = "required"
        text = field.get("description") or (inner or {}).get("description", "")
        text = " ".join(text.split()).replace("|", "\\|")
        yield Row(prefix + name, "section" if inner else _kind(field, defs), default, text, inner is not None)
        if inner:
            yield from _rows(inner, defs, f"{path}.")


def _section(field: dict[str, Any], defs: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    """The nested model of a field, if it has one, and the path of its keys."""
    if "$ref" in field:
        return defs[field["$ref"].rsplit("/", 1)[1]], path
    if "$ref" in field.get("items", {}):
        return _section(field["items"], defs, f"{path}[]")
    patterns: dict[str, Any] = field.get("patternProperties", {})
    values: Any = field.get("additionalProperties") or next(iter(patterns.values()), {})
    if isinstance(values, dict) and "$ref" in values:
        return _section(values, defs, f"{path}.<name>")
    return next(
        (found for found in (_section(f, defs, path) for f in field.get("anyOf", [])) if found[0]),
        (None, path),
    )


def _kind(field: dict[str, Any], defs: dict[str, Any]) -> str:
    if "enum" in field or "const" in field:
        return " \\| ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "anyOf" in field:
        return " or ".join(_kind(part, defs) for part in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_kind(field['items'], defs)}" if "items" in field else "list"
    kind: str = field.get("type", "")
    return {"object": "mapping", "integer": "whole number", "string": "text"}.get(kind, kind)


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    return '""' if value == "" else str(value)


if __name__ == "__main__":
    (CONFIG / "README.md").write_text(manual(), encoding="utf-8")
    (CONFIG / "schema.json").write_text(schema(), encoding="utf-8")
