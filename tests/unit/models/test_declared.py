"""A sentence-transformers folder is taken as it says: embeddings equal SentenceTransformer.encode."""

import json
import logging
import shutil
import warnings

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from support.tiny_encoders import checkpoint, declare
from torch import nn

from langscale.config.model import Model
from langscale.data.tokens import Tokens, tokenise
from langscale.models import declared, pretrained
from langscale.models.declared import Reading
from langscale.models.encoder import Encoder
from langscale.models.widths import of_folder
from langscale.retrieval.dimensions import cut
from langscale.retrieval.embedding import embed

QUERIES = ["Danish krone", "euro", "日本語 Europa", "", "unknown letters: ßxyz", "euro " * 30]
PASSAGES = ["Denmark: Europe, Danish krone and Danish", "España", " two  spaces ", "Euro und Deutsch " * 20]
NORMALIZE, IDENTITY, PROMPTS = ("Normalize", {}), nn.Identity(), {"query": "query: ", "document": "passage: "}


def pooling(mode):
    return ("Pooling", {"embedding_dimension": 32, "pooling_mode": mode})


def dense(out, activation=None, **arguments):
    return ("Dense", {"in_features": 32, "out_features": out, "activation_function": activation} | arguments)


# name: (kind, modules behind the transformer, options)
FOLDERS = {
    "bert, CLS": ("bert", [pooling("cls"), NORMALIZE], {}),
    "e5": ("bert", [pooling("mean"), NORMALIZE], {"prompts": {"query": "query: ", "passage": "passage: "}}),
    "bge-m3": ("xlm-roberta", [pooling("cls"), NORMALIZE], {"similarity_fn_name": "cosine"}),
    "multilingual MiniLM": ("xlm-roberta", [pooling("mean")], {"prompts": {}}),
    "LaBSE": ("bert", [pooling("cls"), dense(32, nn.Tanh()), NORMALIZE], {}),
    "distiluse": ("distilbert", [pooling("mean"), dense(16, nn.Tanh())], {}),
    "mpnet": ("mpnet", [pooling("mean"), NORMALIZE], {"similarity_fn_name": "dot"}),
    "mmBERT": ("modernbert", [pooling("mean"), NORMALIZE], {}),
    "electra": (
        "electra", [pooling("max"), ("LayerNorm", {"dimension": 32}), ("Dropout", {"dropout": 0.5})], {},
    ),
    "Qwen3-Embedding": (
        "qwen3",
        [pooling("lasttoken"), NORMALIZE],
        {"prompts": {"query": "Instruct: find it\nquery: ", "document": ""}},
    ),
    "EmbeddingGemma": (
        "gemma3_text",
        [pooling("mean"), dense(64, IDENTITY, bias=False), dense(32, IDENTITY, in_features=64), NORMALIZE],
        {"prompts": PROMPTS},
    ),
    "llama": ("llama", [pooling("weightedmean")], {"prompts": PROMPTS}),
    "two poolings": ("roberta", [pooling(("mean", "lasttoken", "mean_sqrt_len_tokens"))], {}),
    "lower case": ("bert", [pooling("mean")], {"reading": {"max_seq_length": 24, "do_lower_case": True}}),
    "sentence-t5": ("t5", [pooling("mean"), dense(32, IDENTITY, bias=False), NORMALIZE], {}),
    "no length": ("bert", [pooling("mean")], {"reading": {}}),
    "lengths of queries and passages": (
        "bert",
        [pooling("mean")],
        {"reading": {"max_seq_length": 24, "query_length": 6, "document_length": 12}},
    ),
}  # fmt: skip


def folder_of(name, path, **fields):
    kind, modules, options = FOLDERS[name]
    checkpoint(path, kind, **fields)
    if kind == "gemma3_text":  # both directions, as in EmbeddingGemma
        config = json.loads((path / "config.json").read_text())
        (path / "config.json").write_text(json.dumps(config | {"use_bidirectional_attention": True}))
    return declare(path, *modules, **options)


