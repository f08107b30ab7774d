"""The encoder: one shared tower, pooled and L2-normalised, saved as a sentence-transformers folder."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from langscale.config.model import Model
from langscale.core.random import key
from langscale.models import declared
from langscale.models.loading import LOCAL, WEIGHTS, quiet

if TYPE_CHECKING:
    from sentence_transformers.base.modules import Module
    from transformers import PreTrainedModel

TOKENIZER_FILES = ("*token*.json", "vocab.*", "merges.txt", "*.model", "chat_template.*")


class Encoder(nn.Module):
    """Texts to unit vectors: the inner product of two of them is their cosine.

    transformer: an encoder, or a decoder as an encoder, of transformers. modules: sentence-transformers'
    modules behind it, from token vectors to one vector: Pooling, then Dense, LayerNorm or Dropout.
    transformers' own pooler is not used, and is taken out where the class works without it.
    """

    def __init__(self, transformer: "PreTrainedModel", modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.transformer = transformer
        self.head = nn.ModuleList(modules)
        if pooler_is_optional(transformer):
            transformer.pooler = None  # type: ignore[assignment]  # a class without a pooler has None

    @classmethod
    def initial(cls, folder: str | Path, name: str, model: Model, seed: int) -> "Encoder":
        """The state before training, from the `base` folder of a model.

        Pretrained weights are loaded. Weights of an `architecture` are drawn from a stream keyed by (name,
        seed) alone, so that runs of one seed start equal whatever their sampler or languages.
        """
        if model.architecture is None:
            return cls.load(folder)
        torch.manual_seed(key("initialisation", name, seed))
        # with its pooler, whose draws come before those of the weights that are used
        transformer = AutoModel.from_config(AutoConfig.from_pretrained(folder, trust_remote_code=False))
        return cls(transformer, declared.modules(folder, drawn=True))

    @classmethod
    def load(cls, folder: str | Path) -> "Encoder":
        """A checkpoint of `save`, or a pretrained `base` folder. Weights are float32. Pickles are not
        opened.
        """
        from sentence_transformers.base.modules import Transformer

        with quiet():
            read = Transformer.load(str(folder), **LOCAL, model_kwargs=WEIGHTS)
        return cls(read.model, declared.modules(folder))

    @classmethod
    def ready(cls, folder: str | Path, model: Model, initial: dict[str, Any] | None = None) -> "Encoder":
        """The encoder that embeds texts, on the GPU if there is one.

        folder: a checkpoint, or with `initial` (name and seed, see the method of this name) a model before
        training.
        """
        encoder = cls.initial(folder, model=model, **initial) if initial else cls.load(folder)
        return encoder.to("cuda" if torch.cuda.is_available() else "cpu")

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """int64 [B, T] ids and mask to float32 [B, d] unit vectors."""
        return nn.functional.normalize(self.pooled(input_ids, attention_mask), dim=-1)

    def pooled(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """int64 [B, T] ids and mask to float32 [B, d] vectors before normalisation."""
        output = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
        return self._pool(output.last_hidden_state, attention_mask)

    def encode(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        """Unit vectors from token embeddings [B, T, d] of the transformer's own table."""
        output = self.transformer(inputs_embeds=embeddings, attention_mask=attention_mask)
        return nn.functional.normalize(self._pool(output.last_hidden_state, attention_mask), dim=-1)

    def _pool(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        # in float32 under autocast too: a mean in bf16 keeps 8 bits
        features = {"token_embeddings": hidden.float(), "attention_mask": attention_mask}
        with torch.autocast(hidden.device.type, enabled=False):
            for module in self.head:
                features = module(features)
        return features["sentence_embedding"]

    @property
    def padding(self) -> int:
        """Token id that fills up short texts. The mask hides it."""
        return self.transformer.config.get_text_config().pad_token_id or 0

    @property
    def positions(self) -> int | None:
        """Longest text in tokens, None: no limit."""
        return positions(self.transformer)

    def matrix_parameters(self) -> int:
        """Parameters that every token is multiplied with, for counting operations.

        Embedding tables are left out, and so are a pooler and the modules behind the transformer: they see
        one vector per text.
        """
        tables = {id(m.weight) for m in self.modules() if isinstance(m, nn.Embedding)}
        named = self.transformer.named_parameters()
        return sum(p.numel() for name, p in named if id(p) not in tables and not name.startswith("pooler."))

    def save(self, folder: str | Path, base: str | Path) -> None:
        """Write a checkpoint that sentence-transformers opens, with the same embeddings.

        base: the `base` folder of the model, with tokenizer, prompts and modules. sentence-transformers has
        one length for all texts: the passages'. A query longer than `query_length` has to be cut before.
        """
        folder, base = Path(folder), Path(base)
        self.transformer.save_pretrained(folder)
        own = (declared.MODULES, declared.OPTIONS, declared.TRANSFORMER, declared.READING)
        for file in sorted({file for name in (*TOKENIZER_FILES, *own) for file in base.glob(name)}):
            (folder / file.name).write_bytes(file.read_bytes())
        for part in declared.parts(base)[1:]:
            (folder / part.path).mkdir(exist_ok=True)
        for part, module in zip(declared.parts(base)[1:-1], self.head, strict=True):
            cast("Module", module).save(str(folder / part.path))


def positions(transformer: "PreTrainedModel") -> int | None:
    """Longest text in tokens, None: no limit. RoBERTa numbers positions from behind the padding id on."""
    for name, module in transformer.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    longest: int | None = getattr(transformer.config.get_text_config(), "max_position_embeddings", None)
    return longest if longest and longest > 0 else None


def pooler_is_optional(transformer: nn.Module) -> bool:
    """Whether the class of a transformer can be made without its pooler."""
    return "add_pooling_layer" in inspect.signature(type(transformer).__init__).parameters
