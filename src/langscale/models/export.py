"""Checkpoints of all training modes as ordinary folders for sentence-transformers and transformers."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from langscale.config.model import Model
from langscale.core.files import atomic
from langscale.models import lora
from langscale.models.adapter import Adapter
from langscale.models.encoder import Encoder

TYPES = "sentence_transformers.models."
ACTIVATIONS = {True: "torch.nn.modules.activation.ReLU", False: "torch.nn.modules.linear.Identity"}


def export(folder: str | Path, checkpoint: str | Path, base: str | Path, model: Model) -> None:
    """Write a checkpoint to `folder`: encoder, pooling, and Dense layers for an adapter, with equal
    embeddings.

    checkpoint: what training wrote; base: the model before training; `model` has the training mode.
    """
    with atomic(folder) as partial:
        if model.train == "full":
            shutil.copytree(checkpoint, partial)
        elif model.train == "lora":
            lora.load(base, checkpoint).save(partial, base)
        else:
            Encoder.load(base).save(partial, base)
            add_adapter(partial, Adapter.load(checkpoint))


def add_adapter(folder: str | Path, adapter: Adapter) -> None:
    """Put an adapter into a sentence-transformers folder, before its normalisation.

    An adapter of queries alone becomes a Router: `encode_query` uses it, `encode_document` does not.
    """
    folder = Path(folder)
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    last = modules[-1]["type"].endswith(".Normalize")
    place = len(modules) - last
    layers = adapter.layers()
    if adapter.sides == "query":
        added = [_router(folder / f"{place}_Router", layers)]
    else:
        names = [f"{place + i}_Dense" for i in range(len(layers))]
        for name, layer in zip(names, layers, strict=True):
            _dense(folder / name, *layer)
        added = [{"path": name, "type": f"{TYPES}Dense"} for name in names]
    if last:
        old, new = modules[-1]["path"], f"{place + len(added)}_Normalize"
        (folder / old).rename(folder / new)
        modules[-1]["path"] = new
    modules[place:place] = added
    numbered = [module | {"idx": i, "name": str(i)} for i, module in enumerate(modules)]
    _json(folder / "modules.json", numbered)


def _router(folder: Path, layers: Sequence[tuple[np.ndarray, np.ndarray | None, bool]]) -> dict[str, str]:
    width = layers[0][0].shape[0]
    unchanged = (np.eye(width, dtype=np.float32), None, False)
    routes = {"query": layers, "document": [unchanged]}
    structure = {route: [f"{route}_{i}_Dense" for i in range(len(chain))] for route, chain in routes.items()}
    for route, chain in routes.items():
        for name, layer in zip(structure[route], chain, strict=True):
            _dense(folder / name, *layer)
    types = {name: f"{TYPES}Dense" for names in structure.values() for name in names}
    parameters = {"default_route": "document", "allow_empty_key": True}
    _json(folder / "router_config.json", {"types": types, "structure": structure, "parameters": parameters})
    return {"path": folder.name, "type": f"{TYPES}Router"}


def _dense(folder: Path, matrix: np.ndarray, bias: np.ndarray | None, relu: bool) -> None:
    """A Dense module of sentence-transformers: x [N, in] to f(x matrix + bias) [N, out]."""
    folder.mkdir(parents=True)
    weights = {"linear.weight": torch.from_numpy(np.ascontiguousarray(matrix.T))}
    if bias is not None:
        weights["linear.bias"] = torch.from_numpy(bias)
    save_file(weights, folder / "model.safetensors")
    facts = {"in_features": matrix.shape[0], "out_features": matrix.shape[1], "bias": bias is not None}
    _json(folder / "config.json", facts | {"activation_function": ACTIVATIONS[relu]})


def _json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
