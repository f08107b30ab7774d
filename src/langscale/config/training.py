"""The section `training`: loss, optimiser, schedule and checkpoint."""

from typing import Annotated, Literal

from pydantic import Field

from langscale.config.fields import Count, Fraction, Options


class Validation(Options):
    """The best checkpoint by validation loss. The last checkpoint stays the headline: its budget is equal."""

    languages: Literal["en", "pool"] = Field(
        "en",
        description="en: English only, as in the paper. pool: all pool languages, mono and cross in equal "
        "parts",
    )
    every: Count = Field(500, description="steps between evaluations")
    pairs: int = Field(1000, gt=1, le=10**7, description="validation pairs, a fixed sample")
    patience: Count | None = Field(None, description="evaluations without a lower loss before training stops")


class Training(Options):
    """The loss, the optimiser and the schedule."""

    batch_size: int = Field(100, gt=1, le=10**6, description="pairs per step")
    learning_rate: float = Field(3e-5, gt=0, le=100, description="peak learning rate of AdamW")
    weight_decay: float = Field(
        1e-2, ge=0, le=100, description="weight decay of AdamW, without biases and norms"
    )
    warmup: Fraction = Field(
        0.1, description="share of the steps with a rising learning rate. It then falls linearly to 0"
    )
    clip: float = Field(1.0, gt=0, le=10**6, description="maximal norm of the gradient")
    scale: float = Field(20.0, gt=0, le=10**6, description="1/temperature of InfoNCE")
    negatives: Literal["batch", "hard-only"] = Field(
        "batch",
        description="batch: all other documents of the batch. hard-only: equation 1 of the paper as printed",
    )
    hard_negatives: int = Field(
        1, ge=0, le=1000, description="hard negatives per query, if the source has them"
    )
    by_size_first: bool = Field(False, description="draw the data set by size before anything else")
    precision: Literal["auto", "float32", "bf16"] = Field(
        "auto", description="auto: bf16 on a GPU, else float32"
    )
    chunk_tokens: Annotated[int, Field(gt=0, le=10**9)] = Field(
        16384, description="tokens of one pass through the encoder, in texts of similar length"
    )
    gradient_cache: bool = Field(
        False,
        description="keep the activations of one chunk at a time: large batches in little memory, a third "
        "slower",
    )
    compile: bool = Field(False, description="compile the encoder with torch.compile for training")
    threads: int = Field(
        1, gt=0, le=1024, description="torch threads of a job. Results differ in bits between values"
    )
    validation: Validation | None = Field(None, description="null: only the last checkpoint is kept")
