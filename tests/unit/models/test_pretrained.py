import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers.base.modules import Dense
from support.tiny_encoders import checkpoint, declare
from support.toy_training import LENGTH, MODEL, equal, tables, weights

from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.core.files import sha256, write_json
from langscale.models import pretrained as base
from langscale.models.declared import Reading
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


def path(folder, **options):
    return Model(path=str(folder), **options)


@pytest.mark.parametrize("inside", [True, False])
def test_a_folder_is_linked_within_the_project_and_copied_from_elsewhere(tmp_path, monkeypatch, inside):
    """So that a project that moves takes its models with it."""
    origin = tmp_path / "old/origin"
    checkpoint(origin)
    for name in ("README.md", "pytorch_model.bin"):
        (origin / name).write_bytes(b"not read")
    before = {file.name: file.read_bytes() for file in origin.iterdir()}
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / ("old" if inside else "project"))
    place = "origin" if inside else str(origin)
    base.make("models/base", path(place), [])
    read = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {file.name for file in base.files(place)} == read
    made = {"1_Pooling", "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"}
    found = list(Path("models/base").iterdir())
    assert {file.name for file in found} == read | made | {"reading.json"}
    assert {file.name for file in found if file.is_symlink()} == (read if inside else set())
    assert {file.name: file.read_bytes() for file in origin.iterdir()} == before
    tokenizer = base.tokenizer(origin)("de a1")
    if inside:
        monkeypatch.chdir((tmp_path / "old").rename(tmp_path / "new"))
    else:
        shutil.rmtree(origin)
    assert all(file.exists() for file in found)
    assert base.tokenizer("models/base")("de a1") == tokenizer


def test_a_transformer_in_a_folder_of_its_own_comes_to_the_root(tmp_path):
    """As sentence-transformers wrote folders until 2020."""
    checkpoint(tmp_path / "origin/0_Transformer")
    declare(tmp_path / "origin", ("Pooling", {"embedding_dimension": 32, "pooling_mode": "cls"}))
    entries = json.loads((tmp_path / "origin/modules.json").read_text())
    entries[0]["path"] = "0_Transformer"
    write_json(tmp_path / "origin/modules.json", entries)
    (tmp_path / "origin/sentence_bert_config.json").rename(
        tmp_path / "origin/0_Transformer/sentence_bert_config.json"
    )
    base.make(tmp_path / "base", path(tmp_path / "origin"), [])
    from sentence_transformers import SentenceTransformer

    peers = [SentenceTransformer(str(tmp_path / name), device="cpu") for name in ("origin", "base")]
    one, two = (peer.encode(["Danish krone"], normalize_embeddings=True) for peer in peers)
    np.testing.assert_allclose(one, two, atol=1e-6)
    assert Reading.load(tmp_path / "base").passage_length == 24


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"^models: path: .*: has no config.json; right: a folder"):
        base.make(tmp_path / "base", path(tmp_path), [])
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("gone", ["model.safetensors", "tokenizer.json", "2_Dense/model.safetensors"])
def test_a_missing_file_is_refused_and_pickles_are_not_read(tmp_path, gone):
    checkpoint(tmp_path / "origin")
    (tmp_path / "origin/2_Dense").mkdir()
    Dense(32, 32).save(str(tmp_path / "origin/2_Dense"))
    (tmp_path / "origin" / gone).unlink()
    for name in ("pytorch_model.bin", "2_Dense/pytorch_model.bin"):
        (tmp_path / "origin" / name).write_bytes(b"weights")
    with pytest.raises(UserError, match=rf"origin: has no {gone}.*; pickles .*: convert the model") as error:
        base.make(tmp_path / "base", path(tmp_path / "origin", pooling="cls-dense"), [])
    assert "\n" not in str(error.value) and not (tmp_path / "base").exists()


