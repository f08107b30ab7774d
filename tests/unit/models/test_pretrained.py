import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.toy_training import LENGTH, MODEL, tables

from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.core.files import sha256, write_json
from langscale.data.download import fetch_all
from langscale.models import pretrained as base
from langscale.models.encoder import Encoder

TRAIN = """
import hashlib
from langscale.models.pretrained import train_tokenizer
from langscale.core.random import stream
draw = stream("words")
letters = "abcdeабвгд漢字仮名กขค عربي"
texts = ["".join(letters[i] for i in draw.integers(len(letters), size=40)) for _ in range(2000)]
trained = train_tokenizer(texts, 3000)
print(trained.get_vocab_size(), hashlib.sha256(trained.to_str().encode()).hexdigest())
"""


def test_tokenizer_is_the_same_in_every_process():
    found = []
    for seed, threads in (("0", "1"), ("1", "2"), ("2", "4")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads}
        environment["PYTHONPATH"] = str(Path(base.__file__).parents[2])
        done = subprocess.run(
            [sys.executable, "-c", TRAIN], env=environment, capture_output=True, text=True, check=True
        )
        found.append(done.stdout)
    assert found[0].startswith("3000 ") and found[0] == found[1] == found[2]


def made(folder, **changes):
    pairs, passages = tables()
    model = MODEL.model_copy(update=changes)
    base.make(folder, model, [*pairs["query"], *passages["text"]])
    return model


def test_a_built_model_is_a_config_and_a_tokenizer_that_fit(tmp_path):
    made(tmp_path / "base")
    config = json.loads((tmp_path / "base/config.json").read_text())
    tokenizer = base.tokenizer(tmp_path / "base")
    assert config["vocab_size"] == len(tokenizer) <= MODEL.vocabulary
    assert config["max_position_embeddings"] == tokenizer.model_max_length == LENGTH
    assert config["pad_token_id"] == tokenizer.pad_token_id == tokenizer.convert_tokens_to_ids("<pad>")
    assert config["hidden_size"] == 16 and config["num_hidden_layers"] == 1
    assert tokenizer.convert_ids_to_tokens([0, 1, 2, 3]) == list(base.SPECIAL)
    # full-width letters are folded, a letter that was never seen is unknown, and nothing else is lost
    assert tokenizer("\uff44\uff45 a1")["input_ids"] == tokenizer("de a1")["input_ids"]
    assert tokenizer.unk_token_id in tokenizer("漢")["input_ids"]
    assert tokenizer.unk_token_id not in tokenizer("es a59 c6 d")["input_ids"]
    assert not list((tmp_path / "base").glob("*.safetensors"))


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta"])
def test_a_text_of_full_length_fits_every_kind(tmp_path, kind):
    model = made(tmp_path / "base", architecture=MODEL.architecture | {"model_type": kind})
    encoder = Encoder.initial(tmp_path / "base", "tiny", model, 1)
    ids = torch.full((1, LENGTH), 5)
    assert encoder(ids, torch.ones_like(ids)).shape == (1, 16)


@pytest.mark.parametrize("inside", [True, False])
def test_a_folder_is_linked_within_the_project_and_copied_from_elsewhere(tmp_path, monkeypatch, inside):
    """So that a project that moves takes its models with it."""
    made(tmp_path / "old/origin")
    (tmp_path / "old/origin/model.safetensors").write_bytes(b"weights")
    (tmp_path / "old/origin/pytorch_model.bin").write_bytes(b"not read")
    (tmp_path / "old/origin/1_Pooling").mkdir()
    (tmp_path / "old/origin/1_Pooling/config.json").write_text("{}")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / ("old" if inside else "project"))
    path = "origin" if inside else str(tmp_path / "old/origin")
    base.make(Path("models/base"), MODEL.model_copy(update={"architecture": None, "path": path}), [])
    names = [file.relative_to(path) for file in base.files(path)]
    files = [Path("models/base") / name for name in names]
    assert Path("1_Pooling/config.json") in names and Path("pytorch_model.bin") not in names
    assert {file.is_symlink() for file in files} == {inside}
    tokenizer = base.tokenizer(path)("de a1")
    if inside:
        monkeypatch.chdir((tmp_path / "old").rename(tmp_path / "new"))
    else:
        shutil.rmtree(path)
    assert all(file.is_file() for file in files)
    assert base.tokenizer("models/base")("de a1") == tokenizer


def test_a_folder_without_a_model_is_refused(tmp_path):
    model = MODEL.model_copy(update={"architecture": None, "path": str(tmp_path)})
    with pytest.raises(UserError, match=r"models: path: .* has no config.json; give a folder"):
        base.make(tmp_path / "base", model, [])
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("gone", ["model.safetensors", "tokenizer.json", "2_Dense/model.safetensors"])
def test_what_could_not_be_loaded_is_refused_before_training(tmp_path, gone):
    made(tmp_path / "origin")
    (tmp_path / "origin/2_Dense").mkdir()
    files = {
        "model.safetensors",
        "2_Dense/model.safetensors",
        "pytorch_model.bin",
        "2_Dense/pytorch_model.bin",
    }
    for name in files - {gone}:
        (tmp_path / "origin" / name).write_bytes(b"weights")
    model = MODEL.model_copy(
        update={"architecture": None, "path": str(tmp_path / "origin"), "pooling": "cls-dense"}
    )
    (tmp_path / "origin" / gone).unlink(missing_ok=True)
    with pytest.raises(
        UserError, match=rf"path: .*origin has no {gone}.*; pickles .*: convert the model"
    ) as error:
        base.make(tmp_path / "base", model, [])
    assert "\n" not in str(error.value) and not (tmp_path / "base").exists()


def test_a_hub_model_comes_from_a_mirror_folder(tmp_path):
    """The files of the repository under their own names, and a file that changed later is noticed."""
    origin = tmp_path / "mirror/huggingface.co/some/model/resolve/main"
    base.make(origin.parent / "made", MODEL, tables()[0]["query"])
    (origin.parent / "made").rename(origin)
    (origin / "model.safetensors").write_bytes(b"weights")
    model = Model(hub="some/model")
    paths = fetch_all(base.entries(model), tmp_path / "resources", str(tmp_path / "mirror"))
    listing = tmp_path / "raw.json"
    write_json(listing, {str(path): sha256(path) for path in paths})
    base.make(tmp_path / "base", model, (), listing)
    assert {p.name for p in (tmp_path / "base").iterdir()} == {p.name for p in origin.iterdir()}
    assert (tmp_path / "base/config.json").read_bytes() == (origin / "config.json").read_bytes()
    assert base.tokenizer(tmp_path / "base")("one")["input_ids"]
    weights = next(path for path in paths if path.name == "model.safetensors")
    weights.unlink()
    weights.write_bytes(b"other")
    with pytest.raises(UserError, match="model.safetensors: found .* expected SHA-256"):
        base.make(tmp_path / "again", model, (), listing)


def test_a_known_model_is_pinned_by_the_registry():
    pinned = base.entries(Model(hub="intfloat/multilingual-e5-small"))
    assert {entry.revision for entry in pinned} == {"614241f622f53c4eeff9890bdc4f31cfecc418b3"}
    own = base.entries(Model(hub="intfloat/multilingual-e5-small", revision="abc"))
    assert {entry.revision for entry in own} == {"abc"}
