"""The config as a whole: sections of typed models, the one truth of every option, its default and its meaning.

langscale.config.data has those of languages, data and models, langscale.config.experiment those of runs and statistics. `load` reads what Snakemake hands over; langscale.config.reference prints config/README.md from these models.
"""

import re
from typing import Any

from pydantic import Field, ValidationError, model_validator

from langscale.config.checks import check
from langscale.config.data import (
    LISTED,
    Audit,
    Benchmark,
    Code,
    Languages,
    Model,
    Name,
    Options,
    Source,
    Translation,
)
from langscale.config.experiment import Arm, Budget, Evaluation, Statistics, Training
from langscale.core.errors import UserError


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
