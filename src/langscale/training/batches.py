"""Batch samplers: the pairs and languages of the training batch of a step.

A batch is a pure function of (seed, step). Batch type, source, languages and pair ids come from separate
streams. So with one fully parallel source every sampler and every number of languages sees the same pair
ids at the same step: common random numbers for paired contrasts.

langscale.config.sampler lists the samplers and their options. Training adds hard negatives, each in the
language of its positive.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from langscale.config.sampler import Direction, Spec, directions
from langscale.core.errors import UserError
from langscale.core.random import stream


@dataclass(frozen=True, eq=False)
class SourceIndex:
    """A source as a sampler sees it: `has` bool [pairs, languages], whether a pair exists in a language.

    The columns are the sampler's sorted languages. `size` is the weight of the source beside others
    (default: its number of pairs).
    """

    name: str
    has: np.ndarray
    size: float | None = None


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch of B examples: `kind` is mono, mixed (x-x) or cross (x-y), `source` the number of its source.

    `pairs` [B] are different rows of the source's `has`. `query_language` and `passage_language` [B] are
    numbers of the sampler's languages. Hard negatives have the passage language too.
    """

    kind: str
    source: int
    pairs: np.ndarray
    query_language: np.ndarray
    passage_language: np.ndarray


def joint(available: np.ndarray, size: np.ndarray, by_size_first: bool = False) -> np.ndarray:
    """P(source D, language pair p) of an example, [sources, pairs]; available: bool, the source has the pair.

    s(D, p) = size(D) / sum of the sizes of all sources with p, and P(D, p) = s(D, p) / number of pairs. The
    marginal over p is uniform, w(D) = sum over p of P(D, p) = mean over p of s(D, p), and P(p | D) is
    proportional to s(D, p). So the distribution is the same whether p is drawn first and then D by size
    (whole batches of one p), or D first by w and then the p of each example (a batch holds one source).
    With `by_size_first`, D is drawn by size among the sources with any p, and p uniformly among the pairs
    of D.
    """
    weight = available * np.asarray(size, dtype=float)[:, None]
    if by_size_first:
        first = weight.max(axis=1)
        return available * (first / first.sum() / np.maximum(available.sum(axis=1), 1))[:, None]
    return weight / weight.sum(axis=0) / available.shape[1]


@dataclass(frozen=True, eq=False)
class _Plan:
    """Draws of one kind of batch: query, passage language [p], joint [sources, p]; whole: one p per batch."""

    kind: str
    query: np.ndarray
    passage: np.ndarray
    joint: np.ndarray
    whole: bool


