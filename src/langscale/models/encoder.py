"""The encoder: one shared tower, pooled and L2-normalised, saved as an ordinary transformers folder."""

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.utils import logging

from langscale.config.model import Model
from langscale.core.errors import UserError
from langscale.core.random import key

DENSE = "2_Dense"
TANH = "torch.nn.modules.activation.Tanh"


class Encoder(nn.Module):
    """Texts to unit vectors, so that the inner product of two of them is their cosine.

    `transformer` is any encoder of transformers; `pooling` is `mean` (over the tokens of the attention mask), `cls`, or
    `cls-dense`: tanh(dense(CLS)), as in LaBSE (arXiv:2007.01852). transformers' own pooler is not used and is taken out
    where the class can do without it.
    """

    def __init__(self, transformer: nn.Module, pooling: str, dense: nn.Linear | None = None):
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling
        self.dense = dense
        if _pooler_is_optional(transformer):
            transformer.pooler = None

    @classmethod
    def initial(cls, folder: str | Path, name: str, model: Model, seed: int) -> "Encoder":
        """The state before training.

        A downloaded model is loaded. One that is built here is drawn from a stream keyed by (name, seed) alone, so
        that runs of one seed start equal whatever their sampler or languages.
        """
        if model.architecture is None:
            return cls.load(folder, model.pooling)
        torch.manual_seed(key("initialisation", name, seed))
        # with its pooler, whose draws come before those of the weights that are used
        transformer = AutoModel.from_config(AutoConfig.from_pretrained(folder))
        width = transformer.config.hidden_size
        return cls(
            transformer, model.pooling, nn.Linear(width, width) if model.pooling == "cls-dense" else None
        )

    @classmethod
    def load(cls, folder: str | Path, pooling: str) -> "Encoder":
        """A checkpoint written by `save`, or a downloaded one.

        Raises UserError where its weights are not all there, or those of the dense layer that `pooling` asks for.
        """
        with _quiet():
            transformer, found = AutoModel.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True
            )
        lacking = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
        if lacking:
            raise UserError(
                f"{folder}: no weights for {lacking[0]} and {len(lacking) - 1} others of a {type(transformer).__name__}; "
                "give a checkpoint of the kind that its config.json names"
            )
        return cls(transformer, pooling, _load_dense(Path(folder)) if pooling == "cls-dense" else None)

    @classmethod
    def ready(cls, folder: str | Path, model: Model, initial: dict[str, Any] | None = None) -> "Encoder":
        """The encoder that embeds texts, on the GPU if there is one.

        `folder`: a checkpoint, or with `initial` (name and seed, see the method of this name) a model before training.
        """
        encoder = cls.initial(folder, model=model, **initial) if initial else cls.load(folder, model.pooling)
        return encoder.to("cuda" if torch.cuda.is_available() else "cpu")

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """int64 [B, T] ids and mask to float32 [B, d] unit vectors."""
        return nn.functional.normalize(self.pooled(input_ids, attention_mask), dim=-1)

    def pooled(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """int64 [B, T] ids and mask to float32 [B, d] vectors before normalisation."""
        output = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
        return self._pool(output.last_hidden_state, attention_mask)

    def encode(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        """Unit vectors from token embeddings [B, T, d] that were looked up in the table of the transformer."""
        output = self.transformer(inputs_embeds=embeddings, attention_mask=attention_mask)
        return nn.functional.normalize(self._pool(output.last_hidden_state, attention_mask), dim=-1)

    def _pool(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = hidden.float()  # under autocast too: a mean in bf16 keeps 8 bits
        if self.dense is not None:
            with torch.autocast(hidden.device.type, enabled=False):
                pooled = torch.tanh(self.dense(hidden[:, 0]))
        elif self.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        return pooled

    @property
    def padding(self) -> int:
        """Token id that fills up short texts; the mask hides it."""
        return self.transformer.config.pad_token_id or 0

    def matrix_parameters(self) -> int:
        """Parameters that every token is multiplied with, for counting operations: neither embedding tables nor a
        pooler or dense layer, which sees one token per text at most."""
        tables = {id(m.weight) for m in self.modules() if isinstance(m, nn.Embedding)}
        named = self.transformer.named_parameters()
        return sum(p.numel() for name, p in named if id(p) not in tables and not name.startswith("pooler."))

    def save(self, folder: str | Path, tokenizer: str | Path, model: Model) -> None:
        """Write a transformers checkpoint that sentence-transformers opens too, with the same embeddings.

        `tokenizer` is the folder to take the tokenizer files from. The prefixes are stored as prompts named query,
        passage and document: `encode_document` looks for the last one first. sentence-transformers has one length
        for all texts, the passages'; a query longer than `query_length` has to be cut before.
        """
        folder = Path(folder)
        self.transformer.save_pretrained(folder)
        for file in sorted(Path(tokenizer).iterdir()):
            if file.name in TOKENIZER_FILES:
                (folder / file.name).write_bytes(file.read_bytes())
        prompts = {"query": model.query_prefix} | dict.fromkeys(("passage", "document"), model.passage_prefix)
        width = self.transformer.config.hidden_size
        kinds = ["Pooling", *(["Dense"] if self.dense else []), "Normalize"]
        parts = [("", "Transformer"), *((f"{i}_{kind}", kind) for i, kind in enumerate(kinds, 1))]
        modules = [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(parts)
        ]
        pooling = {
            "word_embedding_dimension": width,
            "pooling_mode_cls_token": self.pooling != "mean",
            "pooling_mode_mean_tokens": self.pooling == "mean",
        }
        reading = {"max_seq_length": model.passage_length, "do_lower_case": False}
        if _pooler_is_optional(self.transformer):
            reading["model_args"] = {"add_pooling_layer": False}
        contents = {
            "modules.json": modules,
            "sentence_bert_config.json": reading,
            "config_sentence_transformers.json": {"prompts": prompts, "similarity_fn_name": "cosine"},
            "1_Pooling/config.json": pooling,
        }
        for path, _ in parts[1:]:
            (folder / path).mkdir(exist_ok=True)
        if self.dense:
            contents[f"{DENSE}/config.json"] = {
                "in_features": self.dense.in_features,
                "out_features": self.dense.out_features,
                "bias": self.dense.bias is not None,
                "activation_function": TANH,
            }
            state = {f"linear.{name}": value.contiguous() for name, value in self.dense.state_dict().items()}
            save_file(state, folder / DENSE / "model.safetensors")
        for name, content in contents.items():
            (folder / name).write_text(json.dumps(content, indent=2) + "\n")


def _pooler_is_optional(transformer: nn.Module) -> bool:
    return "add_pooling_layer" in inspect.signature(type(transformer).__init__).parameters


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' report of heads that are left out and a pooler that is drawn, and its progress bar."""
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _load_dense(folder: Path) -> nn.Linear:
    """The dense layer beside a checkpoint, as sentence-transformers stores it; UserError where there is no such one."""
    file = folder / DENSE / "model.safetensors"
    if not file.is_file():
        raise UserError(f"{folder}: pooling cls-dense needs {DENSE}/model.safetensors; there is none")
    config = json.loads(file.with_name("config.json").read_text(encoding="utf-8"))
    if config["activation_function"] != TANH or config.get("use_residual"):
        raise UserError(
            f"{folder}/{DENSE}: found {config}; pooling cls-dense needs {TANH} and no residual connection"
        )
    dense = nn.Linear(config["in_features"], config["out_features"], bias=config["bias"])
    dense.load_state_dict({name.removeprefix("linear."): value for name, value in load_file(file).items()})
    return dense


TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "vocab.txt",
)
