"""LoRA: low-rank matrices inside of a frozen encoder (Hu et al. 2021, arXiv:2106.09685), by the library
peft.
"""

import json
from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from langscale.config.model import LoraOptions
from langscale.core.files import write_json
from langscale.core.random import key
from langscale.models.encoder import Encoder


def attach(encoder: Encoder, options: LoraOptions, name: str, seed: int) -> PeftModel:
    """Freeze an encoder and put trainable matrices into it. Returns what `save` takes.

    A change is alpha / rank B A with B = 0 before training, so that the encoder still gives the same
    vectors. A is drawn from a stream keyed by (name of the model, seed).
    """
    transformer = encoder.requires_grad_(False).transformer
    transformer.name_or_path = name  # else peft stores the folder
    torch.manual_seed(key("initialisation", name, seed))
    config = LoraConfig(
        r=options.rank, lora_alpha=options.alpha, target_modules=options.targets or "all-linear"
    )
    return cast(PeftModel, get_peft_model(transformer, config))


def save(lora: PeftModel, folder: str | Path) -> None:
    """Write the trained matrices to a new folder as peft does: the same bytes for the same matrices."""
    folder = Path(folder)
    lora.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink()  # an empty form
    config = folder / "adapter_config.json"
    facts = json.loads(config.read_text(encoding="utf-8"))
    facts["target_modules"].sort()  # of a set
    write_json(config, facts)


def load(base: str | Path, folder: str | Path) -> Encoder:
    """The encoder in the folder `base`, with the matrices that `save` wrote merged into its weights."""
    encoder = Encoder.load(base)
    lora = PeftModel.from_pretrained(encoder.transformer, str(folder))
    encoder.transformer = lora.merge_and_unload()
    return encoder
