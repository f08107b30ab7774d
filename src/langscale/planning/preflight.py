"""Checks of a study against data sets, measures, claims and folders, before any download."""

import math
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from langscale.config.data import LOCAL, Translation
from langscale.config.fields import nearest, shown
from langscale.config.sampler import Spec, directions
from langscale.config.study import Study, load
from langscale.config.terms import ALL
from langscale.core.errors import UserError
from langscale.data import catalogue
from langscale.data.records import DataSet
from langscale.design.grid import Grid, Run
from langscale.languages.codes import bcp47
from langscale.languages.families import script
from langscale.models.widths import too_wide, width
from langscale.retrieval.measures import MEASURES


def check(study: Study) -> None:
    """Raise UserError where a study names something that does not exist, or a translation model does not fit.

    Checked: names of sources, benchmarks, measures and claims, their options, languages, folders of models,
    dimensions of vectors, licence and languages of the translation model. Claims are imported only where the
    study names some.
    """
    for section in (_data, _languages, _folders, _contrasts, _adapters, _dimensions):
        for problem in section(study):
            raise UserError(problem)
    if study.statistics.claims is not None or study.statistics.sequence is not None:
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
    large = [b for b, its in study.benchmarks.items() if catalogue.benchmark(b, its).larger_than_memory]
    for name, model in study.models.items():
        if model.train == "adapter" and large:
            found = f"found adapter, which needs vectors in memory, and {large[0]} is larger"
            yield f"models.{name}.train: {found}; set full or lora, or leave the benchmark out"
        if model.vectors is not None and not Path(model.vectors).is_dir():
            yield f"models.{name}.vectors: no folder {model.vectors}; make it, then `snakemake texts`"


def _dimensions(study: Study) -> Iterator[str]:
    large = [b for b, its in study.benchmarks.items() if catalogue.benchmark(b, its).larger_than_memory]
    for name, model in study.models.items():
        if not model.dimensions:
            continue
        key = f"models.{name}.dimensions"
        if large:
            found = f"found {shown(model.dimensions)}, which needs kept vectors, and {large[0]}"
            yield f"{key}: {found} is larger than memory; leave one of them out"
        yield from too_wide(key, model.dimensions, width(model))


def _data(study: Study) -> Iterator[str]:
    for kind, known, sections in (
        ("sources", catalogue.sources(), study.sources),
        ("benchmarks", catalogue.benchmarks(), study.benchmarks),
    ):
        for name, section in sections.items():
            its, key = section.set or name, f"{kind}.{name}" + (".set" if section.set else "")
            if its not in (*known, LOCAL):
                found = f"found {its}, which is unknown" if section.set else "unknown"
                more = "" if section.set else "; for files of your own: `set: local` and `path`"
                yield f"{key}: {found}{nearest(its, known)}; there are {shown(known, 120)}{more}"
    for name, source in study.sources.items():
        record = catalogue.source(name, source)
        if record.needs_pairs and source.pairs is None:
            size = f"{record.size.pairs:,}"
            yield f"sources.{name}.pairs: missing; all {size} would not fit into memory, give a number"
        if source.train and "train" not in record.parts:
            yield f"sources.{name}.train: found true; it is for validation only, set `train: false`"
    for name, options in study.benchmarks.items():
        for option in ("candidate_text", "every_article", "every_paragraph"):
            value = getattr(options, option)
            if value is not None and option not in catalogue.benchmark(name, options).options:
                having = " and ".join(
                    other for other, record in catalogue.benchmarks().items() if option in record.options
                )
                yield f"benchmarks.{name}.{option}: found {value}; only {having} have it, leave it out"


def _used(study: Study) -> list[tuple[str, DataSet, list[str]]]:
    """Key, record and configured languages of every source and benchmark."""
    sources = [
        (f"sources.{name}", catalogue.source(name, section), study.languages.pool)
        for name, section in study.sources.items()
    ]
    return sources + [
        (f"benchmarks.{name}", catalogue.benchmark(name, section), section.languages or study.languages.all)
        for name, section in study.benchmarks.items()
    ]


def matched(study: Study) -> Study:
    """The study with language codes as the data sets have them: zh-Hans is zh, deu is de.

    Raises UserError as `check` for names of data sets, and for one language under two codes.
    """
    for problem in _data(study):
        raise UserError(problem)
    known = {code for _, record, _ in _used(study) for code in record.languages}
    new = {code: bcp47(code) for code in study.languages.all if code not in known and bcp47(code) in known}
    if not new:
        return study
    for old, code in new.items():
        if code in study.languages.all:
            raise UserError(f"languages: {old} and {code} are one language; one of them is right")
    values = study.model_dump()

    def renamed(codes: list[str] | None) -> list[str] | None:
        return codes and [new.get(code, code) for code in codes]

    for key in ("pool", "heldout"):
        values["languages"][key] = renamed(values["languages"][key])
    values["ladders"] = {name: renamed(codes) for name, codes in values["ladders"].items()}
    for benchmark in values["benchmarks"].values():
        benchmark["languages"] = renamed(benchmark["languages"])
    if study.translation:
        values["translation"]["from"] = new.get(study.translation.origin, study.translation.origin)
    return load(values)


