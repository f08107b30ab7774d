"""Checks of a study against the registries of data sets and measures, before any download."""

from collections.abc import Iterator

from langscale.config.data import Translation
from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.core.errors import UserError
from langscale.retrieval.measures import MEASURES


def check(study: Study) -> None:
    """Check measures of contrasts, names of claims, and licence and languages of the translation model.

    Raises UserError for an unknown measure, a measure outside its setting, an unknown claim, a licence
    without consent or a missing language. A study without claims and translation does not pay for imports.
    """
    for problem in _contrasts(study):
        raise UserError(problem)
    if study.statistics.claims is not None:
        from langscale.claims.definitions import declared

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
            yield f"{key}.metric: found {contrast.metric!r}; right is one of {', '.join(known)}"
        elif contrast.setting not in measure.settings or (measure.of_query and contrast.pair_set != ALL):
            where = " or ".join(measure.settings) + (", pairs all" if measure.of_query else "")
            found = f"{contrast.setting} {contrast.pair_set}"
            yield f"{key}: {measure.name} is measured in {where}; found {found}"


def _translation(study: Study, chosen: Translation) -> Iterator[str]:
    from langscale.data import registry
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
        if name in registry.DATASETS:  # the languages of other sources are known after they are built
            has = {chosen.origin, *registry.LANGUAGES.get(name, ())}
            if missing := targets.lacking([code for code in study.languages.pool if code not in has], known):
                yield f"translation.hub: {hub} has no {', '.join(missing)}, which sources.{name} lacks"
