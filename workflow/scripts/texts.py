"""Write all texts that a model with `vectors` has to embed."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.jobs.log import redirect
from langscale.jobs.manifests import checked

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

from langscale.data.model_texts import sides
from langscale.data.own_vectors import write_texts

p = snakemake.params
rows = (
    (role, language, p.model[f"{role}_prefix"], text)
    for kind, manifests in (("source", snakemake.input.sources), ("benchmark", snakemake.input.benchmarks))
    for manifest in manifests
    for _, role, languages, texts in sides(checked(Path(manifest)), kind)
    for language, text in zip(languages, texts, strict=True)
)
write_texts(snakemake.output[0], rows)
