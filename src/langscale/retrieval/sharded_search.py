"""Exact search over a corpus larger than memory: its vectors come shard by shard and are dropped after the
search.

The lists are those of `search.top_k` over the whole corpus, to the last bit, whatever the number of shards:
scores depend on two vectors alone (langscale.retrieval.search), and where vectors are made here, texts are
embedded in groups of GROUP rows that no shard cuts. Memory: one shard, one list per query; nothing grows with
the corpus.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from langscale.core.arrays import rows
from langscale.core.files import atomic
from langscale.data.benchmarks.built import Corpus
from langscale.data.tokens import Tokens
from langscale.retrieval.embedding import Encoder, embed
from langscale.retrieval.search import Best

GROUP = 16_384  # rows that are embedded together
SHARD = 8 * GROUP  # rows in memory at a time: 200 MB at 384 dimensions

Vectors = Callable[[int, int], np.ndarray]


def search(
    queries: np.ndarray,
    vectors: Vectors,
    size: int,
    k: int,
    shard: int = SHARD,
    state: str | Path | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k candidates of the highest inner product of every query, best first, among `size` candidates.

    queries [Q, d] float32; vectors(begin, end) -> float32 [end - begin, d], in rising order -> scores [Q, k]
    float32 and index [Q, k] int64, as `search.top_k`. `state`: a file that holds the lists after every shard,
    from which a search that was stopped goes on; its name must say what is searched. It stays. Raises
    ValueError on NaN or infinite values.
    """
    best, done = Best(queries, k), 0
    if state is not None and Path(state).exists():
        with np.load(state) as kept:
            best.scores, best.index, done = kept["scores"], kept["index"], int(kept["done"])
    while done < size:
        end = min(done + shard, size)
        best.add(vectors(done, end), done)
        done = end
        if state is not None:
            with atomic(state) as partial, partial.open("wb") as file:
                np.savez(file, scores=best.scores, index=best.index, done=done)
    return best.scores, best.index


def stored(file: str | Path) -> Vectors:
    """The vectors of a .npy file [N, d]: only the shard in use is mapped into memory."""
    return lambda begin, end: rows(file, begin, end)


def embedded(encoder: Encoder, tokens: str | Path, start: int = 0) -> Vectors:
    """The vectors of texts, embedded when they are needed, group by group.

    `encoder`: an encoder.Encoder; `tokens`: the folder of the corpus's tokens, where the language begins at
    row `start`. Raises ValueError where a shard would cut a group.
    """

    def vectors(begin: int, end: int) -> np.ndarray:
        if begin % GROUP:
            raise ValueError(f"a shard begins at row {begin}; right: a multiple of {GROUP}")
        parts = (slice(i, min(i + GROUP, end)) for i in range(begin, end, GROUP))
        return np.concatenate(
            [embed(encoder, Tokens.part(tokens, start + part.start, start + part.stop)) for part in parts]
        )

    return vectors


def search_corpus(
    corpus: Corpus, encoder: Encoder, tokens: str | Path, k: int, state: str | Path, shard: int = SHARD
) -> tuple[np.ndarray, np.ndarray]:
    """Lists of every query in the corpus of its language: scores [Q, k] float32, rows of the corpus [Q, k]
    int64.

    Places behind the end of a corpus hold -inf and -1. `tokens`: the folder of the corpus's tokens; `state`:
    the folder of the languages' states, see `search`.
    """
    tokens = Path(tokens)
    queries = embed(encoder, Tokens.load(tokens / "questions"))
    scores = np.full((len(queries), k), -np.inf, np.float32)
    lists = np.full((len(queries), k), -1, np.int64)
    for code, (start, size) in corpus.spans.items():
        mine = np.flatnonzero(corpus.queries["language"] == code)
        if len(mine):
            vectors = _logged(embedded(encoder, tokens / "candidates", start), code, size)
            its, found = search(queries[mine], vectors, size, k, shard, Path(state) / f"{code}.npz")
            scores[mine], lists[mine] = its, np.where(found >= 0, found + start, -1)
    return scores, lists


def _logged(vectors: Vectors, code: str, size: int) -> Vectors:
    """The same vectors, with a line in the log for every shard: a corpus takes hours."""

    def logged(begin: int, end: int) -> np.ndarray:
        print(f"{code}: passages {begin:,} to {end:,} of {size:,}", flush=True)
        return vectors(begin, end)

    return logged
