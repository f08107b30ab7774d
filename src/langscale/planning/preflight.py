"""Checks of a study against data sets, measures, claims and folders, before any download."""

from collections.abc import Iterator
from pathlib import Path

from langscale.config.data import Translation
from langscale.config.fields import nearest, shown
from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.core.errors import UserError
from langscale.data import catalogue
from langscale.data.records import DataSet
from langscale.languages.codes import bcp47
from langscale.languages.families import script
from langscale.retrieval.measures import MEASURES


def check(study: Study) -> None:
    """Raise UserError where a study names something that does not exist, or a translation model does not fit.

    Checked: names of sources, benchmarks, measures and claims, their options, languages, folders of models,
    licence and languages of the translation model. Claims are imported only where the study names some.
    """
    for section in (_data, _languages, _folders, _contrasts, _adapters):
        for problem in section(study):
            raise UserError(problem)
    if study.statistics.claims is not None:
        from langscale.claims.catalogue import declared

        declared(study)
    if study.translation is not None and study.translation.remote:
        for problem in _translation(study, study.translation):
            raise UserError(problem)


def _contrasts(study: Study) -> Iterator[str]:
    controls = study.evaluation.controls
    known = {m.name: m for m in MEASURES.values() if m.comparable() and (controls or not m.control)}
    for i, contrast in enumerate(study.statistics.contrasts):
        key, measure = f"statistics.contrasts.{i}", known.get(contrast.metric)
        if measure is None:
            close = nearest(contrast.metric, known)
            found = f"found {contrast.metric}, which is unknown{close}"
            yield f"{key}.metric: {found}; there are {shown(known, 120)}"
        elif contrast.setting not in measure.settings or (measure.of_query and contrast.pair_set != ALL):
            where = " or ".join(measure.settings) + (", pair set all" if measure.of_query else "")
            found = f"{contrast.setting}, {contrast.pair_set}"
            yield f"{key}.metric: {measure.name} exists in {where}; found {found}"


def _adapters(study: Study) -> Iterator[str]:
    large = [b for b in study.benchmarks if catalogue.benchmark(study.set_of(b)).larger_than_memory]
    for name, model in study.models.items():
        if model.train == "adapter" and large:
            found = f"found adapter, which needs vectors in memory, and {large[0]} is larger"
            yield f"models.{name}.train: {found}; set full or lora, or leave the benchmark out"
        if model.vectors is not None and not Path(model.vectors).is_dir():
            yield f"models.{name}.vectors: no folder {model.vectors}; make it, then `snakemake texts`"


def _data(study: Study) -> Iterator[str]:
    sources, benchmarks = catalogue.sources(), catalogue.benchmarks()
    for name, source in study.sources.items():
        if name not in sources:
            yield f"sources.{name}: unknown{nearest(name, sources)}; there are {shown(sources, 160)}"
        if sources[name].needs_pairs and source.pairs is None:
            size = f"{sources[name].size.pairs:,}"
            yield f"sources.{name}.pairs: missing; all {size} would not fit into memory, give a number"
        if source.train and "train" not in sources[name].parts:
            yield f"sources.{name}.train: found true; it is for validation only, set `train: false`"
    for name, options in study.benchmarks.items():
        its, key = options.set or name, f"benchmarks.{name}" + (".set" if options.set else "")
        if its not in benchmarks:
            found = f"found {its}, which is unknown" if options.set else "unknown"
            yield f"{key}: {found}{nearest(its, benchmarks)}; there are {shown(benchmarks, 160)}"
        for option in ("candidate_text", "every_article"):
            value = getattr(options, option)
            if value is not None and option not in benchmarks[its].options:
                having = " and ".join(
                    other for other, record in benchmarks.items() if option in record.options
                )
                yield f"benchmarks.{name}.{option}: found {value}; only {having} have it, leave it out"


def _languages(study: Study) -> Iterator[str]:
    used: list[tuple[str, DataSet, list[str]]] = [
        (f"sources.{name}", catalogue.source(name), study.languages.pool) for name in study.sources
    ]
    used += [
        (
            f"benchmarks.{name}",
            catalogue.benchmark(study.set_of(name)),
            options.languages or study.languages.all,
        )
        for name, options in study.benchmarks.items()
    ]
    everywhere = {code for _, record, _ in used for code in record.languages}
    for key, codes in (("pool", study.languages.pool), ("heldout", study.languages.heldout)):
        for i, code in enumerate(codes):
            try:
                script(code)
            except UserError as error:
                yield f"languages.{key}.{i}: {error}"
            if code not in everywhere and bcp47(code) in everywhere:  # zh-Hans is zh, deu is de
                yield f"languages.{key}.{i}: found {code}; the data sets have it as {bcp47(code)}, write that"
    for key, record, codes in used:
        try:
            record.chosen(codes)
        except UserError as error:
            yield f"{key}: {error}"


def _folders(study: Study) -> Iterator[str]:
    paths = {f"models.{name}.path": model.path for name, model in study.models.items()}
    paths["translation.path"] = study.translation.path if study.translation else None
    for key, path in paths.items():
        if path is not None and not (Path(path) / "config.json").is_file():
            yield f"{key}: found {path}; a folder with a config.json and a checkpoint is right"


def _translation(study: Study, chosen: Translation) -> Iterator[str]:
    from langscale.data.translation import target_languages as targets
    from langscale.models.known import translator

    hub = chosen.hub
    if hub is None:
        return
    record = translator(hub)
    if record and record.restricted and hub not in study.accept_licence:
        yield (
            f"translation.hub: {hub}: its licence, {record.licence}, is for non-commercial use only; "
            f"if your use is, accept it in the config: accept_licence: [{hub}]"
        )
    if record is None or not record.language_tokens:
        return
    known = targets.tokens(record.language_tokens)
    for name in [name for name, source in study.sources.items() if source.translate]:
        has = {chosen.origin, *catalogue.source(name).languages}
        if missing := targets.lacking([code for code in study.languages.pool if code not in has], known):
            yield f"translation.hub: {hub} has no {', '.join(missing)}, which sources.{name} lacks"
