"""Every model that the issue names, as a tiny random one of its kind in a mirror, with `hub` and prefixes
alone.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers.base.modules import Dense
from support.tiny_encoders import declare
from support.toy_training import equal, tables, weights
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    PreTrainedTokenizerFast,
    XLMRobertaTokenizer,
)

from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.core.files import sha256, write_json
from langscale.data import http as web
from langscale.data import remote_files
from langscale.models import known
from langscale.models import pretrained as base
from langscale.models.declared import Reading
from langscale.models.encoder import Encoder

XLM_R, LABSE, MINILM = (
    "FacebookAI/xlm-roberta-base", "sentence-transformers/LaBSE", "microsoft/Multilingual-MiniLM-L12-H384",
)  # fmt: skip
KINDS = {
    # id: (architecture, what its weights were saved from)
    XLM_R: ("xlm-roberta", AutoModelForMaskedLM),
    "FacebookAI/xlm-roberta-large": ("xlm-roberta", AutoModelForMaskedLM),
    LABSE: ("bert", AutoModel),
    "google-bert/bert-base-multilingual-cased": ("bert", AutoModelForMaskedLM),
    "jhu-clsp/mmBERT-base": ("modernbert", AutoModelForMaskedLM),
    "intfloat/multilingual-e5-small": ("bert", AutoModel),
    "intfloat/multilingual-e5-base": ("xlm-roberta", AutoModel),
    MINILM: ("bert", AutoModel),
}
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
LENGTHS = {"query_length": 16, "passage_length": 24}


def place(mirror, hub, file):
    """Where a file of a hub model lies in a mirror, at the registry's revision."""
    revision = known.ENCODERS[hub].revision
    path = mirror / f"huggingface.co/{hub}/resolve/{revision}/{file}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def tokenizer(kind):
    """Of the class that the kind has on the hub, with a few pieces."""
    words = sorted({word for text in tables()[1]["text"] for word in ("Query: " + text).split()})
    if kind == "xlm-roberta":
        pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *("▁" + word for word in words), "<mask>"]
        return XLMRobertaTokenizer(vocab=[(piece, -float(i)) for i, piece in enumerate(pieces)])
    return PreTrainedTokenizerFast(
        tokenizer_object=base.train_tokenizer(words, 400),
        **dict(zip(("cls_token", "sep_token", "pad_token", "unk_token"), base.SPECIAL, strict=True)),
    )


def put(mirror, hub):
    """A stand-in for a hub model; returns what it was made of: (transformer, dense layer or None)."""
    kind, head = KINDS[hub]
    folder = place(mirror, hub, "config.json").parent
    words = tokenizer("xlm-roberta" if "e5" in hub or hub == MINILM else kind)
    torch.manual_seed(len(hub))
    own = {"tokenizer_class": "XLMRobertaTokenizer"} if hub == MINILM else {}
    if kind == "modernbert":
        own = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0)
    config = AutoConfig.for_model(
        kind, vocab_size=len(words), pad_token_id=words.pad_token_id, **SIZES, **own
    )
    model = head.from_config(config).eval()
    model.save_pretrained(folder)
    if hub == MINILM:
        place(mirror, MINILM, "tokenizer_config.json").write_text("{}")
        place(mirror, MINILM, "sentencepiece.bpe.model").write_bytes(b"not read")
        words.save_pretrained(place(mirror, XLM_R, "tokenizer.json").parent)
    else:
        words.save_pretrained(folder)
    if hub != LABSE:
        return model.base_model, None
    declare(
        folder,
        ("Pooling", {"embedding_dimension": 16, "pooling_mode": "cls"}),
        ("Dense", {"in_features": 16, "out_features": 16}),
        ("Normalize", {}),
    )
    return model, Dense.load(str(folder), subfolder="2_Dense")


def fetched(tmp_path, model):
    """The base folder of a model, through the registry and a mirror."""
    paths = base.fetch(model, tmp_path / "resources", str(tmp_path / "mirror"))
    write_json(tmp_path / "raw.json", {str(path): sha256(path) for path in paths})
    base.make(tmp_path / "base", model, (), tmp_path / "raw.json")
    return tmp_path / "base"


@pytest.fixture(autouse=True)
def no_known_hashes(monkeypatch):
    """The stand-ins are other files than those of the hub, and nothing is downloaded."""

    def refuse(*args):
        raise FileNotFoundError("no network here")

    monkeypatch.setattr(remote_files, "checksums", dict)
    monkeypatch.setattr(web, "download_from_hub", refuse)
    monkeypatch.setattr(web, "tree", refuse)


