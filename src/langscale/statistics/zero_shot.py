"""Which rows are zero-shot: neither the model nor the run was trained on a benchmark's data, or on what is
akin to it.

It is about data, not about languages: what a run has seen of those is in `status` and `pair_set`.
"""

from collections.abc import Iterable

from langscale.config.data import LOCAL
from langscale.config.model import Model
from langscale.config.study import Study
from langscale.data import catalogue
from langscale.design.grid import Grid, Point
from langscale.models.known import encoder


def seen(model: Model) -> tuple[str, ...] | None:
    """What a model saw in its own training: as the config says, else as is known of the model, else None.

    A model that is built here saw nothing.
    """
    if model.seen is not None:
        return tuple(model.seen)
    if model.architecture is not None:
        return ()
    record = encoder(model.known_as)
    return None if record is None else record.trained_on


def zero_shot(benchmark: str, data: Iterable[str]) -> bool:
    """Whether training on `data` leaves a benchmark, named by its data set, unknown."""
    return not {benchmark, *catalogue.benchmark(benchmark).akin} & set(data)


def of_point(study: Study, grid: Grid, point: Point, benchmark: str) -> bool | None:
    """Whether a row of the tables is zero-shot; None where it hangs on what the model saw, which is not
    known.

    BM25 is: it learns from the pool alone.
    """
    name = study.set_of(benchmark)
    here = {study.source_set(s) for _, path in point.runs for s in grid.by_path[path].sources}
    if name == LOCAL:  # of texts of the user's own nobody knows who has seen them
        return True if point.model not in study.models and not here else None
    if not zero_shot(name, here):
        return False
    if point.model not in study.models:
        return True
    known = seen(study.models[point.model])
    return None if known is None else zero_shot(name, known) and benchmark not in known
