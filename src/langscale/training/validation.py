"""Choosing the best checkpoint: fixed batches and their mean loss."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from langscale.config.sampler import Spec
from langscale.config.training import Validation
from langscale.core.errors import UserError
from langscale.training.batches import Batch, Sampler
from langscale.training.step import Data, Step, T


def validation_batches(
    data: Sequence[Data[T]], languages: Sequence[str], validation: Validation, batch_size: int
) -> list[Batch]:
    """Fixed batches, the same at every n, sampler and seed.

    `en`: English alone. `pool`: as many mono batches, an equal number in each language, as x-y batches;
    they may take more pairs than `validation.pairs`. Raises UserError where a source has too few pairs.
    """
    indices = [d.index() for d in data]
    have = [int(i.has.all(1).sum()) for i in indices]
    if min(have) < 2:
        name = indices[have.index(min(have))].name
        raise UserError(
            f"training.validation: {name} has {min(have)} validation pairs in {', '.join(languages)}; "
            "it needs 2"
        )
    size = min(batch_size, *have)
    count = max(1, validation.pairs // size)
    if validation.languages == "en" or len(languages) == 1:
        sampler = Sampler(Spec("x-x-mono"), languages, indices, size, "validation")
        return [sampler.batch(step) for step in range(count)]
    cross = Sampler(Spec("x-y"), languages, indices, size, "validation")
    batches = []
    for step in range(len(languages) * math.ceil(count / 2 / len(languages))):
        drawn = cross.batch(step)
        mono = np.full(size, step % len(languages))
        batches += [drawn, Batch("mono", drawn.source, drawn.pairs, mono, mono)]
    return batches


def validation_loss(data: Sequence[Data[T]], batches: Sequence[Batch]) -> Callable[[Step[T]], float]:
    """A function that gives the mean InfoNCE of a model over fixed batches, without dropout."""

    def value(model: Step[T]) -> float:
        model.module.eval()
        with torch.no_grad():
            return float(np.mean([model.loss(data[batch.source], batch)[0].item() for batch in batches]))

    return value
