"""Random encoders of many kinds, small enough for a test, as transformers and as sentence-transformers
folders.
"""

import json
from pathlib import Path

import torch
from tokenizers import processors
from transformers import AutoConfig, AutoModel, PreTrainedModel, PreTrainedTokenizerFast, XLMRobertaTokenizer

from langscale.models.pretrained import SPECIAL, train_tokenizer

TEXTS = [
    "query: passage: Represent: Instruct: find it",
    "Denmark: Europe, Danish krone and Danish",
    "Deutschland: Europa, Euro und Deutsch",
    "España: Europa, euro y español",
    "日本: アジア、円、日本語",
] * 5
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
DECODER = {"num_key_value_heads": 1, "head_dim": 16}
FIELDS = {  # of kinds with names of their own
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "t5": {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2},
    "qwen3": SIZES | DECODER,
    "gemma3_text": SIZES | DECODER,
    "llama": SIZES | DECODER,
}
POSITIONS = {
    "distilbert",
    "bert",
    "xlm-roberta",
    "roberta",
    "mpnet",
    "electra",
    "modernbert",
    "qwen3",
    "llama",
    "gemma3_text",
}
DECODERS = {"qwen3", "gemma3_text", "llama"}


def tokenizer(kind: str = "bert", length: int = 512) -> PreTrainedTokenizerFast:
    """Byte-pair pieces of TEXTS, for RoBERTa and its kin XLM-R's unigram pieces, with <pad> as id 1.

    Decoders' put </s> behind a text, nothing before it, and pad on the left.
    """
    if kind in ("xlm-roberta", "roberta", "mpnet"):
        words = sorted({word for text in TEXTS for word in text.split()})
        pieces = [
            "<s>",
            "<pad>",
            "</s>",
            "<unk>",
            "▁",
            *(f"▁{word}" for word in words),
            *"abcdeinr",
            "<mask>",
        ]
        scores = [(piece, -len(piece) / 9) for piece in pieces]
        return XLMRobertaTokenizer(vocab=scores, model_max_length=length)
    made = train_tokenizer(TEXTS, 300)
    if kind in DECODERS:
        end = [("</s>", made.token_to_id("</s>"))]
        made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=end)
    names = ("cls_token", "sep_token", "pad_token", "unk_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=length,
        padding_side="left" if kind in DECODERS else "right",
        **dict(zip(names, SPECIAL, strict=True)),
    )


def checkpoint(folder: Path, kind: str = "bert", positions: int = 130, **fields) -> PreTrainedModel:
    """Write a transformers folder with random weights, large enough that texts differ; returns the model."""
    words = tokenizer(kind)
    ids = {name: getattr(words, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    if kind == "modernbert":
        ids |= {"cls_token_id": 0, "sep_token_id": 1}
    sizes = FIELDS.get(kind, SIZES) | ({"max_position_embeddings": positions} if kind in POSITIONS else {})
    torch.manual_seed(len(kind))
    config = AutoConfig.for_model(kind, vocab_size=len(words), initializer_range=0.2, **ids, **sizes | fields)
    model = AutoModel.from_config(config).eval()
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return model


def declare(folder: Path, *kinds: tuple[str, dict], **options) -> Path:
    """Make a transformers folder one of sentence-transformers: modules behind the transformer, and its
    options.

    kinds: (name of a module, its arguments); options: content of config_sentence_transformers.json, except
    `reading`: content of sentence_bert_config.json.
    """
    from sentence_transformers.sentence_transformer import modules

    torch.manual_seed(7)
    entries = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for i, (name, arguments) in enumerate(kinds, 1):
        path = f"{i}_{name}"
        (folder / path).mkdir()
        getattr(modules, name)(**arguments).save(str(folder / path))
        entries.append(
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        )
    reading = options.pop("reading", {"max_seq_length": 24, "do_lower_case": False})
    for name, content in (
        ("modules.json", entries),
        ("sentence_bert_config.json", reading),
        ("config_sentence_transformers.json", options),
    ):
        (folder / name).write_text(json.dumps(content))
    return folder