class Sampler:
    """The batches of a run: `batch(step)` in O(batch_size) time and memory, whatever the number of pairs.

    Where pairs lack languages, time grows as the share of pairs with both languages of an example falls.
    Raises UserError where no source has a language pair, or where a source has too few pairs of it to fill
    a batch. Raises ValueError for languages that are not sorted and distinct, or for sources with other
    languages.
    """

    def __init__(
        self,
        spec: Spec,
        languages: Sequence[str],
        sources: Sequence[SourceIndex],
        batch_size: int,
        seed: int | str,
        english: str = "en",
        by_size_first: bool = False,
    ) -> None:
        self.languages = tuple(languages)
        if not self.languages or list(self.languages) != sorted(set(self.languages)):
            raise ValueError(f"languages must be sorted and distinct, got {self.languages}")
        for source in sources:
            if source.has.ndim != 2 or source.has.shape[1] != len(self.languages) or source.has.dtype != bool:
                raise ValueError(f"source {source.name}: `has` must be bool [pairs, {len(self.languages)}]")
        if not sources or batch_size < 1:
            raise ValueError(f"a sampler needs sources and a batch size, got {len(sources)} and {batch_size}")
        if spec.record.english and english not in self.languages:
            raise UserError(f"sampler {spec.name}: {english} is not among {', '.join(self.languages)}")
        self.sources, self.batch_size, self.seed = list(sources), batch_size, seed
        self._by_size_first = by_size_first
        self._both = [_both(source.has) for source in sources]
        parts = [(1.0, Spec("x-x-mono"))] if len(self.languages) == 1 else spec.parts
        self._plans = [self._plan(part, directions(part, self.languages, english)) for _, part in parts]
        self._first_share = parts[0][0]

    def _plan(self, spec: Spec, pairs: list[Direction]) -> _Plan:
        number = {code: i for i, code in enumerate(self.languages)}
        query, passage = np.array([(number[q], number[d]) for q, d in pairs]).T
        count = np.array([both[query, passage] for both in self._both])
        for (q, d), have in zip(pairs, count.T, strict=True):
            text = q if q == d else f"both {q} and {d}"
            if not have.any():
                raise UserError(f"no source has pairs in {text}; add one, or leave the language out")
            for source, found in zip(self.sources, have, strict=True):
                if 0 < found < self.batch_size:
                    raise UserError(
                        f"source {source.name}: {found} pairs in {text}, but a batch takes {self.batch_size} "
                        "different ones; lower the batch size, or leave the source or the language out"
                    )
        size = np.array([len(s.has) if s.size is None else s.size for s in self.sources], dtype=float)
        form = spec.record.form
        assert form is not None  # only a mixture has none, and its parts come here
        whole = form == "mono" or spec.pair == "batch"
        return _Plan(form, query, passage, joint(count > 0, size, self._by_size_first), whole)

    def batch(self, step: int) -> Batch:
        """The batch of a step, always the same."""
        first = stream("type", self.seed, step).random() < self._first_share
        plan = self._plans[0 if first else 1]
        of_source = stream("source", self.seed, step).random()
        of_pair = stream("direction" if plan.kind == "cross" else "language", self.seed, step)
        if plan.whole:
            pair = _choose(plan.joint.sum(axis=0), of_pair.random(1))
            source = int(_choose(plan.joint[:, pair[0]], of_source))
        else:
            source = int(_choose(plan.joint.sum(axis=1), of_source))
            pair = _choose(plan.joint[source], of_pair.random(self.batch_size))
        pair = np.broadcast_to(pair, self.batch_size)
        query, passage = plan.query[pair], plan.passage[pair]
        return Batch(plan.kind, source, self._rows(source, query, passage, step), query, passage)

    def _rows(self, source: int, query: np.ndarray, passage: np.ndarray, step: int) -> np.ndarray:
        """Different rows, each of a pair with both languages of its example: by rejection, in rounds.

        Where no pair lacks a language, the first round draws one row per example and later rounds replace
        rows drawn twice. So row i depends neither on the sampler nor on the languages.
        """
        draw = stream("pairs", self.seed, step)
        has, both = self.sources[source].has, self._both[source]
        rows = np.full(len(query), -1)
        left = np.arange(len(query))
        while len(left):
            q, d = query[left], passage[left]
            room = both[q, d].min() - (len(rows) - len(left))
            # Enough tries that most examples find a row in this round; bounded, so that memory is.
            tries = min(-(-len(has) // int(room)), 1024)
            drawn = draw.integers(len(has), size=(len(left), tries))
            fits = has[drawn, q[:, None]] & has[drawn, d[:, None]] & ~np.isin(drawn, rows)
            found = np.flatnonzero(fits.any(axis=1))
            row, first = np.unique(drawn[found, fits[found].argmax(axis=1)], return_index=True)
            rows[left[found[first]]] = row
            left = np.flatnonzero(rows < 0)
        return rows


def _both(has: np.ndarray) -> np.ndarray:
    """Number of rows with both languages, [n, n], in blocks small enough for exact counts in float32."""
    total = np.zeros((has.shape[1],) * 2, dtype=np.int64)
    for start in range(0, len(has), 1 << 18):
        block = has[start : start + (1 << 18)].astype(np.float32)
        total += (block.T @ block).astype(np.int64)
    return total


def _choose(weight: np.ndarray, u: np.ndarray | float) -> np.ndarray:
    """Index with probability proportional to weight, by u uniform in [0, 1)."""
    edge = weight.cumsum()
    scaled = u * edge[-1]
    # Rounding must neither leave the array nor end on a zero weight behind the last one that is not.
    edge[edge >= edge[-1]] = np.inf
    return np.searchsorted(edge, scaled, side="right")


def language_shares(batch: Batch, languages: int, hard: int = 0) -> tuple[float, float]:
    """Mean share of in-batch negatives in the query's language and in the positive's, before masking.

    The negatives of a query are the other B (1 + h) - 1 documents of the batch, with `hard` = h hard
    negatives per example, each in the language of its positive.
    """
    query, passage = batch.query_language, batch.passage_language
    documents = np.bincount(passage, minlength=languages) * (1 + hard)
    others = max(len(passage) * (1 + hard) - 1, 1)
    in_query = (documents[query] - (query == passage)).mean() / others
    in_passage = (documents[passage] - 1).mean() / others
    return float(in_query), float(in_passage)
