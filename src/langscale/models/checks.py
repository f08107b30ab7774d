"""Checks of a model folder before anything is trained. Each problem is one line, behind the origin of the
model.
"""

import difflib
import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.data.remote_files import CONVERT
from langscale.models.declared import Reading, Shape, parts
from langscale.models.loading import LOCAL, NO_DEVICE, quiet

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

INDEX = "model.safetensors.index.json"


def files(folder: Path, model: Model) -> None:
    """Raise UserError where weights, shards or a tokenizer are missing from a pretrained folder."""
    weights = (folder / "model.safetensors", folder / INDEX)
    if not any(file.is_file() for file in weights):
        raise UserError(f"has no model.safetensors or {INDEX}; {CONVERT}")
    if not weights[0].is_file():
        shards = set(json.loads(weights[1].read_text(encoding="utf-8"))["weight_map"].values())
        if missing := sorted(name for name in shards if not (folder / name).is_file()):
            raise UserError(f"has no {', '.join(missing)}, which {INDEX} names")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt", "vocab.json")):
        raise UserError(f"has no tokenizer.json or vocab.txt; {CONVERT}")
    words = folder / "vocab.txt"
    alone = not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json"))
    if alone and words.is_file() and words.read_text(encoding="utf-8") != _lower(words):
        raise UserError(
            "vocab.txt has capital letters and nothing says whether the tokenizer keeps them; "
            'right: a tokenizer_config.json with {"do_lower_case": false}'
        )
    dense = folder / "2_Dense/model.safetensors"
    if model.pooling == "cls-dense" and not parts(folder) and not dense.is_file():
        raise UserError(f"has no 2_Dense/model.safetensors; {CONVERT}")


def _lower(words: Path) -> str:
    """A vocabulary in lower case, special tokens such as [CLS] as they are."""
    lines = words.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line if line.startswith("[") else line.lower() for line in lines)


def architecture(fields: dict[str, Any]) -> None:
    """Raise UserError for a model type, or fields of an `architecture`, that transformers does not know."""
    from transformers import AutoConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    kind = fields["model_type"]
    if kind not in CONFIG_MAPPING_NAMES:
        raise UserError(f"model_type: {kind} is unknown{_near(kind, CONFIG_MAPPING_NAMES)}")
    config = AutoConfig.for_model(kind)
    known = {*config.to_dict(), *config.attribute_map, *inspect.signature(type(config).__init__).parameters}
    for name in fields:
        if name not in known:
            raise UserError(f"{name}: {kind} has no such field{_near(name, known)}")
    width = fields.get("hidden_size", getattr(config, "hidden_size", None))
    heads = fields.get("num_attention_heads", getattr(config, "num_attention_heads", None))
    if (
        width
        and heads
        and width % heads
        and not getattr(config, "head_dim", None)
        and "head_dim" not in fields
    ):
        raise UserError(
            f"num_attention_heads: {heads} does not divide hidden_size: {width}; right: a divisor"
        )


def _near(name: str, known: Any) -> str:
    found = difflib.get_close_matches(name, sorted(known), 1)
    return f"; right: {found[0]}?" if found else ""


def shape(folder: Path, model: Model) -> Shape:
    """Facts of the transformer in a folder, from its classes and its files without reading the weights.

    Raises UserError for a model that is no text encoder, that needs code of its own, or whose weights do not
    fit.
    """
    import torch
    from transformers import AutoConfig, AutoModel
    from transformers.models.auto import modeling_auto

    from langscale.models.encoder import pooler_is_optional, positions

    with _one_line(), quiet():
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        if config.is_encoder_decoder and not parts(folder):
            raise UserError(f"{config.model_type} is no encoder; right: such as bert or xlm-roberta")
        if model.architecture is not None:
            with torch.device("meta"):
                transformer = AutoModel.from_config(config)
        else:
            from sentence_transformers.base.modules import Transformer

            transformer = Transformer.load(str(folder), **LOCAL, model_kwargs=NO_DEVICE).model
            _complete_weights(folder, transformer)
    accepted = inspect.signature(type(transformer).forward).parameters
    for name in ("input_ids", "attention_mask", "inputs_embeds"):
        if name not in accepted:
            raise UserError(f"{config.model_type} takes no {name}; right: a text encoder")
    table = transformer.get_input_embeddings()
    text = config.get_text_config()
    return Shape(
        hidden=text.hidden_size,
        positions=positions(transformer),
        rows=table.num_embeddings,
        decoder=config.model_type in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
        and config.model_type not in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        pooler=pooler_is_optional(transformer),
    )


def _complete_weights(folder: Path, transformer: "PreTrainedModel") -> None:
    arguments = LOCAL | NO_DEVICE | {"output_loading_info": True}
    loaded: Any = type(transformer).from_pretrained(folder, config=transformer.config, **arguments)
    found = loaded[1]
    lacking = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
    if lacking:
        others = f" and {len(lacking) - 1} others" if lacking[1:] else ""
        raise UserError(
            f"no weights for {lacking[0]}{others} of a {type(transformer).__name__}; right: a "
            "checkpoint of the kind that its config.json names"
        )


@contextmanager
def _one_line() -> Iterator[None]:
    """Errors of transformers as one line."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        if isinstance(error, UserError):
            raise
        line = " ".join(str(error).split())
        if "trust_remote_code" in line:
            line = "its files name code of their own, which is not run"
        raise UserError(f"cannot be loaded: {line[:300]}") from error


def texts(tokenizer: "PreTrainedTokenizerBase", reading: Reading, shape: Shape) -> None:
    """Raise UserError for a tokenizer with more ids than embeddings, and for a prefix that fills the
    length.
    """
    highest = max(tokenizer.get_vocab().values())
    if highest >= shape.rows:
        raise UserError(
            f"its tokenizer has ids up to {highest}, its embedding table {shape.rows} rows; right: "
            "the tokenizer of the model"
        )
    for kind in ("query", "passage"):
        prefix, length = getattr(reading, f"{kind}_prefix"), getattr(reading, f"{kind}_length")
        taken = len(tokenizer(prefix)["input_ids"])
        if taken >= length:
            raise UserError(
                f"{kind}_length: {length} leaves no room behind {kind}_prefix {prefix!r}, which takes "
                f"{taken} tokens; right: more than {taken}"
            )
