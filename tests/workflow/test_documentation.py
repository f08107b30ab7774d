"""The documentation names only things that exist: files, headings, modules, targets, configs and tables."""

import re
from importlib import import_module
from importlib.util import find_spec

import pytest
import yaml
from support.project_copy import ROOT, snakemake

from langscale.config.study import load
from langscale.reporting import paper_tables

FOLDERS = (".github", "config", "docs", "performance")
PAGES = sorted([*ROOT.glob("*.md"), *(page for name in FOLDERS for page in (ROOT / name).rglob("*.md"))])
README = (ROOT / "README.md").read_text(encoding="utf-8")
# inline code that is the path of a file here: no placeholder, no pattern, no space
PATH = re.compile(r"(?:src|tests|workflow|config|docs|profiles|performance|validation)/[\w./-]+")


def inline_code(text: str) -> list[str]:
    """Contents of backticks, without fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def anchor(heading: str) -> str:
    """Anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {anchor(line) for line in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_paths_and_modules_exist(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{target} does not exist"
        assert not fragment or fragment in anchors(linked.read_text(encoding="utf-8")), f"no heading {target}"
    for code in inline_code(text):
        if PATH.fullmatch(code) and "/tables/" not in code:
            assert (ROOT / code).exists(), f"{code} does not exist"
        if re.fullmatch(r"langscale(\.\w+)+", code):
            module, name = code.rpartition(".")[::2]
            assert hasattr(import_module(module), name) or find_spec(code), code


def test_make_targets_exist():
    targets = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE)
        assert set(named) <= targets, f"{page.name}: make {set(named) - targets}"


def test_every_config_is_in_the_readme_and_exists():
    named = set(re.findall(r"^\| `([\w-]+\.yaml)` \|", README, re.MULTILINE))
    assert named == {file.name for file in (ROOT / "config").glob("*.yaml")}


def test_rules_of_the_readme_exist(project):
    rules = set(snakemake(project, "--list-rules").split())
    [targets] = re.findall(r"parts\s+of\s+the\s+workflow\s+are\s+targets:\s+`([a-z ]+)`", README)
    named = targets.split() + re.findall(r"snakemake (?:--cores all )?([a-z_]+)(?: |`|$)", README)
    assert set(named) <= rules, set(named) - rules


def test_tables_of_the_readme_are_made_and_none_is_missing(project):
    """Of the default study, and the paper's tables of the study with its benchmarks."""
    made = set(re.findall(r"results/mini/tables/([\w.-]+)\.csv", snakemake(project, "--summary")))
    paper = load(yaml.safe_load((ROOT / "config/paper.yaml").read_text()))
    rows = "\n".join(line for line in README.splitlines() if line.startswith("| `tables/"))
    names = {name.removeprefix("tables/").removesuffix(".csv") for name in inline_code(rows)}
    names -= {".md", ".tex"}
    assert names >= made
    assert names - made <= set(paper_tables.names(paper))


def test_the_packages_of_contributing_are_all_and_import_upwards_in_the_table():
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    source = ROOT / "src/langscale"
    assert set(rows) == {folder.name for folder in source.iterdir() if (folder / "__init__.py").exists()}
    for place, package in enumerate(rows):
        text = "\n".join(file.read_text(encoding="utf-8") for file in (source / package).rglob("*.py"))
        imported = set(re.findall(r"^ *from langscale\.(\w+)", text, re.MULTILINE)) - {package}
        assert imported <= set(rows[:place]), f"{package} imports {imported - set(rows[:place])}"
