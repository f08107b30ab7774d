"""Costs of a study before it runs: steps, tokens, operations, hours and disk.

Nothing is downloaded and no model is loaded. Lengths are those of the study's own tokens and subsets if they
exist, else those of the records of data sets. Hours are operations over a rate of
`langscale.planning.machines`, plus the bytes moved by AdamW over the bandwidth. A training step has three
times the operations of the forward pass.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from langscale.config.model import AdapterOptions, LoraOptions
from langscale.config.sampler import Spec, directions
from langscale.config.study import Study
from langscale.config.terms import BM25, NONE
from langscale.core.arrays import index_type
from langscale.data import catalogue
from langscale.data.records import Counts, SourceRecord
from langscale.design.grid import Grid, Run, subset_name
from langscale.models import known
from langscale.models.declared import expected
from langscale.planning.downloads import has
from langscale.planning.machines import (
    ADAM,
    ADAPTER_STEP,
    CARDS,
    CORE,
    DECODING,
    JOB,
    LISTS,
    RANKS,
    SHARE,
    STATISTICS,
    TORCH,
    WIDTH,
    Machine,
)
from langscale.planning.sizes import Encoder
from langscale.training.batches import joint

PREFIX = 3  # tokens
TRANSLATION, BASE_VECTORS = "translation", "base vectors"
ADAPTER, LORA = "adapter", "lora"


@dataclass(frozen=True)
class Texts:
    """Texts of a benchmark in the languages of a study.

    queries, candidates: numbers of texts. query, candidate: their mean tokens. products: pairs of query and
    candidate in an exact search. corpus: whether each language is searched by itself, in shards.
    """

    queries: int
    candidates: int
    query: float
    candidate: float
    products: int
    languages: int
    corpus: bool

    @property
    def tokens(self) -> float:
        """Tokens of all texts."""
        return self.queries * self.query + self.candidates * self.candidate


class Lengths(NamedTuple):
    """Mean tokens of a query and of a passage, and the hard negatives of a pair."""

    query: float
    passage: float
    negatives: int


class TrainingCost(NamedTuple):
    """Cost of a training, validation included: pairs, tokens, operations, and bytes moved by the optimiser.

    Operations and bytes are NaN if the size of the encoder is unknown.
    """

    pairs: int
    tokens: float
    operations: float
    moved: float


class EvaluationCost(NamedTuple):
    """Cost of the evaluation of all checkpoints of a run.

    jobs; tokens and operations of embedding; core seconds of search and of statistics. Operations and search
    are NaN if the size of the encoder is unknown.
    """

    jobs: int
    tokens: float
    operations: float
    search: float
    statistics: float


@dataclass
class Row:
    """Costs of the runs with one model, sampler, budget and n. Shared runs count once. train: training mode.

    operations: of training and embedding. moved: bytes moved by the optimiser. gpu_hours: on the first of
    CARDS. core_hours: the same on CORE instead. Unknown numbers are NaN.
    """

    model: str
    sampler: str
    budget: str
    n_languages: int = 0
    runs: int = 0
    steps: int = 0
    pairs: int = 0
    tokens: float = 0
    embedded_tokens: float = 0
    operations: float = 0
    embedding_operations: float = 0
    moved: float = 0
    gpu_hours: float = 0
    core_hours: float = 0
    search_core_hours: float = 0
    statistics_core_hours: float = 0
    train: str = NONE

    def hours(self, machine: Machine) -> float:
        """Hours on a machine, the start of the jobs included."""
        training = self.operations - self.embedding_operations
        if self.sampler == TRANSLATION:
            training *= SHARE / DECODING
        seconds = machine.seconds(training, self.embedding_operations, self.moved)
        step = ADAPTER_STEP if self.train == ADAPTER else machine.step
        return (seconds + self.runs * (self.steps * step + TORCH + JOB)) / 3600


COLUMNS = tuple(field.name for field in fields(Row))


class Costs:
    """The costs of a study. `results` is its folder, which may be empty or missing.

    Raises UserError for a source or benchmark without a reader.
    """

    def __init__(self, study: Study, grid: Grid, results: str | Path) -> None:
        self.study, self.grid, self.results = study, grid, Path(results)
        for name in study.sources:
            self.source(name)
        for name in study.benchmarks:
            catalogue.benchmark(name, study.benchmarks[name])
        self.measured: set[str] = set()
        """Sources and benchmarks with measured lengths, so far."""
        self.encoder, self.texts = cache(self._encoder), cache(self._texts)
        self.lengths = cache(self._lengths)
        self.checkpoints = {b: Counter(run for run, _ in grid.scored(b)) for b in study.benchmarks}

    # --- sizes

    def _encoder(self, name: str) -> Encoder | None:
        """Size of a model: by `architecture`, by config.json of the study or of `path`, or by hub id.

        None if none of them tells it.
        """
        model = self.study.models[name]
        if model.architecture is not None:
            return Encoder.of(model.architecture, model.vocabulary)
        folders = [self.results / "models" / name / "base", *([Path(model.path)] if model.path else [])]
        for file in (folder / "config.json" for folder in folders):
            if file.is_file():
                return Encoder.of(json.loads(file.read_text(encoding="utf-8")), 0)
        record = known.encoder(model.known_as)
        return Encoder.known(record) if record else None

    def _adapter(self, name: str) -> float | None:
        """Parameters of the adapter of a model, NaN if its width is unknown, None in other modes."""
        model, encoder = self.study.models[name], self.encoder(name)
        if model.train != ADAPTER:
            return None
        return math.nan if encoder is None else encoder.adapter(model.adapter or AdapterOptions())

    @property
    def unknown(self) -> list[str]:
        """Models of unknown size, translation model included."""
        names = [name for name in self.study.models if self.encoder(name) is None]
        chosen = self.study.translation
        if chosen and known.translator(chosen.hub) is None:
            names.append("translation")
        return names

    def _lengths(self, model: str, source: str, subset: str, part: str) -> Lengths:
        reading, facts = expected(self.study.models[model]), self.source(source).size
        negatives = min(facts.negatives, self.study.training.hard_negatives)
        tokens = self.results / "models" / model / "tokens" / f"source-{source}" / part
        rows = self.results / "subsets" / subset / source / part
        files = [tokens / "queries/offsets.npy", tokens / "passages/offsets.npy", rows / "positives.npy"]
        if all(file.is_file() for file in files):
            self.measured.add(source)
            query = _mean(tokens / "queries/offsets.npy", rows / "queries.npy")
            passage = _mean(tokens / "passages/offsets.npy", rows / "positives.npy")
            return Lengths(query, passage, negatives)
        return Lengths(
            _cut(facts.query, reading.query_prefix, reading.query_length),
            _cut(facts.passage, reading.passage_prefix, reading.passage_length),
            negatives,
        )

    def _texts(self, model: str, name: str) -> Texts:
        reading, of = expected(self.study.models[model]), self.study.benchmarks[name]
        record = catalogue.benchmark(name, of)
        facts = record.size
        codes = [c for c in (of.languages or self.study.languages.all) if c in record.languages]
        share = (of.every_article or 1) * (of.every_paragraph or 1)
        most = math.inf if of.questions is None else of.questions
        queries = [int(min(_count(facts.queries, c) // share, most)) for c in codes]
        counts, passage = facts.candidates, facts.candidate
        if of.candidate_text == "sentence+paragraph" and facts.paragraph is not None:
            passage = facts.paragraph
        if of.candidate_text == "paragraph" and facts.paragraph is not None and facts.paragraphs is not None:
            counts, passage = facts.paragraphs, facts.paragraph - facts.candidate
        candidates = [_count(counts, c) // share for c in codes]
        query = _cut(facts.query, reading.query_prefix, reading.query_length)
        candidate = _cut(passage, reading.passage_prefix, reading.passage_length)
        if record.larger_than_memory:
            products = sum(map(math.prod, zip(queries, candidates, strict=True)))
            return Texts(sum(queries), sum(candidates), query, candidate, products, len(codes), True)
        q, n = sum(queries), sum(candidates)
        folder = self.results / "models" / model / "tokens" / f"benchmark-{name}"
        if (folder / "candidates/offsets.npy").is_file():
            self.measured.add(name)
            (q, query), (n, candidate) = (_texts_in(folder / side) for side in ("questions", "candidates"))
        return Texts(q, n, query, candidate, q * n, len(codes), False)

    # --- training

    def mixture(self, run: Run) -> dict[str, float]:
        """Share of each source in the examples of a run (langscale.training.batches.joint)."""
        if len(run.sources) == 1:
            return {run.sources[0]: 1.0}
        by_size = self.study.training_of(run.model).by_size_first
        options = [self.study.sources[name] for name in run.sources]
        used = [
            self._pairs(name, o.pairs, run.pairs) / run.share
            for name, o in zip(run.sources, options, strict=True)
        ]
        weight = np.array([o.size or pairs for o, pairs in zip(options, used, strict=True)])
        shares = np.zeros(len(run.sources))
        for share, part in Spec.parse(run.sampler).parts:
            drawn = directions(part, run.languages)
            available = np.array([[self._has(s, *pair) for pair in drawn] for s in run.sources])
            shares += share * joint(available[:, available.any(0)], weight, by_size).sum(1)
        return dict(zip(run.sources, (shares / shares.sum()).tolist(), strict=True))

    def source(self, name: str) -> SourceRecord:
        """The record of a source of the study."""
        return catalogue.source(name, self.study.sources[name])

    def _pairs(self, source: str, *limits: int | None) -> int:
        """Number of pair ids of a source, within the limits."""
        return min(number for number in (self.source(source).size.pairs, *limits) if number is not None)

    def _has(self, source: str, *codes: str) -> bool:
        return self.study.sources[source].translate or all(has(self.study, source, code) for code in codes)

    def training(self, run: Run) -> TrainingCost:
        """Cost of a run's training, validation included."""
        encoder, training = self.encoder(run.model), self.study.training_of(run.model)
        pairs = run.steps * training.batch_size
        tokens = forward = texts = 0.0
        for source, share in self.mixture(run).items():
            query, passage, negatives = self.lengths(run.model, source, run.subset, "train")
            tokens += share * (query + (1 + negatives) * passage)
            if encoder:
                forward += share * (encoder.forward(query) + (1 + negatives) * encoder.forward(passage))
            texts += share * (2 + negatives)
        model, adapter = self.study.models[run.model], self._adapter(run.model)
        if adapter is not None:  # a product forward and one for the gradient of the matrix, no encoding
            return TrainingCost(pairs, 0, 4 * adapter * pairs * texts, ADAM * adapter * run.steps)
        if encoder is None:
            return TrainingCost(pairs, pairs * tokens, math.nan, math.nan)
        trained, passes = encoder.parameters, 3
        if model.train == LORA:  # no gradient of the frozen matrices
            trained, passes = encoder.lora(model.lora or LoraOptions()), 2
        operations = passes * pairs * forward
        if training.validation:
            rounds = math.ceil(run.steps / training.validation.every)
            operations += rounds * training.validation.pairs * self._validation(encoder, run.model)
        return TrainingCost(pairs, pairs * tokens, operations, ADAM * trained * run.steps)

    def _validation(self, encoder: Encoder, model: str) -> float:
        """Operations of a validation pair, mean over the sources."""
        names = [name for name, source in self.study.sources.items() if source.validation]
        subset = subset_name(self.grid.validation_languages)
        lengths = [self.lengths(model, name, subset, "validation") for name in names]
        return sum(encoder.forward(x.query) + encoder.forward(x.passage) for x in lengths) / len(names)

    # --- evaluation

    def evaluation(self, run: Run) -> EvaluationCost:
        """Cost of the evaluation of a run, all checkpoints and benchmarks.

        A run that cuts the vectors of another one embeds nothing.
        """
        model, controls = run.whole.model, self.study.evaluation.controls
        encoder, adapter = self.encoder(model), self._adapter(model)
        embeds = adapter is None and run.dimensions is None
        width = run.dimensions or (encoder.hidden if encoder else math.nan)
        jobs, tokens, operations, search, statistics = 0, 0.0, 0.0, 0.0, 0.0
        for name, count in self.checkpoints.items():
            texts, checkpoints = self.texts(model, name), count[run]
            jobs += checkpoints
            tokens += checkpoints * texts.tokens * embeds
            statistics += checkpoints * STATISTICS * quantities(texts.languages, texts.corpus)
            queries = candidates = 2.0 * (adapter or 0)  # a product of a base vector and a matrix
            if embeds:
                queries = encoder.forward(texts.query) if encoder else math.nan
                candidates = encoder.forward(texts.candidate) if encoder else math.nan
            operations += checkpoints * (texts.queries * queries + texts.candidates * candidates)
            # the top of the list, and exact ranks except in a corpus, with controls twice
            passes = LISTS + (0 if texts.corpus else RANKS * (1 + controls))
            search += checkpoints * texts.products * passes * width / WIDTH
        return EvaluationCost(jobs, tokens, operations, search, statistics)

    # --- all of it

    def rows(self) -> list[Row]:
        """Rows of translation and of base vectors, then one per model, sampler, budget and n.

        Rows of cut vectors have no runs of their own: they search and score those of the whole vectors.
        """
        rows: dict[tuple[str, str, str, int], Row] = {}
        for run in (run for run in self.grid.runs if run.model != BM25):
            key = run.model, run.sampler, run.budget, len(run.languages)
            own = run.dimensions is None
            train = self.study.models[run.whole.model].train if run.steps else NONE
            row = rows.setdefault(key, Row(*key, train=train))
            row.runs += own
            row.steps = run.steps * own
            scored = self.evaluation(run)
            row.embedded_tokens += scored.tokens
            row.embedding_operations += scored.operations
            row.operations += scored.operations
            row.search_core_hours += (scored.search + 2 * JOB * scored.jobs) / 3600
            row.statistics_core_hours += scored.statistics / 3600
            if run.steps and own:
                trained = self.training(run)
                row.pairs += trained.pairs
                row.tokens += trained.tokens
                row.operations += trained.operations
                row.moved += trained.moved
        found = [*self._translation(), *self._base_vectors(), *rows.values()]
        for row in found:
            row.gpu_hours, row.core_hours = row.hours(CARDS[0]), row.hours(CORE)
        return found

    def _translation(self) -> Iterator[Row]:
        """The texts missing from the sources, as an upper bound: a passage counts once per pair."""
        chosen = self.study.translation
        if not chosen:
            return
        tokens = 0.0
        for name, source in self.study.sources.items():
            if source.translate:
                facts, pairs = self.source(name).size, self._pairs(name, source.pairs)
                missing = [code for code in self.study.languages.pool if not has(self.study, name, code)]
                tokens += len(missing) * pairs * (facts.query + (1 + facts.negatives) * facts.passage)
        translator = known.translator(chosen.hub)
        operations = 2 * (translator.matrix if translator else math.nan) * tokens
        yield Row(chosen.hub or str(chosen.path), TRANSLATION, NONE, tokens=tokens, operations=operations)

    def _source_texts(self, model: str) -> Iterator[tuple[float, Lengths]]:
        """(pairs in all languages, lengths) of each source. Upper bound: a passage counts once per pair."""
        for name, source in self.study.sources.items():
            codes = [code for code in self.study.languages.pool if self._has(name, code)]
            yield self._pairs(name, source.pairs) * len(codes), self.lengths(model, name, "", "train")

    def _base_vectors(self) -> Iterator[Row]:
        """All texts of sources and benchmarks, embedded once for a model with adapters."""
        for name, model in self.study.models.items():
            if model.train != ADAPTER or model.vectors is not None:
                continue
            encoder, tokens = self.encoder(name), 0.0
            operations = 0.0 if encoder else math.nan
            counted = [
                group
                for pairs, of in self._source_texts(name)
                for group in ((pairs, of.query), (pairs * (1 + of.negatives), of.passage))
            ]
            for texts in (self.texts(name, benchmark) for benchmark in self.study.benchmarks):
                counted += [(texts.queries, texts.query), (texts.candidates, texts.candidate)]
            for count, length in counted:
                tokens += count * length
                operations += count * encoder.forward(length) if encoder else 0
            yield Row(
                name, BASE_VECTORS, NONE,
                embedded_tokens=tokens, operations=operations, embedding_operations=operations,
            )  # fmt: skip

    def disk(self) -> dict[str, float]:
        """Bytes of the kept files by kind, without checkpoints and embeddings of models of unknown size."""
        kinds = ("checkpoints", "base vectors", "embeddings", "rankings and scores", "tokens")
        total = dict.fromkeys(kinds, 0.0)
        kept = len(self.grid.checkpoints)
        for run in (run for run in self.grid.runs if run.model != BM25):
            model, own = run.whole.model, run.dimensions is None
            encoder, adapter = self.encoder(model), self._adapter(model)
            if encoder and run.steps and own:
                stored = encoder.parameters if adapter is None else adapter
                total["checkpoints"] += 4 * stored * kept
            for name, count in self.checkpoints.items():
                texts = self.texts(model, name)
                if (
                    own and encoder and adapter is None and not texts.corpus
                ):  # the shards of a corpus are deleted after the search
                    vectors = texts.queries + texts.candidates
                    total["embeddings"] += count[run] * vectors * 4 * encoder.hidden
                index = index_type(texts.candidates).itemsize
                per_query = index * self.study.evaluation.top_k + 8 * texts.languages
                total["rankings and scores"] += count[run] * texts.queries * per_query
        for model in self.study.models:
            encoder = self.encoder(model) if self._adapter(model) is not None else None
            width = encoder.hidden if encoder else 0
            for texts in (self.texts(model, name) for name in self.study.benchmarks):
                total["tokens"] += 4 * texts.tokens
                total["base vectors"] += 4 * width * (texts.queries + texts.candidates)
            for pairs, (query, passage, negatives) in self._source_texts(model):
                total["tokens"] += 4 * pairs * (query + (1 + negatives) * passage)
                total["base vectors"] += 4 * width * pairs * (2 + negatives)
        return total


def quantities(languages: int, corpus: bool = False) -> int:
    """Approximate number of quantities in the tables of a benchmark.

    Language pairs (not for a corpus), languages by metric, and pair sets.
    """
    return (0 if corpus else languages**2) + 10 * languages + 50


def _cut(tokens: float, prefix: str, length: int) -> float:
    return min(tokens + PREFIX * bool(prefix), length)


def _count(counts: Counts, code: str) -> int:
    return counts if isinstance(counts, int) else counts[code]


def _mean(offsets: Path, rows: Path) -> float:
    """Mean length of the texts in the pairs of a subset."""
    used = np.load(rows, mmap_mode="r")
    return float(np.diff(np.load(offsets, mmap_mode="r"))[used[used >= 0]].mean())


def _texts_in(folder: Path) -> tuple[int, float]:
    """Number and mean length of tokenised texts."""
    offsets = np.load(folder / "offsets.npy", mmap_mode="r")
    count = len(offsets) - 1
    return count, float(offsets[-1]) / max(1, count)
