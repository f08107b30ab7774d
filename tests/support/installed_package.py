"""A package as pip leaves it: modules, and metadata with entry points."""

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, texts: Mapping[str, str], groups: Mapping[str, str]) -> Path:
    """Write modules {dotted name: text} and entry points {group: module} into a folder of the path."""
    for name, text in texts.items():
        file = folder.joinpath(*name.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    name = min(texts).partition(".")[0]
    facts = folder / f"{name}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{group}]\n{module} = {module}\n" for group, module in groups.items()]
    (facts / "entry_points.txt").write_text("\n".join(lines))
    return folder
