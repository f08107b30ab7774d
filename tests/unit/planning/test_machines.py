"""Rates: those in performance/, where they were measured."""

import json
import re

import pytest
from support.project_copy import ROOT

from langscale.planning import machines
from langscale.planning.machines import CORE, JOB, TORCH


def test_a_core_is_as_fast_as_measured():
    """performance/growth.json and overhead.md: what `make bench` found on the machine that they name."""
    file = ROOT / "performance/growth.json"
    rates = json.loads(file.read_text()).get("rates") if file.exists() else None
    if not rates:
        pytest.skip("make bench has not measured the rates yet")
    counted = {
        "training": CORE.training,
        "embedding": CORE.embedding,
        "bandwidth": CORE.bandwidth,
        "step": CORE.step,
        "ranks": machines.RANKS,
        "lists": machines.LISTS,
        "statistics": machines.STATISTICS,
    }
    assert set(rates) == set(counted)
    for name, value in counted.items():
        assert 1 / 1.5 < value / rates[name] < 1.5, name


def test_starts_cost_what_was_measured():
    table = (ROOT / "performance/overhead.md").read_text(encoding="utf-8")
    starts = {
        rule: (int(jobs), float(seconds))
        for rule, jobs, seconds in re.findall(r"imports of (\w+) \| (\d+) \| ([\d.]+)", table)
    }
    [snakemake] = re.findall(r"\| Snakemake \| \| \| (\d+)", table)
    own = int(snakemake) / sum(jobs for jobs, _ in starts.values())
    assert 1 / 1.5 < (TORCH + JOB) / (starts["adapters"][1] + own) < 1.5
    assert 1 / 1.5 < JOB / (starts["score"][1] + own) < 1.5
