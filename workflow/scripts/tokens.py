"""Tokenise one source (both parts) or one benchmark."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

from langscale.core.files import atomic
from langscale.data.benchmarks import built as benchmarks
from langscale.data.sources.built import parts, table
from langscale.data.tokens import tokenise
from langscale.models.declared import Reading
from langscale.models.pretrained import tokenizer

if snakemake.params.kind == "source":
    texts = job.data("texts")
    sides = [
        (f"{part}/{side}", table(texts, part, name)[column], kind)
        for part in parts(texts)
        for side, name, column, kind in (
            ("queries", "pairs", "query", "query"),
            ("passages", "passages", "text", "passage"),
        )
    ]
else:
    texts = job.data("texts", "questions.parquet", "candidates.parquet")
    sides = [
        (side, benchmarks.texts(texts, side), kind)
        for side, kind in (("questions", "query"), ("candidates", "passage"))
    ]
base = job.data("base")
tokens_of, reading = tokenizer(base), asdict(Reading.load(base))
with atomic(job.target()) as partial:
    for side, column, kind in sides:
        tokenise(partial / side, column, tokens_of, reading[f"{kind}_prefix"], reading[f"{kind}_length"])
job.done()
