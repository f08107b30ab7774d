"""Provenance: energy, git, models and training time, as far as a machine tells them."""

import subprocess

import pandas as pd
import pytest

from langscale.reporting.provenance import energy, git_commit, provenance, training_seconds


def test_energy_is_a_bound_from_what_the_machine_tells(tmp_path, monkeypatch):
    nothing = {"source": None, "watts": None, "kwh_at_most": None}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert energy(3600, tmp_path) == nothing
    for zone, watts in (
        ("intel-rapl:0", 65),
        ("intel-rapl:1", 35),
        ("intel-rapl:0:0", 10),
    ):  # the last is a part of the first
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "constraint_0_power_limit_uw").write_text(f"{watts * 10**6}\n")
    assert energy(3600, tmp_path) == {"source": "RAPL", "watts": 100.0, "kwh_at_most": 0.1}
    card = tmp_path / "nvidia-smi"
    card.write_text("#!/bin/sh\necho 400.00\necho '[N/A]'\n")
    card.chmod(0o755)
    assert energy(1800, tmp_path) == {"source": "nvidia-smi", "watts": 400.0, "kwh_at_most": 0.2}


def test_provenance_without_git_and_with_it(tmp_path, monkeypatch):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    assert git_commit(tmp_path) == {"commit": None, "changed_files": []}
    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "one")
    assert git_commit(tmp_path) == {"commit": git("rev-parse", "HEAD"), "changed_files": []}
    (tmp_path / "a").write_text("2")
    (tmp_path / "b c").write_text("new")
    (tmp_path / "within").mkdir()
    assert git_commit(tmp_path)["changed_files"] == git_commit(tmp_path / "within")["changed_files"]
    assert git_commit(tmp_path)["changed_files"] == ["a", "b c"]
    monkeypatch.setenv("PATH", "")
    assert git_commit(tmp_path) == {"commit": None, "changed_files": []}


def test_models_have_their_origin_and_revision(made, tmp_path):
    models = {"tiny": {"architecture": {"model_type": "bert"}}, "e5": {"hub": "intfloat/x"}}
    config = made.study.model_dump() | {"models": models}
    found = provenance(config, [], tmp_path, {"tiny": None, "e5": "abc"})
    assert found["models"] == {"tiny": {"revision": None}, "e5": {"hub": "intfloat/x", "revision": "abc"}}
    assert found["training"]["precision"] == "auto" and found["training"]["threads"] == 1


def test_training_seconds_are_those_of_the_steps(tmp_path):
    for name, speeds in (("a", [50.0, 100.0]), ("b", [200.0])):
        pd.DataFrame({"step": range(len(speeds)), "pairs_per_second": speeds}).to_csv(
            tmp_path / name, index=False
        )
    assert training_seconds([tmp_path / "a", tmp_path / "b"], 100) == pytest.approx(2 + 1 + 0.5)
