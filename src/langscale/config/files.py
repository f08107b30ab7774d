"""Config files: strict YAML, `extends`, several files merged, and the study in them.

`python -m langscale.config.files FILE ...` checks files and prints a mistake on one line.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from langscale.config.errors import MOST
from langscale.config.fields import cut
from langscale.config.study import Study, load
from langscale.core.errors import UserError

LARGEST = 2**20  # bytes of a file
MOST_VALUES = 100_000  # of a file, with the values that aliases repeat


def load_files(files: Sequence[Path | str], changes: Mapping[str, Any] | None = None) -> Study:
    """The study of one or more files, a later file changing the earlier ones, then of changes.

    Raises UserError with file, key, the value and a right one, on one line.
    """
    values: dict[str, Any] = {}
    for file in files:
        values = merged(values, read(file))
    if changes:
        values = merged(values, changes)
    return load(values, title(files))


def title(files: Sequence[Path | str]) -> str:
    """The names of the files in errors: without the path of the working directory."""
    return " + ".join(map(_shown, files))


@contextmanager
def errors_of(files: Sequence[Path | str]) -> Iterator[None]:
    """Let every UserError begin with the files of the study and be one line."""
    try:
        yield
    except UserError as error:
        name, text = title(files), " ".join(str(error).split())
        raise UserError(text if text.startswith(name) else cut(f"{name}: {text}", MOST)) from None


def read(file: Path | str, extended_by: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The values of a YAML file, merged into the values of the extended file.

    The path in `extends: FILE` is relative to the folder of the extending file. Raises UserError for a
    missing or unreadable file, other encodings than UTF-8, text without a YAML mapping, a key twice, and a
    circle of files.
    """
    path, name = Path(file), _shown(file)
    values = _values(path, name)
    if "extends" not in values:
        return values
    other = values.pop("extends")
    if not isinstance(other, str) or not other:
        raise UserError(f"{name}: extends: found {cut(repr(other), 60)}; a file name is right")
    base, chain = path.parent / other, (*extended_by, path.resolve())
    if base.resolve() in chain:
        raise UserError(
            f"{name}: extends: {other} extends this file; a chain of files without a circle is right"
        )
    if not base.is_file():
        raise UserError(
            f"{name}: extends: there is no file {_shown(base)}; a path relative to this file is right"
        )
    return merged(read(base, chain), values)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes`: null deletes a key, a mapping changes a mapping key by key, else the value is
    replaced.
    """
    found = dict(base)
    for key, value in changes.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(found.get(key), Mapping):
            found[key] = merged(found[key], value)
        else:
            found[key] = value
    return found


def _values(path: Path, name: str) -> dict[str, Any]:
    """The mapping in a YAML file."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{name}: there is no such file") from None
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror}); a YAML file is right") from None
    if len(raw) > LARGEST:
        raise UserError(f"{name}: {len(raw):,} bytes; a YAML file of at most {LARGEST:,} is right")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{name}: UTF-16 text; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte 0x{raw[error.start]:02x} at position {error.start}"
        raise UserError(f"{name}: {found} is not UTF-8; a YAML file in UTF-8 is right") from None
    try:
        values = _parsed(text, name)
    except UserError:
        raise
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UserError(cut(f"{name}: {line}not YAML: {error.problem or error.context}", MOST)) from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(cut(f"{name}: not YAML: {' '.join(str(error).split())}", MOST)) from None
    except RecursionError:
        raise UserError(f"{name}: nested too deeply; a mapping of keys is right") from None
    if not isinstance(values, dict):
        what = "nothing" if values is None else f"a {type(values).__name__}"
        raise UserError(f"{name}: found {what}; a mapping of keys is right")
    return values


def _parsed(text: str, name: str) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, name, {}, ())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check(node: yaml.Node, name: str, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """The number of values below a node. Raises UserError for a key twice, a circle, or too many values."""
    if id(node) in above:
        raise UserError(f"{name}: line {node.start_mark.line + 1}: an alias is inside its own anchor")
    if id(node) in sizes:
        return sizes[id(node)]
    children: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        children = node.value
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            children += [key, value]
            if not isinstance(key, yaml.ScalarNode) or key.tag.endswith(":merge"):
                continue
            at, known = key.start_mark.line + 1, (key.tag, key.value)
            if known in lines:
                twice = f"{cut(key.value)} stands in line {lines[known]} too; once is right"
                raise UserError(f"{name}: line {at}: {twice}")
            lines[known] = at
    size = 1 + sum(_check(child, name, sizes, (*above, id(node))) for child in children)
    if size > MOST_VALUES:
        raise UserError(f"{name}: more than {MOST_VALUES:,} values, with those that aliases repeat")
    sizes[id(node)] = size
    return size


def _shown(file: Path | str) -> str:
    path = Path(file)
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except ValueError:
        return cut(str(path)[::-1], 120)[::-1] if len(str(path)) > 120 else str(path)


if __name__ == "__main__":
    try:
        load_files(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
