"""Score the lists of one run on a corpus larger than memory."""

from typing import TYPE_CHECKING

from langscale.jobs.job import begin

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job = begin(snakemake)

import numpy as np

from langscale.data.benchmarks.built import Corpus
from langscale.retrieval.scores import ListScores

corpus = Corpus.load(job.data("benchmark", *Corpus.FILES))
lists = np.load(job.data("rankings"))
ListScores.of(corpus.queries, lists, corpus.relevant).save(job.target(".parquet"))
job.done()
