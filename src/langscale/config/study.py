"""The config as a whole: one typed model with every option, its default and its meaning.

Each section has a module of its name in this package. `load` checks values; langscale.config.files reads
files, and langscale.config.reference writes config/README.md and config/schema.json from the models.
"""

from collections.abc import Iterator
from math import prod
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from langscale.config.data import Audit, Benchmark, Languages, Source, Translation
from langscale.config.errors import explain
from langscale.config.evaluation import Evaluation
from langscale.config.fields import Code, Name, Once, Options, nearest, shown
from langscale.config.model import DEFAULTS, Model, cut_name, whole_name
from langscale.config.runs import Arm, Budget
from langscale.config.sampler import Spec
from langscale.config.statistics import Statistics
from langscale.config.training import Training
from langscale.core.errors import UserError

ENGLISH = "en"
MOST_CELLS = 200_000  # of a grid: planning and reading them takes seconds


class Study(Options):
    """One study: one config, one grid of runs, one folder below results/."""

    study: Name = Field(description="name of the study and of its folder in results/")
    title: str = Field("", max_length=1000, description="headline of the report")
    mirror: str | None = Field(None, description="folder or URL prefix that is tried before the web")
    accept_licence: list[str] = Field(
        [], description="data sets and models under a non-commercial licence that you accept, such as mlqa-r"
    )
    languages: Languages
    sources: dict[Name, Source] = Field(
        {}, description="training data. Only a study without training has none"
    )
    benchmarks: dict[Name, Benchmark] = Field(min_length=1)
    models: dict[Name, Model] = Field(min_length=1)
    translation: Translation | None = Field(
        None,
        description="null: no source is translated",
        exclude_if=lambda value: value is None,
    )
    audit: Audit | None = Field(
        None, description="null: no audit (cldr has its training passages in the corpus by design)"
    )
    training: Training = Training()
    budgets: dict[Name, Budget] = Field(
        {}, description="sizes of training runs. Only a study without training has none"
    )
    ladders: dict[Name, Annotated[list[Code], Once]] = Field(
        {}, description="nested language orders by name, for fixed contrasts. Each orders the whole pool"
    )
    replicates: int = Field(
        4,
        gt=0,
        le=1000,
        description="replicates, each a ladder and a seed. Confidence intervals over runs and queries need "
        "four",
    )
    ladder_count: int | None = Field(
        None,
        gt=0,
        le=1000,
        description="number of random ladders, used in turn by the replicates. null: a ladder for each "
        "replicate",
    )
    grid: list[Arm] = Field(
        max_length=1000,
        description="training runs. []: nothing is trained, encoders are evaluated as they are",
    )
    evaluation: Evaluation = Evaluation()
    statistics: Statistics = Statistics()

    def set_of(self, benchmark: str) -> str:
        """The data set of a benchmark: `set`, or else its name in the config."""
        return self.benchmarks[benchmark].set or benchmark

    def source_set(self, source: str) -> str:
        """The data set of a source: `set`, or else its name in the config."""
        return self.sources[source].set or source

    def training_of(self, model: str) -> Training:
        """The section `training` of a model: its own, or the study's."""
        return self.models[model].training or self.training

    def model_of(self, name: str) -> Model | None:
        """The section of a model by its name in tables, where e5@64 is e5. None for BM25."""
        return self.models.get(whole_name(name))

    @property
    def encoders(self) -> list[str]:
        """The models by their names in tables: each one, then with its `dimensions`."""
        return [
            encoder
            for name, model in self.models.items()
            for encoder in (name, *(cut_name(name, k) for k in model.dimensions or ()))
        ]

    @model_validator(mode="before")
    @classmethod
    def _training_of_models(cls, values: Any) -> Any:
        """A model with options of its own gets a whole section `training`.

        Options of the model go before options of the study, and these before the defaults of the mode.
        """
        if not isinstance(values, dict) or not isinstance(values.get("models"), dict):
            return values
        common, models = values.get("training") or {}, dict(values["models"])
        for name, model in models.items():
            if isinstance(model, dict) and isinstance(common, dict):
                own, mode = model.get("training") or {}, DEFAULTS.get(str(model.get("train")), {})
                if (own or mode) and isinstance(own, dict):
                    models[name] = model | {"training": mode | common | own}
        return values | {"models": models}

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        checks = (_grid, _training, _names, _languages, _translation)
        for problem in (problem for check in checks for problem in check(self)):
            raise ValueError(problem)
        return self


