"""Embed all texts of a source or benchmark whose base vectors the store of the model lacks."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from langscale.jobs.gpu import lease
from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)
lease()

from langscale.config.model import Model
from langscale.core.files import atomic
from langscale.data.tokens import Tokens
from langscale.data.vector_store import Store, token_keys, write_index
from langscale.jobs import manifests
from langscale.models.declared import Reading
from langscale.models.encoder import Encoder
from langscale.retrieval.base_vectors import embed_missing, store_key

p = snakemake.params
base, tokens = job.data("base"), job.data("tokens")
encoder = Encoder.ready(base, Model.model_construct(**p.model))
device = next(encoder.parameters()).device.type
digests = {name: facts["sha256"] for name, facts in manifests.read(job.inputs["base"][0]).items()}
key = store_key(digests, [p.model, p.code], device)
store = Store(Path(p.where["store"]) / key)
facts = {"store": key, "reading": asdict(Reading.load(base))}

folders = sorted(file.parent.relative_to(tokens) for file in tokens.rglob("offsets.npy"))
texts = {folder: Tokens.load(tokens / folder) for folder in folders}
embed_missing(encoder, list(texts.values()), store, snakemake.threads, encoder.positions)
with atomic(job.target()) as partial:
    for folder, found in texts.items():
        (partial / folder).parent.mkdir(parents=True, exist_ok=True)
        write_index(partial / folder, token_keys(found), found.fingerprints, store, facts)
job.done()
