"""Sections of the config about training, the grid of runs, evaluation and statistics."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from langscale.config.fields import Fraction, Name, Options
from langscale.config.sampler import Spec


class Validation(Options):
    """Choosing the best checkpoint. The last checkpoint stays the headline: best breaks equal budgets."""

    languages: Literal["en", "pool"] = Field(
        "en",
        description="en: English only (the paper's); pool: all pool languages, mono and cross in balance",
    )
    every: int = Field(500, gt=0, description="steps between evaluations")
    pairs: int = Field(1000, gt=1, description="validation pairs, a fixed sample")
    patience: int | None = Field(None, gt=0, description="evaluations without a better loss before stopping")


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
    metric: str = Field(
        "mAP",
        description="a measure of scaling.csv; measures of language bias exist in multi, over all pairs",
    )
    family: str = Field("primary", description="contrasts of one family are adjusted together (Holm)")

    @model_validator(mode="after")
    def is_measured(self):
        if self.setting == "mono" and "-" in self.pair_set:
            raise ValueError(f"mono has the pair sets all, pool, heldout; found {self.pair_set}")
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
    contrasts: list[Contrast] = Field(
        [],
        description="comparisons declared beforehand, every family adjusted by itself; all others are exploratory",
    )
    claims: list[str] | None = Field(
        None,
        description="claims of the paper (C1 ...) and hypotheses (H1 ...) that are tested, one family (Holm); null: all. "
        "docs/claims.md lists them",
    )