def _grid(study: Study) -> Iterator[str]:
    if study.grid:
        for key in ("sources", "budgets"):
            if not getattr(study, key):
                found = "an empty mapping" if key in study.model_fields_set else "none"
                yield f"{key}: found {found}; a study with a grid needs one"
    for name, model in study.models.items():
        if model.architecture and not study.sources:
            yield f"models.{name}.architecture: its tokenizer is trained on `sources`, and there are none"
    known = {"models": [*study.models], "budgets": [*study.budgets], "ladders": [*study.ladders]}
    cells = 0
    for i, arm in enumerate(study.grid):
        for key, names in known.items():
            named = getattr(arm, key)
            for name in named if isinstance(named, list) else []:
                if name not in names:
                    yield f"grid.{i}.{key}: {name} is unknown{nearest(name, names)}; there are {shown(names)}"
        if max(arm.n) > len(study.languages.pool):
            yield f"grid.{i}.n: found {max(arm.n)}; the pool has {len(study.languages.pool)} languages"
        ladders = 1 if arm.ladders == "random" else len(arm.ladders)
        lists = (arm.models or study.models, arm.budgets or study.budgets, arm.samplers, set(arm.n))
        cells += ladders * (arm.replicates or study.replicates) * prod(map(len, lists))
    if cells > MOST_CELLS:
        fewer = "with fewer n, replicates or samplers"
        yield f"grid: found {cells:,} cells; at most {MOST_CELLS:,} are right, {fewer}"


def _training(study: Study) -> Iterator[str]:
    for name, model in study.models.items():
        for key in ("validation", "hard_negatives", "threads"):
            if model.training and getattr(model.training, key) != getattr(study.training, key):
                yield f"models.{name}.training.{key}: is the same for all models; set it in training"


def _names(study: Study) -> Iterator[str]:
    if "bm25" in study.models:
        yield "models.bm25: the name is that of the lexical baseline; choose another"
    for name, ladder in study.ladders.items():
        if name.isdigit() or name in ("all", "none"):
            yield f"ladders.{name}: numbers, all and none have a meaning of their own; choose another name"
        if sorted(ladder) != sorted(study.languages.pool):
            yield f"ladders.{name}: must order exactly the pool {shown(study.languages.pool)}"
    trained = [name for name, source in study.sources.items() if source.train]
    if study.sources and not trained:
        yield "sources: none has `train: true`; set it for one"
    for name, budget in study.budgets.items():
        for source in budget.sources or []:
            if source not in trained:
                known = f"sources with `train: true` are {shown(trained)}"
                yield f"budgets.{name}.sources: found {source}{nearest(source, trained)}; {known}"
    for name, benchmark in study.benchmarks.items():
        for code in benchmark.languages or []:
            if code not in study.languages.all:
                key = f"benchmarks.{name}.languages"
                yield f"{key}: found {code}; it is not in languages.pool or languages.heldout"
        for seed in benchmark.seeds or []:
            if seed > study.replicates:
                yield f"benchmarks.{name}.seeds: found {seed}; there are 1 to {study.replicates} (replicates)"
    for i, contrast in enumerate(study.statistics.contrasts):
        if contrast.benchmark not in (None, *study.benchmarks):
            there = shown(study.benchmarks)
            yield f"statistics.contrasts.{i}.benchmark: found {contrast.benchmark}; there are {there}"
    primary = study.statistics.primary
    in_grid = {model for arm in study.grid for model in arm.models or study.models}
    for key, chosen, names in (
        ("model", primary.model, [name for name in study.models if name in in_grid]),
        ("benchmark", primary.benchmark, [*study.benchmarks]),
    ):
        if chosen is not None and chosen not in names:
            which = "trained models" if key == "model" else "benchmarks"
            known = f"{which} are {shown(names)}"
            yield f"statistics.primary.{key}: found {chosen}{nearest(chosen, names)}; {known}"
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
                key = f"statistics.contrasts.{i}.pair_set"
                yield f"{key}: found {contrast.pair_set}, but languages.heldout is empty"


def _translation(study: Study) -> Iterator[str]:
    filled, chosen = [name for name, source in study.sources.items() if source.translate], study.translation
    if chosen is None:
        for name in filled:
            yield f"sources.{name}.translate: needs the section `translation` with hub or path"
        return
    if not filled:
        yield "translation: no source has `translate: true`; set it for one"
    if "translation" in study.models:
        yield "models.translation: the name is that of the translation model; choose another"
    if chosen.origin not in study.languages.pool:
        yield f"translation.from: found {chosen.origin}, which is not in languages.pool"


def load(values: Any, file: str = "config") -> Study:
    """The study of `values`, as read from YAML.

    Raises UserError with file, key, the value and a right one, on one line.
    """
    try:
        return Study.model_validate(values)
    except ValidationError as error:
        raise UserError(explain(error, file, Study)) from None
