"""The section `models`."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from langscale.config.fields import Name, Once, Options, finite
from langscale.config.training import Training

Mode = Literal["full", "lora", "adapter"]
Dimensions = Annotated[list[Annotated[int, Field(gt=0, le=10**6)]], Once, Field(min_length=1)]
Pooling = Literal["mean", "cls", "last", "weighted-mean", "max", "mean-sqrt", "cls-dense"]
QUERY_LENGTH, PASSAGE_LENGTH = 64, 256  # tokens, where neither the config nor the model's folder says more
CUT = "@"  # in the name of a model whose vectors are cut, such as e5@64

DEFAULTS: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"learning_rate": 1e-4},
    "adapter": {"learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 64},
}
"""Defaults of `training` by training mode."""


def cut_name(model: str, dimensions: int) -> str:
    """The name in tables of a model whose vectors are cut to their first `dimensions` numbers."""
    return f"{model}{CUT}{dimensions}"


def whole_name(model: str) -> str:
    """The name in the config of a model in tables, whether its vectors are cut or not."""
    return model.partition(CUT)[0]


class AdapterOptions(Options):
    """A change of the output space of a frozen encoder. Before training it changes nothing."""

    rank: int | None = Field(None, gt=0, le=10**5, description="rank of the change of W. null: full")
    hidden: int | None = Field(
        None, gt=0, le=10**6, description="width of a hidden layer (relu). null: y = x W"
    )
    bias: bool = Field(False, description="add a vector, too")
    sides: Literal["both", "query"] = Field(
        "both", description="query: passages keep the vectors of the encoder, so that a corpus stays as it is"
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.rank and self.hidden:
            raise ValueError(f"rank and hidden exclude each other; found {self.rank} and {self.hidden}")
        return self


class LoraOptions(Options):
    """Low-rank matrices in the layers of the encoder (LoRA, arXiv:2106.09685), by the library peft."""

    rank: int = Field(16, gt=0, le=10**5, description="rank of each change")
    alpha: int = Field(32, gt=0, le=10**6, description="scale of each change, times 1 / rank")
    targets: list[str] | None = Field(
        None, min_length=1, description="names of the changed layers, such as query. null: all linear layers"
    )


class Model(Options):
    """An encoder from a model hub, a folder, a Python package, an `architecture`, or `vectors` alone."""

    hub: str | None = Field(None, min_length=1, description="Hugging Face model id")
    revision: str | None = Field(None, description="revision of the hub id")
    path: str | None = Field(
        None,
        min_length=1,
        description="local folder with a transformers checkpoint and its tokenizer, used instead of hub",
    )
    bundled: Literal["multilingual-e5-small"] | None = Field(
        None, description="encoder in a Python package, with 4-bit weights. It needs no model hub"
    )
    architecture: dict[str, Any] | None = Field(
        None, description="a transformers config for a new encoder: `model_type` and its fields"
    )
    vectors: str | None = Field(
        None,
        min_length=1,
        description="folder with the vectors of all texts, by any encoder: parquet with id and vector, or "
        "vectors.npy and ids.txt. `snakemake texts` writes the texts. Needs `train: adapter`",
        exclude_if=lambda value: value is None,  # params of studies without it stay as they were
    )
    train: Mode = Field(
        "full",
        description="full: all weights. lora: low-rank matrices in the layers. adapter: output space, frozen"
        " encoder",
        exclude_if=lambda value: value == "full",
    )
    adapter: AdapterOptions | None = Field(
        None, description="with `train: adapter`. null: the defaults", exclude_if=lambda value: value is None
    )
    lora: LoraOptions | None = Field(
        None, description="with `train: lora`. null: the defaults", exclude_if=lambda value: value is None
    )
    training: Training | None = Field(
        None,
        description="options of the section `training` for this model only. null: the section. Defaults of "
        "lora: "
        "learning_rate 1e-4. Of adapter: learning_rate 1e-3, weight_decay 0, batch_size 64",
        exclude_if=lambda value: value is None,
    )
    vocabulary: int = Field(
        16000, gt=100, le=10**7, description="byte-pair pieces of the tokenizer of an `architecture`"
    )
    pooling: Pooling | None = Field(
        None,
        description="from token vectors to one vector. cls-dense: CLS, then a dense layer and tanh. null: as "
        "in the model's folder, else as known for the hub id, else mean",
    )
    query_prefix: str | None = Field(
        None,
        description="text before every query. null: as in the model's folder, else as known for the hub id, "
        "else none",
    )
    passage_prefix: str | None = Field(None, description="text before every passage. null: as for queries")
    query_length: int | None = Field(
        None,
        gt=2,
        le=10**6,
        description="tokens of a query, with prefix and special tokens. null: as in the model's folder, "
        "else "
        f"{QUERY_LENGTH}",
    )
    passage_length: int | None = Field(
        None,
        gt=2,
        le=10**6,
        description="tokens of a passage, with prefix and special tokens. null: as in the model's folder, "
        "else "
        f"{PASSAGE_LENGTH}",
    )
    dimensions: Dimensions | None = Field(
        None,
        description="evaluate with the first so many numbers of each vector, too (Matryoshka). Rows of 64 "
        "have the model `<name>@64`. null: full width only",
        exclude_if=lambda value: value is None,
    )
    seen: list[Name] | None = Field(
        None,
        description="data sets and benchmarks in the encoder's own training: their rows are marked as not "
        "zero-shot. []: none. null: those known for the hub id",
    )

    @field_validator("architecture")
    @classmethod
    def _in_one_order(cls, architecture: dict[str, Any] | None) -> dict[str, Any] | None:
        """Sorted keys, because the order in the file is no reason to train again."""
        if architecture is None:
            return None
        if not finite(architecture):
            raise ValueError("found an infinite number or nan; a finite number is right")
        return dict(sorted(architecture.items()))

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = ("hub", "path", "bundled", "architecture", "vectors")
        given = [key for key in origins if getattr(self, key) is not None]
        if not given or (len(given) > 1 and given != ["hub", "path"]):
            found = " and ".join(given) or "none of them"
            raise ValueError(f"needs hub or path, or else bundled, architecture or vectors; found {found}")
        if self.architecture is not None and "model_type" not in self.architecture:
            raise ValueError("architecture needs the key model_type, such as bert")
        return self

    @model_validator(mode="after")
    def _mode_fits(self) -> Self:
        if self.vectors is not None and self.train != "adapter":
            raise ValueError(f"train: found {self.train}; vectors have no weights, adapter is right")
        if self.architecture is not None and self.train != "full":
            raise ValueError(
                f"train: found {self.train}; a new architecture is trained as a whole, full is right"
            )
        for name in ("adapter", "lora"):
            if getattr(self, name) is not None and self.train != name:
                raise ValueError(f"{name}: found train: {self.train}; set train: {name}, or leave it out")
        return self

    @property
    def known_as(self) -> str | None:
        """Hub id or name of a bundled encoder: the key of its record in langscale.models.known."""
        return self.hub or self.bundled

    @property
    def remote(self) -> bool:
        """Whether it is downloaded."""
        return (self.hub is not None and self.path is None) or self.bundled is not None