def ours(base, texts, kind):
    """Vectors of texts by the way of a study: base folder, tokens, encoder."""
    reading = Reading.load(base)
    prefix, length = getattr(reading, f"{kind}_prefix"), getattr(reading, f"{kind}_length")
    tokens = base.parent / f"tokens-{kind}"
    shutil.rmtree(tokens, ignore_errors=True)
    tokenise(tokens, texts, pretrained.tokenizer(base), prefix, length)
    return embed(Encoder.load(base), Tokens.load(tokens))


def theirs(folder, texts, kind):
    peer = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    name = (
        "query"
        if kind == "query"
        else next((n for n in ("document", "passage") if peer.prompts.get(n)), None)
    )
    encode = peer.encode_query if kind == "query" else peer.encode_document
    return encode(texts, prompt_name=name, normalize_embeddings=True)


def base_of(tmp_path, folder, **options):
    pretrained.make(tmp_path / "base", Model(path=str(folder), **options), [])
    return tmp_path / "base"


@pytest.mark.parametrize("name", FOLDERS)
def test_embeddings_equal_those_of_sentence_transformers(name, tmp_path, capsys):
    folder = folder_of(name, tmp_path / "model")
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    base = base_of(tmp_path, folder)
    assert capsys.readouterr().out == ""
    for kind, texts in (("query", QUERIES), ("passage", PASSAGES)):
        found, expected = ours(base, texts, kind), theirs(folder, texts, kind)
        assert found.dtype == np.float32 and found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert np.abs(found[0] - found[1]).max() > 1e-2  # so texts do matter
        # t5 and distilbert have a name of their own for it in config.json, which modules.json makes up for
        assert of_folder(folder) == of_folder(base) == found.shape[1]
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("name", ["e5", "distiluse"])
def test_cut_vectors_equal_those_of_truncate_dim(name, tmp_path):
    folder = folder_of(name, tmp_path / "model")
    base = base_of(tmp_path, folder)
    peer = SentenceTransformer(str(folder), device="cpu", truncate_dim=6)
    expected = peer.encode_query(QUERIES, prompt_name="query", normalize_embeddings=True)
    found = cut(ours(base, QUERIES, "query"), 6)
    assert found.shape == expected.shape == (len(QUERIES), 6)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", FOLDERS)
