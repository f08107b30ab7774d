"""The encoder that embeds texts: a model before training, or a checkpoint of `train: full` or `lora`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from langscale.config.model import Model
from langscale.models.encoder import Encoder


def ready(model: Model, folder: Callable[[str], Path], initial: dict[str, Any] | None = None) -> Encoder:
    """The encoder, on the GPU if there is one.

    folder: gives the folder `base` or `checkpoint`, called for those that are read only. initial: name and
    seed of a model before training, None: the checkpoint.
    """
    if initial or model.train != "lora":
        return Encoder.ready(folder("base" if initial else "checkpoint"), model, initial)
    from langscale.models import lora  # peft takes a second to import

    encoder = lora.load(folder("base"), folder("checkpoint"))
    return encoder.to("cuda" if torch.cuda.is_available() else "cpu")
