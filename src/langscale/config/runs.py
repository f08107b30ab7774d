"""The sections `budgets` and `grid`: the training runs."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from langscale.config.fields import Count, Name, Once, Options
from langscale.config.sampler import Spec


class Budget(Options):
    """The size of a training run. U is a set of pair ids, S a number of steps."""

    kind: Literal["fixed-total", "fixed-per-language", "fixed-rows"] = Field(
        description="the same U and S at every n | the same U, S x n steps | U / n ids, the same S"
    )
    steps: int = Field(gt=0, le=10**9, description="S; for fixed-per-language at n = 1")
    pairs: Count | None = Field(None, description="pairs of U per source, a fixed sample. null: all pair ids")
    sources: Annotated[list[Name], Once, Field(min_length=1)] | None = Field(
        None, description="train on these sources only. null: all"
    )
    whole_pool: bool = Field(
        True, description="use only pair ids in every pool language, so that U is the same at every n"
    )


class Arm(Options):
    """One block of the grid: every combination of its lists."""

    models: list[Name] | None = Field(None, min_length=1, description="null: all models")
    samplers: list[str | dict[str, Any]] = Field(
        min_length=1,
        max_length=1000,
        description="names such as x-x-mono, x-y, hybrid-0.25. Controls of x-y and hybrid: x-y-batch, "
        "x-y-same, x-y-ring, x-y-en-centric, or {kind: x-y, pair: batch, allow_same: true, directions: ring}",
    )
    n: list[Annotated[int, Field(gt=0)]] = Field(
        min_length=1, max_length=1000, description="numbers of training languages"
    )
    budgets: list[Name] | None = Field(None, min_length=1, description="null: all budgets")
    ladders: Literal["random"] | list[Name] = Field(
        "random", description="random: ladder i with seed i. Or names from `ladders`, each with every seed"
    )
    replicates: int | None = Field(
        None, gt=0, le=1000, description="replicates of this block. null: those of the study"
    )

    @field_validator("samplers")
    @classmethod
    def _known(cls, samplers: list[str | dict[str, Any]]) -> list[str | dict[str, Any]]:
        for sampler in samplers:
            Spec.parse(sampler)
        return samplers
