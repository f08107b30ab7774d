"""What is refused before anything is trained, each on one line that says what would be right."""

import json
import shutil

import pytest
from support.tiny_encoders import SIZES, checkpoint, declare, tokenizer

from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.models import pretrained
from langscale.models.declared import Reading

POOLING = ("Pooling", {"embedding_dimension": 32})
TEXTS = ["Denmark: Europe", "Deutschland: Europa"]


def refused(tmp_path, message, texts=(), **options):
    """Make a base folder and compare the one line that refuses it."""
    with pytest.raises(UserError, match=message) as error:
        pretrained.make(tmp_path / "base", Model(**options), texts)
    assert "\n" not in str(error.value) and str(error.value).startswith("models: ")
    assert not (tmp_path / "base").exists()


def reading(**options):
    return {"reading": options}


def edit(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("kind", "usable"),
    [("xlm-roberta", 32), ("roberta", 32), ("mpnet", 32), ("bert", 34), ("qwen3", 34)],
)
def test_lengths_are_held_against_the_usable_positions(tmp_path, kind, usable):
    checkpoint(tmp_path / "model", kind, positions=34)
    options = {"path": str(tmp_path / "model"), "pooling": "mean"}
    for name in ("query_length", "passage_length"):
        refused(
            tmp_path,
            f"path: .*: {name}: {usable + 1} is more than the model has positions; right: {usable} or less",
            **options | {name: usable + 1},
        )
    pretrained.make(tmp_path / "base", Model(**options | {"passage_length": usable}), [])
    # a default is cut, no error: nobody asked for it
    pretrained.make(tmp_path / "base", Model(**options), [])
    assert Reading.load(tmp_path / "base") == Reading("", "", usable, usable)


def test_positions_of_an_architecture_are_held_too(tmp_path):
    fields = {"model_type": "xlm-roberta", "max_position_embeddings": 40} | SIZES
    refused(
        tmp_path,
        "architecture: xlm-roberta: passage_length: 40 is more .*; right: 37 or less",
        TEXTS,
        architecture=fields,
        passage_length=40,
    )


def test_a_prefix_leaves_room_for_the_text(tmp_path):
    checkpoint(tmp_path / "model")
    taken = len(tokenizer()("Represent: find it")["input_ids"])
    options = {"path": str(tmp_path / "model"), "query_prefix": "Represent: find it"}
    refused(
        tmp_path,
        f"query_length: {taken} leaves no room behind query_prefix 'Represent: find it', which takes",
        **options,
        query_length=taken,
    )
    pretrained.make(tmp_path / "base", Model(**options, query_length=taken + 1), [])


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    checkpoint(tmp_path / "model")
    checkpoint(tmp_path / "small", "xlm-roberta")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tmp_path / "model" / name, tmp_path / "small" / name)
    refused(
        tmp_path,
        r"small: its tokenizer has ids up to \d+, its embedding table \d+ rows; right",
        path=str(tmp_path / "small"),
    )


@pytest.mark.parametrize("capitals", [True, False])
def test_vocab_txt_alone_says_nothing_of_capitals(tmp_path, capitals):
    checkpoint(tmp_path / "model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "model" / name).unlink()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Euro" if capitals else "euro"]
    (tmp_path / "model/vocab.txt").write_text("\n".join(words))
    options = {"path": str(tmp_path / "model")}
    if capitals:
        refused(tmp_path, "vocab.txt has capital letters .*right: a tokenizer_config.json", **options)
        (tmp_path / "model/tokenizer_config.json").write_text(
            '{"do_lower_case": false, "tokenizer_class": "BertTokenizer"}'
        )
    pretrained.make(tmp_path / "base", Model(**options), [])
    found = pretrained.tokenizer(tmp_path / "base")("Euro")["input_ids"]
    assert found == [2, 5, 3]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model_type": "bert", "hiden_size": 64}, r"hiden_size: bert has no such field; .*: hidden_size\?"),
        ({"model_type": "bertt"}, r"model_type: bertt is unknown; right: bert\?"),
        ({"model_type": "bert"} | SIZES | {"num_attention_heads": 3}, "heads: 3 does not divide hidden"),
        ({"model_type": "t5"}, "t5 is no encoder; right: such as bert"),
        ({"model_type": "fnet"}, "fnet takes no attention_mask; right: a text encoder"),
        ({"model_type": "clip"}, "clip takes no inputs_embeds; right: a text encoder"),
    ],
)  # fmt: skip
def test_an_architecture_that_cannot_be_is_refused(tmp_path, fields, message):
    refused(tmp_path, message, TEXTS, architecture=fields)


def test_fields_of_every_name_that_transformers_knows_are_taken(tmp_path):
    fields = {
        "model_type": "distilbert",
        "dim": 32,
        "num_attention_heads": 2,
        "n_layers": 1,
        "hidden_dim": 64,
    }
    pretrained.make(tmp_path / "base", Model(architecture=fields), TEXTS)