def test_shards_are_all_there_or_named(tmp_path):
    model = checkpoint(tmp_path / "whole")
    model.save_pretrained(tmp_path / "origin", max_shard_size="40KB")
    base.tokenizer(tmp_path / "whole").save_pretrained(tmp_path / "origin")
    shards = sorted(file.name for file in (tmp_path / "origin").glob("*.safetensors"))
    assert len(shards) > 2
    base.make(tmp_path / "base", path(tmp_path / "origin"), [])
    base.make(tmp_path / "one", path(tmp_path / "whole"), [])
    assert equal(*(weights(Encoder.load(tmp_path / name)) for name in ("base", "one")))
    for name in shards[1:]:
        (tmp_path / "origin" / name).unlink()
    with pytest.raises(
        UserError, match=f"origin: has no {', '.join(shards[1:])}, which model.safetensors.index"
    ):
        base.make(tmp_path / "base", path(tmp_path / "origin"), [])


def put(folder, **modules):
    """A hub model in a mirror folder, with sentence-transformers' files if `modules` are given."""
    origin = folder / "huggingface.co/some/model/resolve/main"
    checkpoint(origin)
    return origin


def fetched(tmp_path, model):
    paths = base.fetch(model, tmp_path / "resources", str(tmp_path / "mirror"))
    write_json(tmp_path / "raw.json", {str(path): sha256(path) for path in paths})
    base.make(tmp_path / "base", model, (), tmp_path / "raw.json")
    return paths


def test_a_hub_model_comes_from_a_mirror_folder(tmp_path):
    """The files of the repository under their own names, and a file that changed later is noticed."""
    origin = put(tmp_path / "mirror")
    paths = fetched(tmp_path, Model(hub="some/model"))
    links = {file.name for file in (tmp_path / "base").iterdir() if file.is_symlink()}
    assert links == {p.name for p in origin.iterdir()} == {p.name for p in paths}
    assert (tmp_path / "base/config.json").read_bytes() == (origin / "config.json").read_bytes()
    file = next(path for path in paths if path.name == "model.safetensors")
    file.unlink()
    file.write_bytes(b"other")
    with pytest.raises(UserError, match="model.safetensors: found .* expected SHA-256"):
        base.make(tmp_path / "again", Model(hub="some/model"), (), tmp_path / "raw.json")


def test_modules_of_a_hub_model_are_fetched_as_it_names_them(tmp_path):
    origin = put(tmp_path / "mirror")
    declare(
        origin,
        ("Pooling", {"embedding_dimension": 32, "pooling_mode": "lasttoken"}),
        ("Dense", {"in_features": 32, "out_features": 8}),
        ("Normalize", {}),
    )
    names = {str(path).partition("/main/")[2] for path in fetched(tmp_path, Model(hub="some/model"))}
    assert {"1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors"} < names
    assert not [name for name in names if name.startswith("3_")]
    ids = torch.tensor([[0, 5, 1]])
    assert Encoder.load(tmp_path / "base")(ids, torch.ones_like(ids)).shape == (1, 8)


def test_shards_of_a_hub_model_are_fetched_as_its_index_names_them(tmp_path):
    origin = put(tmp_path / "mirror")
    (origin / "model.safetensors").unlink()
    model = checkpoint(tmp_path / "whole")
    model.save_pretrained(origin, max_shard_size="40KB")
    paths = fetched(tmp_path, Model(hub="some/model"))
    assert len([path for path in paths if path.suffix == ".safetensors"]) > 2
    assert equal(weights(Encoder.load(tmp_path / "base").transformer), weights(model))


def test_a_known_model_is_pinned_by_the_registry():
    pinned = base.entries(Model(hub="intfloat/multilingual-e5-small"))
    assert {entry.revision for entry in pinned} == {"614241f622f53c4eeff9890bdc4f31cfecc418b3"}
    own = base.entries(Model(hub="intfloat/multilingual-e5-small", revision="abc"))
    assert {entry.revision for entry in own} == {"abc"}
