"""The printed plan: what config files and README say of it, unknown sizes, text and CSV."""

import csv
import math
import re

import pytest
import yaml
from support.planned_study import XLMR, costs, only
from support.project_copy import ROOT

from langscale.config.study import load
from langscale.design.grid import Grid
from langscale.planning.costs import Costs
from langscale.planning.summary import size, text, write


@pytest.mark.parametrize("name", ["paper", "ladder", "ladder-b", "ntrex"])
def test_configs_and_readme_print_what_the_plan_says(name):
    file = ROOT / f"config/{name}.yaml"
    study = load(yaml.safe_load(file.read_text(encoding="utf-8")))
    plan = Costs(study, Grid(study), "nowhere")
    gpu, disk = sum(row.gpu_hours for row in plan.rows()), sum(plan.disk().values())
    [listed] = [
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if f"`{name}.yaml` |" in line
    ]
    for words in (file.read_text(encoding="utf-8").partition("study:")[0], listed):
        assert float(re.search(r"([\d.]+) A100 hours", words)[1]) == pytest.approx(gpu, rel=0.02)
        assert float(re.search(r"(\d+) GB of disk", words)[1]) == pytest.approx(disk / 1e9, rel=0.02)


def test_sums_without_the_models_of_unknown_size_are_lower_bounds():
    known = costs(models={"m": XLMR})
    both = costs(models={"m": XLMR, "other": {"hub": "who/knows"}})
    lines = text(both, both.rows()).splitlines()
    [other] = [line for line in lines if line.startswith("other ") and "x-y" in line]
    assert other.split()[-3:] == ["?", "?", "?"]
    hours = re.search(r"GPU: (\S+) hours", text(known, known.rows()))[1]
    assert f"GPU: at least {hours} hours" in "\n".join(lines)
    [unknown] = [line for line in lines if line.startswith("Unknown size")]
    assert unknown == "Unknown size: other. Sums have the rest only."
    assert known.unknown == [] and "at least" not in text(known, known.rows())
    [disk] = [line for line in lines if line.startswith("Disk: at least ")]
    assert "nan" not in disk and both.disk()["checkpoints"] == known.disk()["checkpoints"]


def test_unknown_sizes_are_said_to_be_unknown():
    plan = costs(models={"m": {"hub": "who/knows"}})
    rows = plan.rows()
    assert math.isnan(only(rows, n_languages=3).gpu_hours)
    assert "GPU: ? hours" in text(plan, rows) and "who/knows" in text(plan, rows)


def test_text_and_csv_say_the_same(tmp_path):
    plan = costs(grid=[{"samplers": ["x-x-mono", "x-y"], "n": [1, 2, 3]}])
    rows = plan.rows()
    write(rows, tmp_path / "plan.csv")
    with (tmp_path / "plan.csv").open(newline="") as file:
        stored = list(csv.DictReader(file))
    assert [float(row["operations"]) for row in stored] == [row.operations for row in rows]
    assert len(stored) == 1 + 3 + 2
    lines = text(plan, rows).splitlines()
    assert lines[0] == "t: 10 runs to train"
    [mono] = [line.split("  ") for line in lines if "x-x-mono" in line]
    assert "1 2 3" in [cell.strip() for cell in mono]


@pytest.mark.parametrize(
    "count, words", [(3.1e10, "31 GB"), (1.5e12, "1.5 TB"), (2e6, "2 MB"), (4000, "4 kB"), (0, "0 kB")]
)
def test_bytes_as_a_person_reads_them(count, words):
    assert size(count) == words
