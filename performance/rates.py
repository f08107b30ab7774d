"""What `plan` counts with (langscale.planning.sizes), measured on one core: trainings, embedding and search, and what the growth of the
statistics stage gives.

A step takes operations / rate + bytes moved / bandwidth + a constant. Twelve layers of multilingual-e5-small's shape on
texts as long as NTREX's give the rate, one layer with a large table of embeddings and with a small one the bandwidth,
the small one, at the default study's batch, the constant as well.
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
from langscale.data.sources import readers as sources
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
    "hidden_dropout_prob": 0.1,  # as pretrained encoders have it; without, a core trains a third faster
    "attention_probs_dropout_prob": 0.1,
}
TABLE = 250_000  # rows of the large table of embeddings
NEIGHBOURS = 9  # cards in a row that make a text as long as NTREX's: queries of 50 tokens, passages of 100
POOL = 1024, 13_000  # questions and candidates, the latter as XQuAD-R's
NAMES = {
    "training": "operations/s of training, twelve layers",
    "embedding": "operations/s of embedding, twelve layers",
    "bandwidth": "bytes/s that AdamW moves",
    "step": "seconds of a step beyond these, default study",
    "ranks": f"seconds of exact ranks per question and candidate, {WIDTH} dimensions",
    "lists": f"seconds of a list's search per question and candidate, {WIDTH} dimensions",
    "statistics": "seconds of statistics per run and quantity, 10,000 resamples, 240 clusters",
}


def cards(setting: material.Setting, together: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(pairs, passages) of CLDR cards; a text is that of so many neighbours, which are of one language."""
    asked, given = sources.reader("cldr").build(
        "train",
        material.POOL[:3] if setting.quick else material.POOL,
        setting.folder,
        60 if setting.quick else None,
    )
    for table, column in ((asked, "query"), (given, "text")):
        texts = list(table[column])
        table[column] = [" ".join(texts[i : i + together]) for i in range(len(texts))]
    return asked, given


@cache
def pairs(setting: material.Setting, kind: str) -> material.Pairs:
    """Cards for the default study's model: `card`; `wide`, with TABLE embeddings; or long ones for LARGE: `large`."""
    asked, given = cards(setting, NEIGHBOURS if kind == "large" else 1)
    folder, model = material.small(setting, [*asked["query"], *given["text"]])
    if kind != "card":
        architecture = material.TOY if setting.quick else LARGE
        changes = {"vocab_size": TABLE} if kind == "wide" else architecture
        changed = setting.folder / kind
        shutil.copytree(folder, changed)
        config = json.loads((folder / "config.json").read_text())
        (changed / "config.json").write_text(json.dumps(config | changes))
        folder = changed
        if kind == "large":
            model = model.model_copy(update={"architecture": architecture})
    return material.paired(setting, kind, folder, model, asked, given)


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
    """The rates by the keys of NAMES. `of_run`: seconds that the statistics stage takes for each run."""
    quick = setting.quick
    small, batch = pairs(setting, "card"), 8 if quick else 128
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


def _search(asked: int, size: int) -> Iterator[float]:
    """Seconds of exact ranks, and of lists of 100, per question and candidate, the faster of two."""
    draw = stream("rates")
    queries, candidates = (draw.standard_normal((n, WIDTH), dtype=np.float32) for n in (asked, size))
    languages = np.arange(size) % 11
    relevant = np.arange(asked)[:, None] * 11 % (size - 10) + np.arange(11)
    works = {
        "ranks": lambda: _discard(exact_ranks(queries, candidates, languages, relevant)),
        "lists": lambda: _discard(top_k(queries, candidates, 100)),
    }
    return (min(seconds) / asked / size for seconds in interleaved(works, 3).values())


def _discard(_: object) -> None:
    """What was made is not a time."""


def trained(setting: material.Setting) -> Callable[[int], Callable[[], object]]:
    """For the growth by pairs: training on so many with the default study's model, 32 a step."""
    found = pairs(setting, "card")
    training = Training(batch_size=8 if setting.quick else 32, precision="float32")
    return lambda size: lambda: train_speed.ours(found, training, size // training.batch_size, 1)


def listed(rates: dict[str, float]) -> list[str]:
    """Markdown."""
    if not rates:
        return []
    lines = [
        "Measured here, on one core; what `plan` takes is in src/langscale/sizes.py.",
        "",
        "| what | value |",
        "|---|---|",
    ]
    return [*lines, *(f"| {name} | {rates[key]:.3g} |" for key, name in NAMES.items() if key in rates)]
