"""Rates of `plan` (langscale.planning.machines), measured on one core.

A step takes operations / rate + bytes moved / bandwidth + a constant. Twelve layers of the shape of
multilingual-e5-small, on texts of the length of NTREX's, give the rate. One layer with a large and with a
small table of embeddings gives the bandwidth. The small table, at the scratch study's batch, gives the
constant too. The rate of statistics comes from the growth of that stage.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from functools import cache

import material
import numpy as np
import pandas as pd
import train_speed
from timing import clock, interleaved

from langscale.config.study import Training
from langscale.core.random import stream
from langscale.data.sources import cldr
from langscale.data.tokens import Tokens
from langscale.models.encoder import Encoder
from langscale.planning.costs import quantities
from langscale.planning.machines import ADAM, WIDTH
from langscale.planning.sizes import Encoder as Size
from langscale.retrieval import embedding
from langscale.retrieval.search import exact_ranks, top_k

LARGE = {
    "model_type": "bert",
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "hidden_dropout_prob": 0.1,  # as in pretrained encoders. Without, a core trains a third faster
    "attention_probs_dropout_prob": 0.1,
}
TABLE = 250_000  # rows of the large table of embeddings
NEIGHBOURS = 9  # descriptions joined to the length of NTREX's texts: queries of 50 tokens, passages of 100
POOL = 1024, 13_000  # queries, and as many candidates as in XQuAD-R
NAMES = {
    "training": "operations/s of training, twelve layers",
    "embedding": "operations/s of embedding, twelve layers",
    "bandwidth": "bytes/s moved by AdamW",
    "step": "further seconds of a step, scratch study",
    "ranks": f"seconds of exact ranks per query and candidate, {WIDTH} dimensions",
    "lists": f"seconds of a list's search per query and candidate, {WIDTH} dimensions",
    "statistics": "seconds of statistics per run and quantity, 10,000 resamples, 240 clusters",
}


def descriptions(setting: material.Setting, together: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(pairs, passages) of CLDR. Each text is joined from `together` neighbours in one language."""
    examples, passages = cldr.build(
        "train",
        material.POOL[:3] if setting.quick else material.POOL,
        setting.folder,
        60 if setting.quick else None,
    )
    for table, column in ((examples, "query"), (passages, "text")):
        texts = list(table[column])
        table[column] = [" ".join(texts[i : i + together]) for i in range(len(texts))]
    return examples, passages


@cache
def pairs(setting: material.Setting, kind: str) -> material.Pairs:
    """Pairs of the scratch study's model (`short`), with TABLE embeddings (`wide`), or long (`large`)."""
    examples, passages = descriptions(setting, NEIGHBOURS if kind == "large" else 1)
    folder, model = material.small(setting, [*examples["query"], *passages["text"]])
    if kind != "short":
        architecture = material.TOY if setting.quick else LARGE
        changes = {"vocab_size": TABLE} if kind == "wide" else architecture
        changed = setting.folder / kind
        shutil.copytree(folder, changed)
        config = json.loads((folder / "config.json").read_text())
        (changed / "config.json").write_text(json.dumps(config | changes))
        folder = changed
        if kind == "large":
            model = model.model_copy(update={"architecture": architecture})
    return material.paired(setting, kind, folder, model, examples, passages)


def train(found: material.Pairs, batch: int, steps: int) -> tuple[float, float, float]:
    """(seconds, operations, bytes moved) of a step."""
    training = Training(batch_size=batch, precision="float32")
    seconds = train_speed.step_seconds(found, training, steps)
    size = Size.of(found.model.architecture, 0)
    batches, subset = train_speed.sampler(found, training, 2), found.data.subset
    operations = 0.0
    for drawn in map(batches.batch, range(steps)):
        for tokens, rows in (
            (found.data.queries, subset.queries[drawn.pairs, drawn.query_language]),
            (found.data.passages, subset.positives[drawn.pairs, drawn.passage_language]),
        ):
            operations += 3 * sum(map(size.forward, tokens.lengths[rows].tolist()))
    parameters = (
        size.matrix + json.loads((found.base / "config.json").read_text())["vocab_size"] * size.hidden
    )
    return seconds, operations / steps, ADAM * parameters


def measured(setting: material.Setting, of_run: float) -> dict[str, float]:
    """The rates by the keys of NAMES. `of_run`: seconds of the statistics stage per run."""
    quick = setting.quick
    small, batch = pairs(setting, "short"), 8 if quick else 128
    steps = 2 if quick else 20
    step, operations, moved = train(small, batch, steps)
    wide, _, more = train(pairs(setting, "wide"), batch, steps)
    bandwidth = (more - moved) / max(wide - step, 1e-9)
    large = pairs(setting, "large")
    seconds, count, bytes_moved = train(large, 8 if quick else 32, 2)
    training = count / max(seconds - bytes_moved / bandwidth, 1e-9)
    encoder = Encoder.initial(large.base, "bench", large.model, 0)
    tokens = Tokens.part(setting.folder / "large-queries", 0, 20 if quick else 300)
    embedding.embed(encoder, tokens)  # warm
    start = clock()
    embedding.embed(encoder, tokens)
    size = Size.of(large.model.architecture, 0)
    embedded = sum(map(size.forward, tokens.lengths.tolist())) / (clock() - start)
    ranks, lists = _search(*(20, 140) if quick else POOL)
    return {
        "training": training,
        "embedding": embedded,
        "bandwidth": bandwidth,
        "step": step - operations / training - moved / bandwidth,
        "ranks": ranks,
        "lists": lists,
        "statistics": of_run / quantities(len(material.NAMES)),
    }


def _search(count: int, size: int) -> Iterator[float]:
    """Seconds of exact ranks and of lists of 100, per query and candidate, the fastest round."""
    draw = stream("rates")
    queries, candidates = (draw.standard_normal((n, WIDTH), dtype=np.float32) for n in (count, size))
    languages = np.arange(size) % 11
    relevant = np.arange(count)[:, None] * 11 % (size - 10) + np.arange(11)
    works = {
        "ranks": lambda: _discard(exact_ranks(queries, candidates, languages, relevant)),
        "lists": lambda: _discard(top_k(queries, candidates, 100)),
    }
    return (min(seconds) / count / size for seconds in interleaved(works, 3).values())


def _discard(_: object) -> None:
    """Drop a result, so that `interleaved` does not take it for a time."""


def trained(setting: material.Setting) -> Callable[[int], Callable[[], object]]:
    """Training of the scratch study's model on a number of pairs, 32 a step, for the growth by pairs."""
    found = pairs(setting, "short")
    training = Training(batch_size=8 if setting.quick else 32, precision="float32")
    return lambda size: lambda: train_speed.ours(found, training, size // training.batch_size, 1)


def listed(rates: dict[str, float]) -> list[str]:
    """The rates as Markdown."""
    if not rates:
        return []
    lines = [
        "Measured here on one core. src/langscale/planning/machines.py has the values in use.",
        "",
        "| what | value |",
        "|---|---|",
    ]
    return [*lines, *(f"| {name} | {rates[key]:.3g} |" for key, name in NAMES.items() if key in rates)]
