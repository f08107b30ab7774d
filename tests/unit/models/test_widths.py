"""The width of vectors before anything is loaded; test_declared.py has that of whole folders."""

import json

import numpy as np
import pandas as pd
import pytest

from langscale.config.model import Model
from langscale.models.known import LABSE
from langscale.models.widths import of_folder, too_wide, width


@pytest.mark.parametrize(
    "model, expected",
    [
        ({"bundled": "multilingual-e5-small"}, 384),
        ({"hub": LABSE.hub}, 768),
        ({"hub": "a/b"}, None),
        ({"architecture": {"model_type": "bert", "hidden_size": 48}}, 48),
        ({"architecture": {"model_type": "distilbert", "dim": 48}}, None),
    ],
)
def test_a_model_that_is_not_there_yet(model, expected):
    assert width(Model(**model)) == expected


def write(folder, name, content):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def test_a_folder_of_transformers_alone(tmp_path):
    write(tmp_path, "config.json", {"hidden_size": 32})
    write(tmp_path, "2_Dense/config.json", {"in_features": 32, "out_features": 20})
    assert width(Model(path=str(tmp_path))) == 32
    assert width(Model(path=str(tmp_path), pooling="cls-dense")) == 20
    assert width(Model(path=str(tmp_path), hub="a/b")) == 32  # the folder is used instead of the hub id
    write(tmp_path, "config.json", {"text_config": {"hidden_size": 24}})
    assert of_folder(tmp_path) == 24
    write(tmp_path, "config.json", {"dim": 32})
    assert of_folder(tmp_path) is None
    (tmp_path / "config.json").write_text("{")
    assert of_folder(tmp_path) is None


def test_older_files_of_a_pooling_have_other_names(tmp_path):
    entries = [
        {"type": f"sentence_transformers.models.{kind}", "path": kind} for kind in ("Transformer", "Pooling")
    ]
    write(tmp_path, "modules.json", entries)
    flags = {
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": True,
    }
    write(tmp_path, "Pooling/config.json", {"word_embedding_dimension": 16} | flags)
    assert of_folder(tmp_path) == 32 and of_folder(tmp_path, "mean") == 16
    write(tmp_path, "Pooling/config.json", {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    assert of_folder(tmp_path) == 16


def test_vectors_of_a_user(tmp_path):
    own = Model(vectors=str(tmp_path), train="adapter")
    assert width(own) is None  # `snakemake texts` comes before the vectors
    np.save(tmp_path / "vectors.npy", np.ones((3, 7), np.float32))
    assert width(own) == 7
    pd.DataFrame({"id": ["a", "b"], "vector": [[0.5] * 9, [1.0] * 9]}).to_parquet(tmp_path / "part.parquet")
    assert width(own) == 9  # parquet files go before, as where all of them are read
    (tmp_path / "part.parquet").write_text("none")
    assert width(own) is None


def test_the_first_that_cuts_nothing_off_is_named():
    assert too_wide("key", [8, 32, 64], 32) == ["key: found 32; its vectors have 32 numbers, fewer are right"]
    assert not too_wide("key", [8, 31], 32) and not too_wide("key", [8], None)
