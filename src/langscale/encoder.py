"""The encoder: one shared tower, pooled and L2-normalised, saved as an ordinary transformers folder."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from langscale.config import Model
from langscale.streams import key


class Encoder(nn.Module):
    """Texts to unit vectors, so that the inner product of two of them is their cosine.

    `transformer` is any encoder of transformers; `pooling` is `mean` (over the tokens of the attention mask) or `cls`.
    """

    def __init__(self, transformer: nn.Module, pooling: str):
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling

    @classmethod
    def initial(cls, folder: str | Path, name: str, model: Model, seed: int) -> "Encoder":
        """The state before training.

        A downloaded model is loaded. One that is built here is drawn from a stream keyed by (name, seed) alone, so
        that runs of one seed start equal whatever their sampler or languages; so are weights that a download lacks.
        """
        torch.manual_seed(key("initialisation", name, seed))
        if model.architecture is None:
            return cls.load(folder, model.pooling)
        return cls(AutoModel.from_config(AutoConfig.from_pretrained(folder)), model.pooling)

    @classmethod
    def load(cls, folder: str | Path, pooling: str) -> "Encoder":
        """A checkpoint written by `save`, or a downloaded one."""
        return cls(AutoModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True), pooling)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """int64 [B, T] ids and mask to float [B, d] unit vectors."""
        output = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
        hidden = output.last_hidden_state.float()  # under autocast too: a mean in bf16 keeps 8 bits
        if self.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        return nn.functional.normalize(pooled, dim=-1)

    @property
    def padding(self) -> int:
        """Token id that fills up short texts; the mask hides it."""
        return self.transformer.config.pad_token_id or 0

    def matrix_parameters(self) -> int:
        """Parameters that every token is multiplied with, for counting operations: neither embedding tables nor the
        pooler, which sees one token per text at most."""
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
        parts = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
        modules = [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(parts)
        ]
        pooling = {
            "word_embedding_dimension": width,
            "pooling_mode_cls_token": self.pooling == "cls",
            "pooling_mode_mean_tokens": self.pooling == "mean",
        }
        for name, content in {
            "modules.json": modules,
            "sentence_bert_config.json": {"max_seq_length": model.passage_length, "do_lower_case": False},
            "config_sentence_transformers.json": {"prompts": prompts, "similarity_fn_name": "cosine"},
            "1_Pooling/config.json": pooling,
        }.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(json.dumps(content, indent=2) + "\n")
        (folder / "2_Normalize").mkdir(exist_ok=True)


TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "vocab.txt",
)
