"""The config as a whole: sections of typed models, the one truth of every option, its default and its
meaning.

langscale.config.data has the sections of languages and data, langscale.config.model that of models,
langscale.config.experiment those of runs and statistics. `load` reads what Snakemake hands over;
langscale.config.reference prints config/README.md.
"""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import Field, ValidationError, model_validator

from langscale.config.data import LISTED, Audit, Benchmark, Languages, Source, Translation
from langscale.config.experiment import Arm, Budget, Evaluation, Statistics, Training
from langscale.config.fields import Code, Name, Options
from langscale.config.model import DEFAULTS, Model
from langscale.config.sampler import Spec
from langscale.core.errors import UserError

ENGLISH = "en"


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

    @model_validator(mode="before")
    @classmethod
    def training_of_models(cls, values: Any) -> Any:
        """Give a model that differs a whole section `training`.

        The options of the model go before the options of the study, and these before the defaults of
        the mode.
        """
        if not isinstance(values, dict) or not isinstance(values.get("models"), dict):
            return values
        common = values.get("training") or {}
        models = dict(values["models"])
        for name, model in models.items():
            own = model.get("training") or {} if isinstance(model, dict) else {}
            mode = DEFAULTS.get(model.get("train", "full"), {}) if isinstance(model, dict) else {}
            if (own or mode) and isinstance(own, dict) and isinstance(common, dict):
                models[name] = model | {"training": mode | common | own}
        return values | {"models": models}

    def training_of(self, model: str) -> Training:
        """How a model is trained."""
        return self.models[model].training or self.training

    @model_validator(mode="after")
    def sections_agree(self):
        for problem in (
            *_grid(self),
            *_training(self),
            *_names(self),
            *_languages(self),
            *_translation(self),
        ):
            raise ValueError(problem)
        return self


def _grid(study: Study) -> Iterator[str]:
    known = {"models": study.models, "budgets": study.budgets, "ladders": study.ladders}
    for i, arm in enumerate(study.grid):
        for key, names in known.items():
            named = getattr(arm, key)
            for name in named if isinstance(named, list) else []:
                if name not in names:
                    yield f"grid.{i}.{key}: {name} is unknown; there are {', '.join(names) or 'none'}"
        if max(arm.n) > len(study.languages.pool):
            yield f"grid.{i}.n: {max(arm.n)} exceeds the {len(study.languages.pool)} pool languages"


def _training(study: Study) -> Iterator[str]:
    for name, model in study.models.items():
        for key in ("validation", "hard_negatives", "threads"):
            if model.training and getattr(model.training, key) != getattr(study.training, key):
                yield f"models.{name}.training.{key}: is the same for all models; set it in training"


def _names(study: Study) -> Iterator[str]:
    if "bm25" in study.models:
        yield "models.bm25: the name is taken by the lexical baseline; choose another"
    for name, ladder in study.ladders.items():
        if name.isdigit() or name in ("all", "none"):
            yield f"ladders.{name}: numbers, all and none are taken; choose another name"
        if sorted(ladder) != sorted(study.languages.pool):
            yield f"ladders.{name}: must order exactly the pool {' '.join(study.languages.pool)}"
    if "squadshifts" in study.sources and study.sources["squadshifts"].train:
        yield "sources.squadshifts.train: found true; it is for validation only, set `train: false`"
    if "mmarco" in study.sources and study.sources["mmarco"].pairs is None:
        yield "sources.mmarco.pairs: missing; all 39,780,811 would not fit into memory, give a number"
    trained = [name for name, source in study.sources.items() if source.train]
    if not trained:
        yield "sources: none has `train: true`; set it for one"
    for name, budget in study.budgets.items():
        for source in budget.sources or []:
            if source not in trained:
                yield f"budgets.{name}.sources: {source} is not among those with `train: true`, {', '.join(trained)}"
    for name, benchmark in study.benchmarks.items():
        for code in benchmark.languages or []:
            if code not in study.languages.all:
                yield f"benchmarks.{name}.languages: {code} is in neither languages.pool nor languages.heldout"
        for seed in benchmark.seeds or []:
            if seed > study.replicates:
                yield f"benchmarks.{name}.seeds: found {seed}; there are 1 to {study.replicates} (replicates)"
    if study.training.validation and not any(source.validation for source in study.sources.values()):
        yield "training.validation: no source has `validation: true`; set it for one"


def _languages(study: Study) -> Iterator[str]:
    if ENGLISH not in study.languages.pool:
        if study.training.validation and study.training.validation.languages == "en":
            yield "training.validation.languages: found en, but en is not in languages.pool"
        for i, arm in enumerate(study.grid):
            if any(Spec.parse(sampler).kind == "en-en" for sampler in arm.samplers):
                yield f"grid.{i}.samplers: found en-en, but en is not in languages.pool"
    if not study.languages.heldout:
        for i, contrast in enumerate(study.statistics.contrasts):
            if "heldout" in contrast.pair_set:
                yield (
                    f"statistics.contrasts.{i}.pair_set: found {contrast.pair_set}, but languages.heldout is empty"
                )


def _translation(study: Study) -> Iterator[str]:
    filled, chosen = [name for name, source in study.sources.items() if source.translate], study.translation
    if chosen is None:
        for name in filled:
            yield f"sources.{name}.translate: needs the section `translation` with hub or path"
        return
    if not filled:
        yield "translation: no source has `translate: true`; set it for one"
    if "translation" in study.models:
        yield "models.translation: the name is taken by the translation model; choose another"
    if chosen.origin not in study.languages.pool:
        yield f"translation.from: found {chosen.origin}, which is not in languages.pool"


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