def test_weights_of_another_kind_are_refused(tmp_path):
    model = checkpoint(tmp_path / "model")
    state = {name: value for name, value in model.state_dict().items() if "0.output" not in name}
    model.save_pretrained(tmp_path / "model", state_dict=state)
    message = (
        "model: no weights for encoder.layer.0.output.* and 3 others of a BertModel; right: a checkpoint"
    )
    refused(tmp_path, message, path=str(tmp_path / "model"))
    edit(tmp_path / "model/config.json", hidden_size=16)
    refused(tmp_path, "model cannot be loaded: |model: cannot be loaded: ", path=str(tmp_path / "model"))
    (tmp_path / "model/model.safetensors").write_bytes(b"not weights")
    refused(tmp_path, "model: cannot be loaded: ", path=str(tmp_path / "model"))


def test_code_of_its_own_is_not_run(tmp_path):
    checkpoint(tmp_path / "model")
    (tmp_path / "model/own.py").write_text("raise SystemExit('code of a model ran')")
    maps = {"AutoConfig": "own.Config", "AutoModel": "own.Model", "AutoTokenizer": ["own.Tokenizer", None]}
    edit(tmp_path / "model/tokenizer_config.json", auto_map=maps)
    pretrained.make(
        tmp_path / "base", Model(path=str(tmp_path / "model")), []
    )  # transformers has these classes
    shutil.rmtree(tmp_path / "base")
    edit(tmp_path / "model/config.json", auto_map=maps, model_type="own")
    message = "model: cannot be loaded: its files name code of their own, which is not run"
    refused(tmp_path, message, path=str(tmp_path / "model"))


def test_a_decoder_says_how_it_pools(tmp_path):
    checkpoint(tmp_path / "model", "qwen3")
    message = "model: a decoder without modules.json; right: say pooling: last, or mean, in the config"
    refused(tmp_path, message, path=str(tmp_path / "model"))
    pretrained.make(tmp_path / "base", Model(path=str(tmp_path / "model"), pooling="last"), [])
    assert json.loads((tmp_path / "base/1_Pooling/config.json").read_text())["pooling_mode"] == "lasttoken"


@pytest.mark.parametrize(
    ("modules", "options", "message"),
    [
        (
            [POOLING, ("WordWeights", {"vocab": ["a"], "word_weights": {}})], {},
            "modules.json: .*WordWeights is not supported; right: Transformer, Pooling",
        ),
        ([POOLING, POOLING], {}, "modules.json: found Transformer, Pooling, Pooling; right: one Transformer"),
        ([("Normalize", {})], {}, "modules.json: found Transformer, Normalize; right: one Transformer, then"),
        (
            [("Pooling", {"embedding_dimension": 32, "include_prompt": False})], {},
            "1_Pooling: include_prompt: false is not supported",
        ),
        ([("Pooling", {"embedding_dimension": 16})], {}, "1_Pooling: pools 16 numbers a token; right: 32"),
        ([POOLING], {"similarity_fn_name": "euclidean"}, "similarity_fn_name: euclidean is not .*cosine"),
        ([POOLING], {"similarity_fn_name": "dot"}, "name: dot is not .*with a module Normalize"),
        ([POOLING], {"model_type": "SparseEncoder"}, "type: SparseEncoder is not supported"),
        ([POOLING], reading(query_expansion={"length": 3}), r'expansion: \{"length": 3\} is not supported'),
        ([POOLING], reading(max_len=3), "sentence_bert_config.json: max_len: 3 is not supported"),
        ([POOLING], reading(transformer_task="text-generation"), 'task: "text-generation" is not'),
        (
            [POOLING],
            reading(modality_config={"text": {"method": "forward", "method_output_name": "pooler_output"}}),
            "modality_config: .*is not supported",
        ),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_its_name(tmp_path, modules, options, message):
    checkpoint(tmp_path / "model")
    declare(tmp_path / "model", *modules, **options)
    refused(tmp_path, message, path=str(tmp_path / "model"))


def test_a_module_of_another_package_is_refused(tmp_path):
    checkpoint(tmp_path / "model")
    declare(tmp_path / "model", POOLING)
    file = tmp_path / "model/modules.json"
    file.write_text(
        file.read_text().replace("sentence_transformers.models.Transformer", "custom_st.Transformer")
    )
    refused(tmp_path, "modules.json: custom_st.Transformer is not supported", path=str(tmp_path / "model"))


@pytest.mark.parametrize("fault", ["activation", "pickle"])
def test_a_dense_module_that_would_be_another_one_is_refused(tmp_path, fault):
    checkpoint(tmp_path / "model")
    declare(tmp_path / "model", POOLING, ("Dense", {"in_features": 32, "out_features": 32}))
    if fault == "activation":
        edit(tmp_path / "model/2_Dense/config.json", activation_function="own.Swish")
        message = "2_Dense/config.json: activation_function: found own.Swish; right: a module of torch.nn"
    else:
        (tmp_path / "model/2_Dense/model.safetensors").rename(tmp_path / "model/2_Dense/pytorch_model.bin")
        message = "2_Dense has no model.safetensors; pickles"
    refused(tmp_path, message, path=str(tmp_path / "model"))
