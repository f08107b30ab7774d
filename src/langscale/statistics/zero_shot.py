"""Zero-shot rows: neither the model nor the run was trained on the data of the benchmark or on related data.

This concerns data. The columns `status` and `pair_set` concern languages.
"""

from collections.abc import Iterable

from langscale.config.data import LOCAL
from langscale.config.model import Model
from langscale.config.study import Study
from langscale.data import catalogue
from langscale.design.grid import Grid, Point
from langscale.models.known import encoder


def seen(model: Model) -> tuple[str, ...] | None:
    """Data sets in a model's own training: by the config, else by the model's record. None: unknown.

    A model that is built here has none.
    """
    if model.seen is not None:
        return tuple(model.seen)
    if model.architecture is not None:
        return ()
    record = encoder(model.known_as)
    return None if record is None else record.trained_on


def zero_shot(benchmark: str, data: Iterable[str]) -> bool:
    """Whether `data` has neither the data set of a benchmark nor a related one."""
    return not {benchmark, *catalogue.benchmark(benchmark).akin} & set(data)


def of_point(study: Study, grid: Grid, point: Point, benchmark: str) -> bool | None:
    """Whether a row of the tables is zero-shot. None: it depends on unknown training data of the model.

    BM25 is zero-shot, because it reads nothing but the corpus.
    """
    name, model = study.set_of(benchmark), study.model_of(point.model)
    here = {study.source_set(s) for _, path in point.runs for s in grid.by_path[path].sources}
    if name == LOCAL:  # of texts of the user's own nobody knows who has seen them
        return True if model is None and not here else None
    if not zero_shot(name, here):
        return False
    if model is None:
        return True
    known = seen(model)
    return None if known is None else zero_shot(name, known) and benchmark not in known
