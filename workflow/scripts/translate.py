"""Fill the languages that one source lacks."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from langscale.jobs.gpu import lease
from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)
lease()

import torch

from langscale.config.model import Model
from langscale.data.translation import fill as filling
from langscale.data.translation.cache import Memory, digests, identity
from langscale.data.translation.translator import Translator
from langscale.models import pretrained as base

p, files = snakemake.params, snakemake.input
torch.set_num_threads(p.threads)
model = Model(**p.model | p.where)
name = model.hub.replace("/", "--") if files.raw else Path(model.path).resolve().name
with TemporaryDirectory() as scratch:
    folder = Path(scratch) / name
    base.place(folder, model, files.raw or None)
    raw_files = json.loads(Path(files.raw).read_text(encoding="utf-8")) if files.raw else digests(folder)
    kept = f"{name}-{identity(raw_files)}"
    translator = Translator(
        folder,
        p.origin,
        p.max_tokens,
        p.batch_tokens,
        "cuda" if torch.cuda.is_available() else "cpu",
    )
    filling.fill_source(
        job.data("source"),
        job.target(),
        p.origin,
        p.languages,
        translator,
        lambda target: Memory("resources/translations", kept, p.origin, target),
        terminal=job.terminal,
    )
job.done()
