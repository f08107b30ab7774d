"""Sections of the config about languages, data sets and models."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from langscale.config.fields import Code, Fraction, Options

LISTED = ("miracl", "miracl-hard")
"""Sets that are larger than memory: searched in shards, monolingual, scored from lists, without BM25."""


class Languages(Options):
    """Which languages are trained on and which are only evaluated."""

    pool: list[Code] = Field(description="training pool; the first one opens every ladder")
    heldout: list[Code] = Field(
        [], description="evaluated, never trained on, the same for every ladder and n"
    )

    @model_validator(mode="after")
    def distinct(self):
        codes = self.pool + self.heldout
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} listed twice; a language is in pool or in heldout, once")
        if not self.pool:
            raise ValueError("pool is empty; it needs one language at least")
        return self

    @property
    def all(self) -> list[str]:
        """Pool, then held-out languages."""
        return self.pool + self.heldout


class Source(Options):
    """A training data set; its name selects the reader in langscale.data.sources."""

    train: bool = Field(True, description="its training part is trained on")
    validation: bool = Field(
        False, description="its validation part is built, to choose the best checkpoint with"
    )
    pairs: int | None = Field(None, gt=0, description="pair ids of a part, a fixed sample; null: all")
    seed: int = Field(0, description="seed of that sample")
    size: int | None = Field(
        None, gt=0, description="pairs that it counts as when data sets are mixed; null: those that are used"
    )
    translate: bool = Field(
        False,
        description="fill the pool languages that it lacks, by the model in `translation`",
        exclude_if=lambda value: not value,  # params of studies without it stay as they were
    )

    @property
    def parts(self) -> list[str]:
        """The parts that are built."""
        return ["train"] * self.train + ["validation"] * self.validation


class Benchmark(Options):
    """An evaluation set; its name, or `set`, selects the reader in langscale.data.benchmarks."""

    set: str | None = Field(
        None, description="the data set, where the name is one of your own; null: the name"
    )
    questions: int | None = Field(None, gt=0, description="questions per language, a fixed sample; null: all")
    candidate_text: Literal["sentence", "sentence+paragraph"] | None = Field(
        None,
        description="xquad-r and mlqa-r: what of a candidate is embedded; null: the sentence, as in the paper",
    )
    every_article: int | None = Field(
        None, gt=0, description="xquad-r and mlqa-r: questions and candidates of every k-th article only"
    )
    languages: list[Code] | None = Field(
        None, min_length=1, description="those of the study's languages to evaluate in; null: all"
    )
    seeds: list[Annotated[int, Field(gt=0)]] | None = Field(
        None, min_length=1, description="score the runs of these seeds only; null: all"
    )


class Translation(Options):
    """The seq2seq model that fills languages: MADLAD-400, M2M-100 or NLLB, decoded greedily."""

    model_config = ConfigDict(serialize_by_alias=True)

    hub: str | None = Field(
        None, description="Hugging Face model id, such as google/madlad400-3b-mt or facebook/m2m100_418M"
    )
    revision: str | None = Field(None, description="revision of the hub id")
    path: str | None = Field(None, description="local folder with model and tokenizer; goes before hub")
    origin: Code = Field("en", alias="from", description="language that is translated from")
    max_tokens: int = Field(
        128, ge=16, le=512, description="tokens of a sentence; a longer one is translated in parts"
    )
    batch_tokens: int = Field(4096, gt=0, description="tokens of a batch, padding included")

    @model_validator(mode="after")
    def one_origin(self):
        if self.hub is None and self.path is None:
            raise ValueError("needs hub or path; found none of them")
        return self

    @property
    def remote(self) -> bool:
        """Whether it is downloaded."""
        return self.path is None


class Audit(Options):
    """The search for evaluation data in the training and validation sets."""

    containment: Fraction = Field(
        0.5, description="share of a text's 13-grams found in one other: a near-duplicate"
    )
    allowed: Fraction = Field(
        0.0, description="share of a set's pairs that may overlap; more stops the study"
    )
    drop: bool = Field(False, description="leave the offending pairs out, in all languages, and go on")
