"""Checks of a study against the registry, before any download."""

from collections.abc import Iterator

from langscale.config.data import Translation
from langscale.config.study import Study
from langscale.core.errors import UserError


def check(study: Study) -> None:
    """Check the names of claims, and licence and languages of the translation model.

    Raises UserError for an unknown claim, a licence that is not accepted or a missing language. A study
    without a list of claims and a downloaded translation model does not pay for the imports.
    """
    if study.statistics.claims is not None:
        from langscale.claims.definitions import declared

        declared(study)
    if study.translation is not None and study.translation.remote:
        for problem in _translation(study, study.translation):
            raise UserError(problem)


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
