"""The config: typed models, the one truth of every option, its default and its meaning.

`load` reads what Snakemake hands over; langscale.manual prints config/README.md from these models.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from langscale.checks import check
from langscale.errors import UserError
from langscale.sampling import Spec

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Code = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Metric = Literal[
    "mAP", "mAP@20", "R@1", "R@10", "nDCG@10", "rank distance", "rank distance log-ratio", "own-language advantage",
    "own-language share@1", "own-language share@10", "own-language share@100",
]  # fmt: skip
Claim = Literal[
    "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8",
]  # fmt: skip


POOLING = {"sentence-transformers/LaBSE": "cls-dense"}  # of hub ids that differ from the default


LISTED = ("miracl", "miracl-hard")
"""Sets that are larger than memory: searched in shards, monolingual, scored from lists, without BM25."""


class Options(BaseModel):
    """Base of all sections: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    """A training data set; its name selects the reader in langscale.sources."""

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
    """An evaluation set; its name, or `set`, selects the reader in langscale.benchmarks."""

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


class Model(Options):
    """An encoder: downloaded from `hub`, read from `path`, or built from an `architecture`."""

    hub: str | None = Field(None, description="Hugging Face model id")
    revision: str | None = Field(None, description="revision of the hub id")
    path: str | None = Field(
        None, description="local folder with a transformers checkpoint and its tokenizer; goes before hub"
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
        given = [key for key in ("hub", "path", "architecture") if getattr(self, key) is not None]
        if not given or (self.architecture is not None and len(given) > 1):
            found = " and ".join(given) or "none of them"
            raise ValueError(f"needs hub or path, or else architecture; found {found}")
        if self.architecture is not None and "model_type" not in self.architecture:
            raise ValueError("architecture needs the key model_type, such as bert")
        return self

    @property
    def remote(self) -> bool:
        """Whether it is downloaded."""
        return self.hub is not None and self.path is None


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


class Validation(Options):
    """Choosing the best checkpoint. The last checkpoint stays the headline: best breaks equal budgets."""

    languages: Literal["en", "pool"] = Field(
        "en",
        description="en: English only (the paper's); pool: all pool languages, mono and cross in balance",
    )
    every: int = Field(500, gt=0, description="steps between evaluations")
    pairs: int = Field(1000, gt=1, description="validation pairs, a fixed sample")
    patience: int | None = Field(None, gt=0, description="evaluations without a better loss before stopping")


class Audit(Options):
    """The search for evaluation data in the training and validation sets."""

    containment: Fraction = Field(
        0.5, description="share of a text's 13-grams found in one other: a near-duplicate"
    )
    allowed: Fraction = Field(
        0.0, description="share of a set's pairs that may overlap; more stops the study"
    )
    drop: bool = Field(False, description="leave the offending pairs out, in all languages, and go on")


class Training(Options):
    """The loss, the optimiser and the schedule."""

    batch_size: int = Field(100, gt=1, description="pairs per step")
    learning_rate: float = Field(3e-5, gt=0, description="peak of the schedule (AdamW)")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW, on all but biases and norms")
    warmup: Fraction = Field(
        0.1, description="share of the steps with rising learning rate; then linear decay"
    )
    clip: float = Field(1.0, gt=0, description="maximal norm of the gradient")
    scale: float = Field(20.0, gt=0, description="1/temperature of InfoNCE")
    negatives: Literal["batch", "hard-only"] = Field(
        "batch",
        description="batch: all other documents of the batch; hard-only: equation 1 of the paper as printed",
    )
    hard_negatives: int = Field(1, ge=0, description="hard negatives per query, where the source has them")
    by_size_first: bool = Field(False, description="draw the data set by size before anything else")
    precision: Literal["auto", "float32", "bf16"] = Field(
        "auto", description="auto: bf16 on a GPU, else float32"
    )
    chunk_tokens: int = Field(
        16384, gt=0, description="tokens that go through the encoder at once, in texts of like length"
    )
    gradient_cache: bool = Field(
        False,
        description="keep the activations of one chunk at a time: large batches in little memory, a third slower",
    )
    compile: bool = Field(False, description="torch.compile the encoder for training")
    threads: int = Field(1, gt=0, description="torch threads of a job; results differ in bits between values")
    validation: Validation | None = Field(None, description="null: only the last checkpoint is kept")


class Budget(Options):
    """How much a run may train. U = set of pair ids, S = steps."""

    kind: Literal["fixed-total", "fixed-per-language", "fixed-rows"] = Field(
        description="the same U and S at every n | the same U, S x n steps | U / n ids, the same S"
    )
    steps: int = Field(gt=0, description="S, at n = 1 for fixed-per-language")
    pairs: int | None = Field(None, gt=0, description="U per source, a fixed sample; null: all pair ids")
    sources: list[Name] | None = Field(None, description="train on these sources only; null: all")
    whole_pool: bool = Field(
        True,
        description="use only pair ids that exist in every pool language, so that U does not move with n",
    )


class Arm(Options):
    """One block of the grid: every combination of its lists."""

    models: list[Name] | None = Field(None, description="null: all models")
    samplers: list[str | dict[str, Any]] = Field(
        min_length=1,
        description="en-en, x-x, x-x-mono, x-y, hybrid, hybrid-0.25; controls of x-y and hybrid: x-y-batch, x-y-same, "
        "x-y-ring, x-y-en-centric; or {kind: x-y, pair: batch, allow_same: true, directions: ring}",
    )
    n: list[Annotated[int, Field(gt=0)]] = Field(min_length=1, description="numbers of training languages")
    budgets: list[Name] | None = Field(None, description="null: all budgets")
    ladders: Literal["random"] | list[Name] = Field(
        "random", description="random: ladder i with seed i; or names from `ladders`, each with every seed"
    )
    replicates: int | None = Field(None, gt=0, description="null: the study's")

    @field_validator("samplers")
    @classmethod
    def samplers_exist(cls, samplers):
        for sampler in samplers:
            Spec.parse(sampler)
        return samplers


class Point(Options):
    """One cell of the design, over its replicates."""

    model: Name | None = Field(None, description="null: the only model")
    sampler: str = Field(description="a sampler of the grid, `untrained`, or `none` with model bm25")
    budget: Name | None = Field(None, description="null: the only budget")
    n: int = Field(0, ge=0, description="number of training languages; 0 for untrained and bm25")
    ladder: Name | None = Field(None, description="a name from `ladders`; null: the random ladders")


class Contrast(Options):
    """One confirmatory comparison, declared before the numbers are seen: `cell` minus `reference`."""

    cell: Point
    reference: Point
    setting: Literal["mono", "cross", "multi"] = Field(
        description="candidates: in the question's language, one other, all"
    )
    pair_set: Literal["all", "pool", "pool-heldout", "heldout-pool", "heldout"] = Field(
        "all", description="languages of the questions and of the relevant candidates, the same at every n"
    )
    metric: Metric = Field("mAP", description="measures of language bias: in multi, over all pairs")
    family: str = Field("primary", description="contrasts of one family are adjusted together (Holm)")

    @model_validator(mode="after")
    def is_measured(self):
        if self.setting == "mono" and "-" in self.pair_set:
            raise ValueError(f"mono has the pair sets all, pool, heldout; found {self.pair_set}")
        bias = self.metric.startswith(("rank distance", "own-language"))
        if bias and (self.setting, self.pair_set) != ("multi", "all"):
            raise ValueError(
                f"{self.metric} is measured in multi, pairs all; found {self.setting} {self.pair_set}"
            )
        if self.family == "exploratory":
            raise ValueError("the family exploratory is that of the comparisons that are not declared")
        return self


class Evaluation(Options):
    """Rankings and scores."""

    top_k: int = Field(100, ge=100, description="length of the stored lists")
    bm25: bool = Field(True, description="a lexical baseline row over character n-grams")
    controls: bool = Field(
        False,
        description="rank language-centred embeddings and compare the rankings of translated questions, too: controls of "
        "language bias, which double the time of the scores",
    )
    bm25_ngrams: tuple[int, int] = Field((2, 4), description="shortest and longest character n-gram")

    @model_validator(mode="after")
    def in_order(self):
        if not 1 <= self.bm25_ngrams[0] <= self.bm25_ngrams[1]:
            raise ValueError(f"bm25_ngrams: found {self.bm25_ngrams}; shortest, then longest, from 1 up")
        return self


class Statistics(Options):
    """Intervals and tests."""

    resamples: int = Field(10000, ge=100, description="bootstrap resamples of question clusters")
    seed: int = Field(0, description="seed of the resampling")
    contrasts: list[Contrast] = Field([], description="the confirmatory family; all else is exploratory")
    claims: list[Claim] | None = Field(
        None,
        description="claims of the paper (C) and hypotheses (H) that are tested, one family (Holm); null: all. "
        "docs/METHOD.md, Claims, says what each one is",
    )


class Study(Options):
    """One study: one config file, one grid of runs, one folder below results/."""

    study: Name = Field(description="name of the study and of its folder in results/")
    title: str = Field("", description="headline of the report")
    mirror: str | None = Field(None, description="folder or URL prefix that is tried before the web")
    accept_licence: list[str] = Field(
        [], description="data sets and models under a non-commercial licence that you accept, such as mlqa-r"
    )
    languages: Languages
    sources: dict[Name, Source] = Field(min_length=1)
    benchmarks: dict[Name, Benchmark] = Field(min_length=1)
    models: dict[Name, Model] = Field(min_length=1)
    translation: Translation | None = Field(
        None,
        description="null: no source is translated",
        exclude_if=lambda value: value is None,
    )
    audit: Audit | None = Field(
        None, description="null: no audit (cldr has its training cards in the pool by design)"
    )
    training: Training = Training()
    budgets: dict[Name, Budget] = Field(min_length=1)
    ladders: dict[Name, list[Code]] = Field(
        {}, description="named ladders, orders of the pool, for fixed contrasts"
    )
    replicates: int = Field(4, gt=0, description="(ladder, seed) pairs; procedure intervals need four")
    ladder_count: int | None = Field(
        None, gt=0, description="random ladders, taken in turn by the replicates; null: a ladder for each"
    )
    grid: list[Arm] = Field(min_length=1)
    evaluation: Evaluation = Evaluation()
    statistics: Statistics = Statistics()

    def listed(self, benchmark: str) -> bool:
        """Whether a benchmark is of a set that is larger than memory."""
        return (self.benchmarks[benchmark].set or benchmark) in LISTED

    @model_validator(mode="after")
    def sections_agree(self):
        check(self)
        return self


def load(values: dict[str, Any], file: str = "config") -> Study:
    """Check `values`, as read from YAML, and return the study.

    Raises UserError with the file, the key, what was found and what would be right, on one line.
    """
    try:
        return Study.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(f"{file}: {_explain(e)}" for e in error.errors())) from None


def _explain(error: Any) -> str:
    key = ".".join(
        str(part) for part in error["loc"] if not re.match(r"^(function|list|dict|literal|str)\b", str(part))
    )
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key; config/README.md lists all"
    if error["type"] == "missing":
        return f"{key}: missing; config/README.md says what it is"
    found = "" if isinstance(error["input"], dict) else f"; found {error['input']!r}"
    message = error["msg"].removeprefix("Value error, ")
    return (f"{key}: " if key else "") + message[:1].lower() + message[1:] + found