def _languages(study: Study) -> Iterator[str]:
    used = _used(study)
    known = {code for _, record, _ in used for code in record.languages}
    for key, codes in (("pool", study.languages.pool), ("heldout", study.languages.heldout)):
        for i, code in enumerate(codes):
            try:
                script(code)
            except UserError as error:
                near = get_close_matches(code, sorted(known), 1, cutoff=0)
                right = f"; nearest that the data sets have: {near[0]}" if near else ""
                yield f"languages.{key}.{i}: {error}{right}"
    for key, record, codes in used:
        try:
            record.chosen(codes)
        except UserError as error:
            yield f"{key}: {error}"


def notes(study: Study) -> list[str]:
    """One line for each data set that lacks languages of the study."""
    found = []
    for key, record, codes in _used(study):
        lacking = [code for code in codes if code not in record.languages]
        section = study.sources.get(key.removeprefix("sources."))
        if lacking and not (section and section.translate):
            count = f"{len(codes) - len(lacking)} of {len(codes)} languages"
            found.append(f"{key}: {count}, without {shown(lacking)}")
    return found


def formable(study: Study, grid: Grid) -> None:
    """Raise UserError for a run whose batches cannot be formed, as far as the pairs of sources are counted.

    The message names the numbers of pairs and the key that cures it.
    """
    known: set[tuple[object, ...]] = set()
    for run in grid.trained:
        batch = study.training_of(run.model).batch_size
        facts = (run.sampler, run.languages, run.sources, run.whole_pool, run.pairs, run.share, batch)
        if facts not in known:
            known.add(facts)
            for problem in _batches(study, run, batch):
                raise UserError(problem)


def _batches(study: Study, run: Run, batch: int) -> Iterator[str]:
    """Mistakes of a run: no pairs in a direction, or fewer than a batch takes."""
    pool, names = study.languages.pool, ", ".join(f"sources.{name}" for name in run.sources)
    if run.whole_pool and not any(_pairs(study, name, pool) for name in run.sources):
        cure = f"set budgets.{run.budget}.whole_pool: false"
        yield f"{names}: no pair has all {len(pool)} languages of the pool, which this budget takes; {cure}"
    spec = Spec.parse(run.sampler)
    parts = [spec] if len(run.languages) == 1 else [part for _, part in spec.parts]
    for part in parts:
        counts = {
            pair: [_pairs(study, name, pool if run.whole_pool else pair) for name in run.sources]
            for pair in directions(part, run.languages)
        }
        lacking = [pair for pair, numbers in counts.items() if not any(numbers)]
        shown_counts = ", ".join(f"{q}-{p} {_sum(n)}" for (q, p), n in counts.items() if q <= p)
        if lacking:
            query, passage = lacking[0]
            formed = [pair for pair in counts if pair not in lacking]
            if query == passage:
                cure = f"leave {query} out of languages.pool"
            elif all("en" in pair or pair[0] == pair[1] for pair in lacking) or not any(
                "en" in pair for pair in formed
            ):
                cure = "x-x-mono needs no pairs across languages"
            else:
                cure = f"{spec.kind}-en-centric needs pairs with en only"
            text = query if query == passage else f"both {query} and {passage}"
            yield f"sampler {spec.name}: no pair of {names} is in {text}; {cure}; pairs: {shown_counts}"
        for (query, passage), numbers in counts.items():
            for name, number in zip(run.sources, numbers, strict=True):
                known = min(number, run.pairs or math.inf)
                if number == 0 or math.isinf(known):
                    continue
                taken = int(known) // run.share
                if taken < batch:
                    text = query if query == passage else f"both {query} and {passage}"
                    if run.share > 1:
                        text += f" at the rows of one of {run.share} languages (budgets.{run.budget})"
                    least = f"set training.batch_size to {taken} or less"
                    cure = least if taken > 1 else "fewer languages or more pairs are right"
                    yield f"sources.{name}: {taken} pairs in {text}, a batch takes {batch}; {cure}"


def _pairs(study: Study, name: str, codes: Sequence[str]) -> float:
    """Pairs of a source with query and passage in all the languages; infinite where they are not counted."""
    section = study.sources[name]
    record = catalogue.source(name, section)
    if record.counted is None or section.translate:
        there = section.translate or all(code in record.languages for code in codes)
        return math.inf if there or len(codes) > 2 else 0
    number = record.counted(codes)
    return number if section.pairs is None else min(number, section.pairs)


def _sum(numbers: list[float]) -> str:
    total = sum(numbers)
    return "all" if math.isinf(total) else f"{total:.0f}"


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
        has = {chosen.origin, *catalogue.source(name, study.sources[name]).languages}
        if missing := targets.lacking([code for code in study.languages.pool if code not in has], known):
            yield f"translation.hub: {hub} has no {', '.join(missing)}, which sources.{name} lacks"
