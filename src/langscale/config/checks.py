"""What the sections of a config demand of each other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from langscale.training.batches import Spec

if TYPE_CHECKING:
    from langscale.config.study import Study

ENGLISH = "en"


def check(study: "Study") -> None:
    """Raise ValueError, with key, what was found and what would be right, for the first thing that does not fit."""
    for problem in (*_grid(study), *_names(study), *_languages(study), *_translation(study)):
        raise ValueError(problem)


def _grid(study: "Study") -> Iterator[str]:
    known = {"models": study.models, "budgets": study.budgets, "ladders": study.ladders}
    for i, arm in enumerate(study.grid):
        for key, names in known.items():
            named = getattr(arm, key)
            for name in named if isinstance(named, list) else []:
                if name not in names:
                    yield f"grid.{i}.{key}: {name} is unknown; there are {', '.join(names) or 'none'}"
        if max(arm.n) > len(study.languages.pool):
            yield f"grid.{i}.n: {max(arm.n)} exceeds the {len(study.languages.pool)} pool languages"


def _names(study: "Study") -> Iterator[str]:
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


def _languages(study: "Study") -> Iterator[str]:
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


def _translation(study: "Study") -> Iterator[str]:
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
    if chosen.remote:
        yield from _downloaded(study, filled)


def _downloaded(study: "Study", filled: list[str]) -> Iterator[str]:
    """Licence and languages of a translation model, before it is downloaded; only such a study pays for the imports."""
    from langscale.data import registry
    from langscale.data.translation import target_languages as targets

    hub = study.translation.hub
    for entry in registry.files(hub) if hub in registry.DATASETS else []:
        if entry.restricted and hub not in study.accept_licence:
            yield (
                f"translation.hub: {hub}: its licence, {entry.licence}, is for non-commercial use only; if your use "
                f"is, accept it in the config: accept_licence: [{hub}]"
            )
    if hub not in targets.KNOWN:
        return
    known = targets.tokens(targets.KNOWN[hub])
    for name in filled:
        if name in registry.DATASETS:  # what else there is, is known when it has been built
            has = {study.translation.origin, *registry.LANGUAGES.get(name, ())}
            if missing := targets.lacking([code for code in study.languages.pool if code not in has], known):
                yield f"translation.hub: {hub} has no {', '.join(missing)}, which sources.{name} lacks"
