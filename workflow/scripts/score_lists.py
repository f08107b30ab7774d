"""Score the lists of one run on a corpus larger than memory."""

from typing import TYPE_CHECKING

import numpy as np

from langscale.data.benchmarks.tables import Corpus
from langscale.jobs.log import redirect
from langscale.retrieval.scores import ListScores

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

redirect(snakemake.log[0])

corpus = Corpus.load(snakemake.input.benchmark)
lists = np.load(snakemake.input.rankings)
ListScores.of(corpus.questions, lists, corpus.relevant).save(snakemake.output[0])
