"""The downloads of a study: files, bytes and licences, by the registry."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from langscale.config.model import Model
from langscale.config.study import Study
from langscale.data import catalogue
from langscale.data.remote_files import Entry
from langscale.models import pretrained
from langscale.models.known import ENCODERS
from langscale.planning import sizes


@dataclass(frozen=True)
class Unknown:
    """Files without a size in the registry: their number, and an estimate of their bytes if there is one."""

    files: int
    estimate: float | None


def entries(study: Study) -> Iterator[Entry]:
    """The registry's entries of all files that the study downloads."""
    for name in study.sources:
        yield from catalogue.source(name, study.sources[name]).files(study.languages.pool)
    for name, benchmark in study.benchmarks.items():
        record = catalogue.benchmark(name, benchmark)
        yield from record.files(benchmark.languages or study.languages.all)
    models = list(study.models.values())
    if study.translation:
        chosen = study.translation
        models.append(Model(hub=chosen.hub, revision=chosen.revision, path=chosen.path))
    for model in models:
        if model.remote:
            yield from pretrained.entries(model)


def downloads(study: Study) -> tuple[int, dict[str, Unknown]]:
    """Bytes of the files with a known size, and the other files by the name of their data set or model."""
    distinct = list({entry.path: entry for entry in entries(study)}.values())
    unknown = Counter(entry.name for entry in distinct if entry.size is None)
    estimates: dict[str, float | None] = {
        hub: 4.0 * sizes.Encoder.known(record).parameters for hub, record in ENCODERS.items()
    }
    for name, source in catalogue.sources().items():
        codes = [code for code in study.languages.pool if code in source.languages]
        estimates[name] = source.size.download and source.size.download * len(codes)
    for entry in distinct:
        if entry.size and entry.file.endswith("safetensors"):
            estimates[entry.name] = None  # of the weights, whose size is known
    total = sum(entry.size or 0 for entry in distinct)
    return total, {name: Unknown(count, estimates.get(name)) for name, count in unknown.items()}


def licences(study: Study) -> list[str]:
    """Sorted names that need `accept_licence` in the config and do not have it."""
    restricted = {entry.name for entry in entries(study) if entry.restricted}
    return sorted(restricted - set(study.accept_licence))


def has(study: Study, source: str, code: str) -> bool:
    """Whether a source, as downloaded, has a language."""
    return code in catalogue.source(source, study.sources[source]).languages
