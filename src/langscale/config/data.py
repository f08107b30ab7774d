"""The sections `languages`, `sources`, `benchmarks`, `translation` and `audit`."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from langscale.config.fields import Code, Count, Fraction, Name, Once, Options, Seed, shown

MOST = 1000  # languages, and seeds


class Languages(Options):
    """Languages of training and evaluation."""

    pool: list[Code] = Field(
        max_length=MOST, description="training languages. The first one is the first of every ladder"
    )
    heldout: list[Code] = Field(
        [], max_length=MOST, description="languages of evaluation only, the same for every ladder and n"
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        codes = self.pool + self.heldout
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"{shown(twice)} appears twice; a language is in pool or in heldout, once")
        if not self.pool:
            raise ValueError("pool is empty; at least one language is right")
        return self

    @property
    def all(self) -> list[str]:
        """Pool, then held-out languages."""
        return self.pool + self.heldout


LOCAL = "local"
FileName = Annotated[str, Field(min_length=1, max_length=4096)]


def _unless(default: object) -> Any:
    """Leave a key with its default out of the values of a study, which stay as they were without it."""
    return lambda value: value == default


class DataFiles(Options):
    """Keys that sources and benchmarks share: the data set, and the files of a set of your own."""

    set: Name | None = Field(
        None,
        description="the data set, if the section has a name of its own. local: files of your own. null: "
        "the name",
        exclude_if=_unless(None),
    )
    path: FileName | Annotated[list[FileName], Field(min_length=1, max_length=MOST)] | None = Field(
        None,
        description="local: a folder, a file or a list of files, relative to the working directory. "
        "docs/own-data.md has the formats",
        exclude_if=_unless(None),
    )
    columns: dict[Literal["id", "language", "query", "passage", "passage_id", "negatives"], FileName] = Field(
        {}, description="local: names of the columns in the files, by field", exclude_if=_unless({})
    )
    language: Code | None = Field(
        None,
        description="local: language of files without a language in name or column",
        exclude_if=_unless(None),
    )
    split: Name | None = Field(
        None,
        description="local: the qrels to use, such as test. null: train of a source, test of a benchmark, if "
        "there are several",
        exclude_if=_unless(None),
    )
    relevant: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="local: least grade of a relevant passage in qrels", exclude_if=_unless(1)
    )
    parallel: bool = Field(
        True,
        description="local: equal ids in different languages are translations of each other",
        exclude_if=_unless(True),
    )
    check: bool = Field(
        True,
        description="local: refuse parallel texts that cannot be translations of each other: copies, lines "
        "that are shifted, other scripts",
        exclude_if=_unless(True),
    )
    licence: FileName | None = Field(
        None, description="local: the licence of your files, for the records", exclude_if=_unless(None)
    )

    @model_validator(mode="after")
    def _local(self) -> Self:
        given = {
            "path": self.path,
            "columns": self.columns,
            "language": self.language,
            "split": self.split,
            "parallel": not self.parallel,
            "check": not self.check,
        }
        if self.set == LOCAL:
            if self.path is None:
                raise ValueError("path: missing; a folder, a file or a list of files is right")
        elif others := [key for key, value in given.items() if value]:
            raise ValueError(f"{others[0]}: is for `set: local` only; set that, or leave it out")
        return self


class Source(DataFiles):
    """A training data set. Its name, or `set`, selects the reader in langscale.data.sources."""

    train: bool = Field(True, description="train on its training part")
    validation: bool = Field(False, description="build its validation part, to choose the best checkpoint")
    pairs: Count | None = Field(None, description="pair ids of a part, a fixed sample. null: all")
    seed: Seed = Field(0, description="seed of the sample")
    size: Count | None = Field(
        None, description="weight of the data set in pairs, in a mix of data sets. null: its number of pairs"
    )
    translate: bool = Field(
        False,
        description="translate it into its missing pool languages, with the model of `translation`",
        exclude_if=lambda value: not value,  # params of studies without it stay as they were
    )

    @property
    def parts(self) -> list[str]:
        """The parts to build."""
        return ["train"] * self.train + ["validation"] * self.validation


class Benchmark(DataFiles):
    """An evaluation set. Its name, or `set`, selects the reader in langscale.data.benchmarks."""

    questions: Count | None = Field(None, description="queries per language, a fixed sample. null: all")
    candidate_text: Literal["sentence", "sentence+paragraph", "paragraph"] | None = Field(
        None,
        description="xquad-r and mlqa-r: the embedded text of a candidate. sentence+paragraph: as one "
        "string, as in XTREME-R. paragraph: the distinct paragraphs, as in mteb. null: the sentence, as in "
        "the paper",
    )
    every_article: int | None = Field(
        None,
        gt=0,
        le=10**6,
        description="xquad-r and mlqa-r: queries and candidates of every k-th article only",
    )
    every_paragraph: int | None = Field(
        None,
        gt=0,
        le=10**6,
        description="xquad-r and mlqa-r: queries and candidates of every k-th paragraph of each article only",
    )
    languages: Annotated[list[Code], Once] | None = Field(
        None, min_length=1, description="evaluate in these languages of the study only. null: all"
    )
    seeds: Annotated[list[Annotated[int, Field(gt=0)]], Once] | None = Field(
        None, min_length=1, max_length=MOST, description="score the runs of these seeds only. null: all"
    )


class Translation(Options):
    """The seq2seq model for missing languages: MADLAD-400, M2M-100 or NLLB, decoded greedily."""

    model_config = ConfigDict(serialize_by_alias=True)

    hub: str | None = Field(
        None,
        min_length=1,
        description="Hugging Face model id, such as google/madlad400-3b-mt or facebook/m2m100_418M",
    )
    revision: str | None = Field(None, description="revision of the hub id")
    path: str | None = Field(
        None, min_length=1, description="local folder with model and tokenizer, used instead of hub"
    )
    origin: Code = Field("en", alias="from", description="source language of the translation")
    max_tokens: int = Field(
        128, ge=16, le=512, description="tokens of a sentence. A longer one is translated in parts"
    )
    batch_tokens: int = Field(4096, gt=0, le=10**8, description="tokens of a batch, with padding")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
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
        0.5, description="share of a text's 13-grams in one other text that makes it a near-duplicate"
    )
    allowed: Fraction = Field(
        0.0, description="share of a set's pairs that may overlap. A larger share stops the study"
    )
    drop: bool = Field(False, description="leave overlapping pairs out, in all languages, and go on")
