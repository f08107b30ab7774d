"""The code of a rule as data: one hash per file that the rule's script reaches through its imports.

A hash covers what Python executes: the syntax tree without comments, docstrings, positions, function
annotations and blocks for type checkers. Formatting and the version of Python (3.11 to 3.13) leave it
unchanged. Data files beside a module, such as tables and templates, count by their bytes if the module names
them.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path

from langscale.core.entry_points import modules

ROOT = "langscale"
PACKAGE = Path(__file__).parents[1]
DIGITS = 12

# Packages and modules that change no result: job control; options, whose values are params; addresses of
# files and of code, whose contents are inputs or are hashed.
RESULTLESS = (
    "jobs",
    "config",
    "core.entry_points",
    "core.errors",
    "core.files",
    "data.catalogue",
    "data.download",
    "data.http",
    "data.remote_files",
)
COUNTED = ("config.sampler",)  # decides which directions a batch has
GROUPS = {  # module -> entry points, whose modules in other packages add records to it
    f"{ROOT}.models.known": "langscale.models",
    f"{ROOT}.retrieval.measures": "langscale.measures",
    f"{ROOT}.config.sampler": "langscale.samplers",
    f"{ROOT}.claims.catalogue": "langscale.claims",
}

_IGNORED = ("ctx", "kind", "type_comment", "type_ignores", "returns", "annotation")


def code(script: str | Path, *roots: str) -> dict[str, str]:
    """File -> hash of the script and every file that it reaches, sorted by file.

    Files of the package are named relative to it. `roots`: dotted names of modules that the script imports by
    name, which no import statement shows. Raises FileNotFoundError for a module that does not exist.
    """
    script = Path(script)
    found = {script.name: _hash(script)}
    reached, left = set[str](), {*_imports(script, script.stem), *roots}
    while left:
        module = left.pop()
        if module in reached or not _counts(module):
            continue
        reached.add(module)
        file = _file(module)
        left |= {*_imports(file, module), *(modules(GROUPS[module]) if module in GROUPS else ())}
        found |= {_name(path, module): _hash(path) for path in (file, *_data(file))}
    return dict(sorted(found.items()))


def tree_hash(text: str) -> str:
    """Hash of a Python source text, equal for two texts that Python executes alike."""
    return _tree_hash(ast.parse(text))


def _tree_hash(tree: ast.Module) -> str:
    return hashlib.sha256(repr(_plain(tree)).encode()).hexdigest()[:DIGITS]


def _counts(module: str) -> bool:
    """Whether a change of the module may change a result."""
    inside = module.removeprefix(f"{ROOT}.")
    if any(inside == name or inside.startswith(f"{name}.") for name in COUNTED):
        return True
    return module != ROOT and not any(inside == name or inside.startswith(f"{name}.") for name in RESULTLESS)


@cache
def _hash(file: Path) -> str:
    if file.suffix == ".py":
        return _tree_hash(_tree(file))
    return hashlib.sha256(file.read_bytes()).hexdigest()[:DIGITS]


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _file(module: str) -> Path:
    """The file of a module by its dotted name."""
    if module.split(".")[0] != ROOT:  # a record that another package brings, and its imports
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f"no module {module}")
        return Path(spec.origin)
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _name(file: Path, module: str) -> str:
    """The name of a file of a module: relative to the package, or with the dotted name of another package."""
    if file.is_relative_to(PACKAGE):
        return str(file.relative_to(PACKAGE))
    return module if file.suffix == ".py" else f"{module}/{file.name}"


@cache
def _imports(file: Path, module: str) -> frozenset[str]:
    """Dotted names of langscale's modules that a file imports when it runs, anywhere in it.

    Those of its own package count too, which another package may be.
    """
    roots = {ROOT, module.partition(".")[0]}
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found = set[str]()
    for node in _executed(_tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] in roots}
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            if base.split(".")[0] in roots:
                names = (f"{base}.{alias.name}" for alias in node.names)
                found |= {name if _is_module(name) else base for name in names}
    return frozenset(found)


def _is_module(name: str) -> bool:
    if name.split(".")[0] == ROOT:
        return _file(name).exists()
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # what it is in is no package
        return False


def _data(file: Path) -> Iterator[Path]:
    """Data files beside a module that a string in it names: a file, or all files of a folder without code."""
    for node in _executed(_tree(file)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_name(node.value):
            path = file.parent / node.value
            if path.is_dir() and not any(path.rglob("*.py")):
                yield from sorted(inner for inner in path.rglob("*") if inner.is_file())
            elif path.is_file() and path.suffix != ".py":
                yield path


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and len(text) < 100 and not set(text) & set("/\\\0\n")


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all nodes below it, without blocks for type checkers."""
    if not _only_types(node):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _executed(child)


def _only_types(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
        and not node.orelse
    )


def _idle(node: object) -> bool:
    """Whether a statement does nothing: a string, such as a docstring, or a block for type checkers."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return isinstance(node.value.value, str)
    return isinstance(node, ast.AST) and _only_types(node)


def _plain(node: object) -> object:
    """Nested tuples of class names and fields, which are equal in all versions of Python."""
    if isinstance(node, ast.JoinedStr):  # Python 3.12 adds empty strings to some
        node = ast.JoinedStr([one for one in node.values if getattr(one, "value", None) != ""])
    if isinstance(node, ast.AST):
        fields = [
            (name, _plain(value))
            for name, value in ast.iter_fields(node)
            if name not in _IGNORED and value != [] and (value is not None or isinstance(node, ast.Constant))
        ]
        return (type(node).__name__, *((name, value) for name, value in fields if value != ()))
    if isinstance(node, list):
        return tuple(_plain(one) for one in node if not _idle(one))
    return repr(node)