def test_token_embeddings_give_the_vectors_of_token_ids(name, tmp_path):
    """Training looks token embeddings up once for a batch."""
    base = base_of(tmp_path, folder_of(name, tmp_path / "model"))
    encoder = Encoder.load(base).eval()
    texts = pretrained.tokenizer(base)(["Danish krone and euro", "euro"])["input_ids"]
    longest = max(map(len, texts))
    ids = torch.tensor([text + [encoder.padding] * (longest - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in texts])
    embeddings = encoder.transformer.get_input_embeddings()(ids) * mask[..., None]
    np.testing.assert_allclose(encoder.encode(embeddings, mask), encoder(ids, mask), atol=1e-6)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_checkpoint_opens_in_sentence_transformers_as_it_was(name, tmp_path, caplog):
    base = base_of(tmp_path, folder_of(name, tmp_path / "model"))
    encoder = Encoder.load(base)
    with torch.no_grad():
        for parameter in encoder.parameters():  # as training moves it
            parameter += 0.01 * torch.randn_like(parameter)
    encoder.save(tmp_path / "last", base)
    again = Encoder.load(tmp_path / "last").state_dict()
    assert again.keys() == encoder.state_dict().keys()
    assert all(torch.equal(value, again[name]) for name, value in encoder.state_dict().items())
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        expected = theirs(tmp_path / "last", PASSAGES, "passage")
    assert not caplog.records
    np.testing.assert_allclose(ours(tmp_path / "last", PASSAGES, "passage"), expected, atol=1e-5)
    assert {file.suffix for file in (tmp_path / "last").rglob("*") if file.is_file()} <= {
        ".json",
        ".safetensors",
    }


def test_the_config_goes_before_the_folder_and_the_log_says_so(tmp_path, capsys):
    folder = folder_of("e5", tmp_path / "model")
    options = {"pooling": "cls", "query_prefix": "Represent: ", "passage_length": 30}
    base = base_of(tmp_path, folder, **options)
    assert capsys.readouterr().out.splitlines() == [
        f"models: path: {folder}: {line}"
        for line in (
            "pooling: cls from the config; the folder says mean",
            "query_prefix: 'Represent: ' from the config; the folder says 'query: '",
            "passage_length: 30 from the config; the folder says 24",
        )
    ]
    assert Reading.load(base) == Reading("Represent: ", "passage: ", 24, 30)
    peer = SentenceTransformer(str(folder), device="cpu")
    peer[1].pooling_mode, peer.prompts["query"] = "cls", "Represent: "
    np.testing.assert_allclose(ours(base, QUERIES, "query"), peer.encode_query(QUERIES), atol=1e-5)
    base_of(tmp_path, folder, pooling="mean", query_prefix="query: ")  # as the folder says
    assert capsys.readouterr().out == ""


def test_a_dense_module_stays_when_the_pooling_changes(tmp_path):
    folder = folder_of("LaBSE", tmp_path / "model")
    base = base_of(tmp_path, folder, pooling="mean")
    peer = SentenceTransformer(str(folder), device="cpu")
    peer[1].pooling_mode = "mean"
    np.testing.assert_allclose(ours(base, PASSAGES, "passage"), peer.encode(PASSAGES), atol=1e-5)


def test_a_known_model_pools_and_reads_as_its_record_says(tmp_path, capsys):
    """Its folder here is a copy without sentence-transformers' files."""
    checkpoint(tmp_path / "model")
    base = base_of(tmp_path, tmp_path / "model", hub="intfloat/multilingual-e5-small")
    assert Reading.load(base) == Reading("query: ", "passage: ", 64, 130)
    assert "no modules.json; pooling: mean, as known" in capsys.readouterr().out


def test_what_is_expected_of_a_model_before_it_is_there():
    known = {"hub": "intfloat/multilingual-e5-small"}
    assert declared.expected(Model(**known)) == Reading("query: ", "passage: ", 512, 512)
    assert declared.expected(Model(bundled="multilingual-e5-small")) == declared.expected(Model(**known))
    assert declared.expected(Model(**known, query_prefix="", query_length=9)) == Reading(
        "", "passage: ", 9, 512
    )
    assert declared.expected(Model(hub="a/b")) == Reading("", "", 64, 256)


@pytest.mark.parametrize(
    ("mode", "other"), [(mode, other) for mode, other in declared.MODES.items() if mode != "cls-dense"]
)
def test_every_pooling_of_the_config_is_one_of_sentence_transformers(tmp_path, mode, other):
    checkpoint(tmp_path / "model")
    base = base_of(tmp_path, tmp_path / "model", pooling=mode)
    assert json.loads((base / "1_Pooling/config.json").read_text())["pooling_mode"] == other
    assert set(declared.MODES.values()) == set(Pooling.POOLING_MODES)


def test_left_and_right_padding_give_one_vector(tmp_path):
    """A decoder's tokenizer pads on the left; batches here are padded on the right."""
    base = base_of(tmp_path, folder_of("Qwen3-Embedding", tmp_path / "model"))
    encoder, tokens = Encoder.load(base).eval(), pretrained.tokenizer(base)
    assert tokens.padding_side == "left"
    texts = ["Danish krone and euro", "euro"]
    with torch.no_grad():
        sides = [
            encoder(**tokens(texts, padding=True, padding_side=side, return_tensors="pt"))
            for side in ("left", "right")
        ]
    np.testing.assert_allclose(*sides, atol=1e-5)
