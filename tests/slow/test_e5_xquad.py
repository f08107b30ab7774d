"""multilingual-e5-small, untrained, on the whole of XQuAD-R: an independent implementation's figures.

Ten minutes on one core, so it is a target of its own: `make test-slow`. Needs the XQuAD-R files in ../shared/mirror and
the script that builds the checkpoint, ../shared/tools/make_e5_small.py.
"""

import subprocess
import sys

import numpy as np
import pytest
import yaml
from support.project_copy import ROOT, copy_project, snakemake

from langscale.retrieval.scores import Scores

SHARED = ROOT.parent / "shared"
TOOL = SHARED / "tools/make_e5_small.py"
RUN = "results/e5/runs/e5/untrained/none/n0-e3b0c442/seed0"
KNOWN = {
    ("mono", "mAP"): 0.7995,
    ("cross", "mAP"): 0.6399,
    ("multi", "mAP"): 0.2984,
    ("multi", "mAP@20"): 0.2486,
    ("multi", "R@10"): 0.2672,
}

pytestmark = pytest.mark.skipif(
    not TOOL.exists(), reason="../shared with the mirror and the e5 script is not there"
)


@pytest.fixture(scope="module")
def scores(tmp_path_factory) -> Scores:
    folder = copy_project(tmp_path_factory.mktemp("e5"))
    subprocess.run([sys.executable, str(TOOL), str(folder / "e5")], check=True)
    study = {
        "study": "e5",
        "mirror": str(SHARED / "mirror"),
        "languages": {"pool": ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]},
        "sources": {"ntrex": {}},
        "benchmarks": {"xquad-r": {}},
        "models": {"e5": {"path": "e5", "query_prefix": "query: ", "passage_prefix": "passage: "}},
        "budgets": {"fixed-total": {"kind": "fixed-total", "steps": 1}},
        "grid": [{"samplers": ["x-y"], "n": [2]}],
    }
    (folder / "e5.yaml").write_text(yaml.safe_dump(study))
    target = f"{RUN}/scores/last/xquad-r.parquet"
    snakemake(folder, target, "--configfile", "e5.yaml")
    return Scores.load(folder / target)


def macro(scores: Scores, setting: str, metric: str) -> float:
    values = scores.values(setting, metric)
    return np.mean([np.nanmean(values[scores.own == i]) for i in range(len(scores.languages))])


@pytest.mark.parametrize("setting, metric", KNOWN)
def test_known_figures(scores, setting, metric):
    assert macro(scores, setting, metric) == pytest.approx(KNOWN[setting, metric], abs=0.003)


def test_rank_distance(scores):
    assert macro(scores, "multi", "rank distance") == pytest.approx(1213.5, abs=15)
