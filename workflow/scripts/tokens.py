"""Tokenise one source (both parts) or one benchmark."""

from pathlib import Path
from typing import TYPE_CHECKING

from langscale.data.benchmarks.tables import texts as sides
from langscale.data.sources.readers import parts, table
from langscale.data.tokens import tokenise
from langscale.jobs.log import redirect
from langscale.models.pretrained import tokenizer

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

texts, output, model = Path(snakemake.input.texts), Path(snakemake.output[0]), snakemake.params.model
if snakemake.params.kind == "source":
    jobs = [
        (output / part / side, table(texts, part, name)[column], kind)
        for part in parts(texts)
        for side, name, column, kind in (
            ("queries", "pairs", "query", "query"),
            ("passages", "passages", "text", "passage"),
        )
    ]
else:
    jobs = [
        (output / side, sides(texts, side), kind)
        for side, kind in (("questions", "query"), ("candidates", "passage"))
    ]
tokens_of = tokenizer(snakemake.input.base)
for folder, column, kind in jobs:
    tokenise(folder, column, tokens_of, model[f"{kind}_prefix"], model[f"{kind}_length"])