@torch.no_grad()
@pytest.mark.parametrize("hub", KINDS)
def test_hub_and_prefixes_are_all_that_a_model_needs(tmp_path, capfd, hub):
    transformer, dense = put(tmp_path / "mirror", hub)
    model = Model(hub=hub, query_prefix="Query: ", passage_prefix="Passage: ", **LENGTHS)
    folder = fetched(tmp_path, model)
    capfd.readouterr()
    encoder = Encoder.initial(folder, "tiny", model, 1).eval()
    assert capfd.readouterr() == ("", "")
    assert Reading.load(folder) == Reading("Query: ", "Passage: ", 16, 24)

    words = base.tokenizer(folder)
    texts = ["Query: de a3", "Query: en a7 c0", "Query: es"]
    encoded = words(texts, padding=True, return_tensors="pt")
    ids, mask = encoded["input_ids"], encoded["attention_mask"]
    assert (ids[0] != words.unk_token_id).all() and encoder.padding == words.pad_token_id
    found = encoder(ids, mask).numpy()
    hidden = transformer(input_ids=ids, attention_mask=mask).last_hidden_state
    if dense:
        expected = dense({"sentence_embedding": hidden[:, 0]})["sentence_embedding"].numpy()
    else:
        expected = np.stack([h[m > 0].mean(0).numpy() for h, m in zip(hidden, mask, strict=True)])
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)

    encoder.save(tmp_path / "last", folder)
    loaded = Encoder.load(tmp_path / "last").eval()
    assert equal(weights(encoder), weights(loaded)) and weights(encoder).keys() == weights(loaded).keys()
    assert np.array_equal(loaded(ids, mask).numpy(), found)
    assert base.tokenizer(tmp_path / "last")(texts)["input_ids"] == words(texts)["input_ids"]


@pytest.mark.parametrize("hub", [LABSE, "jhu-clsp/mmBERT-base", MINILM])
def test_a_checkpoint_of_it_opens_in_sentence_transformers(tmp_path, hub):
    from sentence_transformers import SentenceTransformer

    put(tmp_path / "mirror", hub)
    model = Model(hub=hub, query_prefix="Query: ", passage_prefix="Passage: ", **LENGTHS)
    folder = fetched(tmp_path, model)
    encoder = Encoder.initial(folder, "tiny", model, 1).eval()
    with torch.no_grad():
        for layer in encoder.head[1:]:
            layer.linear.bias += 0.1  # as training moves it
    encoder.save(tmp_path / "last", folder)
    names = [
        part["type"].rpartition(".")[2] for part in json.loads((tmp_path / "last/modules.json").read_text())
    ]
    assert names == ["Transformer", "Pooling", *(["Dense"] if hub == LABSE else []), "Normalize"]
    peer = SentenceTransformer(str(tmp_path / "last"), device="cpu")
    texts = tables()[0]["query"].tolist()[:5]
    encoded = base.tokenizer(folder)(["Query: " + text for text in texts], padding=True, return_tensors="pt")
    with torch.no_grad():
        ours = encoder(encoded["input_ids"], encoded["attention_mask"]).numpy()
    np.testing.assert_allclose(peer.encode_query(texts), ours, atol=1e-6)


def test_a_hub_model_without_safetensors_is_refused_on_one_line(tmp_path):
    put(tmp_path / "mirror", XLM_R)
    weights = place(tmp_path / "mirror", XLM_R, "model.safetensors")
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(
        UserError, match="model.safetensors could not be fetched .*; pickles .*give the folder as path"
    ) as error:
        fetched(tmp_path, Model(hub=XLM_R))
    assert "\n" not in str(error.value) and not list(Path(tmp_path / "resources").rglob("*.bin"))


def test_minilm_takes_the_tokenizer_of_xlm_r():
    found = base.entries(Model(hub=MINILM))
    (tokenizer_file,) = [entry for entry in found if entry.repo != MINILM]
    assert len({entry.revision for entry in found if entry.repo == MINILM}) == 1
    assert (tokenizer_file.repo, tokenizer_file.file) == (XLM_R, "tokenizer.json")
    assert tokenizer_file.revision == base.entries(Model(hub=XLM_R))[0].revision
