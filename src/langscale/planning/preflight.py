"""Checks of a study against the registry, before anything is downloaded."""

from collections.abc import Iterator

from langscale.config.study import Study
from langscale.core.errors import UserError


def check(study: Study) -> None:
    """Raise UserError for a translation model whose licence was not accepted or that lacks a language.

    Only a study that downloads a translation model pays for the imports.
    """
    if study.translation is not None and study.translation.remote:
        for problem in _translation(study):
            raise UserError(problem)


def _translation(study: Study) -> Iterator[str]:
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
    for name in [name for name, source in study.sources.items() if source.translate]:
        if name in registry.DATASETS:  # what else there is, is known when it has been built
            has = {study.translation.origin, *registry.LANGUAGES.get(name, ())}
            if missing := targets.lacking([code for code in study.languages.pool if code not in has], known):
                yield f"translation.hub: {hub} has no {', '.join(missing)}, which sources.{name} lacks"
