"""The section `statistics`: intervals, declared contrasts and claims."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from langscale.config.fields import Encoder, Name, Once, Options, Seed


class Point(Options):
    """One point of the design, over its replicates."""

    model: Encoder | None = Field(
        None, description="null: the only model. With `dimensions`, @64 behind the name"
    )
    sampler: str = Field(description="a sampler of the grid, `untrained`, or `none` with model bm25")
    budget: Name | None = Field(None, description="null: the only budget")
    n: int = Field(0, ge=0, description="number of training languages. 0 for untrained and bm25")
    ladder: Name | None = Field(None, description="a name from `ladders`. null: the random ladders")


class Contrast(Options):
    """One confirmatory comparison, declared before the results: `cell` minus `reference`."""

    cell: Point
    reference: Point
    setting: Literal["mono", "cross", "multi"] = Field(
        description="candidates in the query's language, in one other, or in all languages"
    )
    pair_set: Literal["all", "pool", "pool-heldout", "heldout-pool", "heldout"] = Field(
        "all", description="languages of the queries and of the relevant candidates, the same at every n"
    )
    metric: str = Field(
        "mAP",
        description="a measure of scaling.csv. Measures of language bias exist in multi, over all pairs",
    )
    benchmark: Name | None = Field(None, description="a name from `benchmarks`. null: every benchmark")
    family: str = Field("primary", description="contrasts of one family are adjusted together (Holm)")

    @model_validator(mode="after")
    def _is_measured(self) -> Self:
        if self.setting == "mono" and "-" in self.pair_set:
            raise ValueError(f"pair_set: found {self.pair_set}; mono has all, pool and heldout")
        if self.family == "exploratory":
            raise ValueError("family: found exploratory; that is the family of all undeclared comparisons")
        return self


class Primary(Options):
    """The pair of model and benchmark whose rows carry the verdicts. Other pairs replicate it."""

    model: Name | None = Field(None, description="null: the first trained model of the config")
    benchmark: Name | None = Field(
        None, description="null: the first benchmark of the config that a claim can be tested on"
    )


class Statistics(Options):
    """Intervals and tests."""

    resamples: int = Field(
        10000, ge=100, le=1_000_000, description="bootstrap resamples of query clusters (articles)"
    )
    seed: Seed = Field(0, description="seed of the resamples")
    contrasts: list[Contrast] = Field(
        [],
        description="comparisons declared before the results, each family adjusted by itself. All others are"
        " exploratory",
    )
    claims: Annotated[list[str], Once] | None = Field(
        None,
        description="claims of the paper (C1 ...) and hypotheses (H0 ...) that are tested. null: all. "
        "docs/claims.md lists them",
    )
    sequence: Annotated[list[str], Once] | None = Field(
        None,
        description="order of the tests, declared before the runs. Claims that it leaves out follow. null: "
        "H0, H1, H2, C1, C2, C3, C5, C6, then the others",
    )
    multiplicity: Literal["sequence", "holm"] = Field(
        "sequence",
        description="sequence: each claim at the full level, in order, until one is not decided. holm: all "
        "claims at once, adjusted by Holm",
    )
    primary: Primary = Primary()
