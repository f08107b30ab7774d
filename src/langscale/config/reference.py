"""config/README.md, written from the typed config: `python -m langscale.config.reference > config/README.md`."""

from typing import Any

from langscale.config.study import Study

HEAD = """# Every key of a config

One file describes one study: `snakemake --cores all --configfile config/NAME.yaml`. Without `--configfile` it is
`config/config.yaml`. A study replaces the default and does not extend it. An unknown key, a missing key or a wrong
value stops the study before any job, with one line that names the key.

`python -m langscale.config.reference` writes this page from the models in `src/langscale/config`, and a test
compares the two. `<name>` stands for a name of your own, `[]` for the items of a list.

| key | value | default | meaning |
|---|---|---|---|
"""


def manual() -> str:
    """The page as Markdown."""
    schema = Study.model_json_schema()
    rows = _rows(schema, schema["$defs"], "")
    return HEAD + "".join(f"| `{key}` | {kind} | {default} | {text} |\n" for key, kind, default, text in rows)


def _rows(schema: dict[str, Any], defs: dict[str, Any], prefix: str) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, field in schema["properties"].items():
        inner, path = _section(field, defs, prefix + name)
        default = "" if inner else f"`{_value(field.get('default'))}`"
        if name in schema.get("required", []):
            default = "required"
        text = field.get("description") or (inner or {}).get("description", "")
        text = " ".join(text.split()).replace("|", "\\|")
        rows.append((prefix + name, "section" if inner else _kind(field, defs), default, text))
        if inner:
            rows += _rows(inner, defs, f"{path}.")
    return rows


def _section(field: dict[str, Any], defs: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    """The nested model of a field, if it has one, and the path of its keys."""
    if "$ref" in field:
        return defs[field["$ref"].rsplit("/", 1)[1]], path
    if "$ref" in field.get("items", {}):
        return _section(field["items"], defs, f"{path}[]")
    values = field.get("additionalProperties") or next(iter(field.get("patternProperties", {}).values()), {})
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
    return {"object": "mapping", "integer": "whole number", "string": "text"}.get(
        field.get("type"), field.get("type", "")
    )


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    return '""' if value == "" else str(value)


if __name__ == "__main__":
    print(manual(), end="")
