"""What a study will cost, before it runs: steps, tokens, operations, hours, disk and download.

Nothing is downloaded or loaded. Where tokens and subsets of the study are there already, their real lengths are
taken, else those of `langscale.planning.sizes`. Hours follow from operations (6 per parameter and token in training, 2 in
embedding, and attention) at a stated rate, and from the bytes that AdamW moves.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from langscale.config.model import Model
from langscale.config.sampler import Spec, directions
from langscale.config.study import Study
from langscale.config.terms import NONE
from langscale.data import registry
from langscale.data.benchmarks import readers as benchmarks
from langscale.data.sources import readers as sources
from langscale.design.grid import Grid, Run, subset_name
from langscale.models import pretrained as base
from langscale.models.bundled import BUNDLES
from langscale.planning import sizes
from langscale.planning.sizes import (
    CARDS,
    CORE,
    DECODING,
    LISTS,
    RANKS,
    SHARE,
    STATISTICS,
    WIDTH,
    Encoder,
    Machine,
)
from langscale.training.batches import joint

PREFIX = 3  # tokens
ADAM = 28  # bytes per parameter and step: weight, gradient and two moments are read, all but the gradient written
TRANSLATION = "translation"
TORCH, JOB = 3.5, 0.5  # CPU s: what torch adds to a job, and a job without (performance/overhead.md)
COLUMNS = (
    "model", "sampler", "budget", "n_languages", "runs", "steps", "pairs", "tokens", "embedded_tokens", "operations",
    "embedding_operations", "moved", "gpu_hours", "core_hours", "search_core_hours", "statistics_core_hours",
)  # fmt: skip


@dataclass(frozen=True)
class Texts:
    """A benchmark in the languages of the study: texts, tokens of each kind, and products of an exact search, Q x N."""

    questions: int
    candidates: int
    question: float
    candidate: float
    products: float
    languages: int
    corpus: bool


class Costs:
    """The costs of a study; `results` is its folder, which may be empty or missing.

    Raises UserError for a source or benchmark that has no reader.
    """

    def __init__(self, study: Study, grid: Grid, results: str | Path):
        self.study, self.grid, self.results = study, grid, Path(results)
        for name in study.sources:
            sources.module(name)
        for name, benchmark in study.benchmarks.items():
            benchmarks.module(benchmark.set or name)
        self.measured: set[str] = set()
        self.encoder, self.texts = cache(self._encoder), cache(self._texts)
        self.lengths = cache(self._lengths)
        self.checkpoints = {b: Counter(run for run, _ in grid.scored(b)) for b in study.benchmarks}

    # --- sizes

    def _encoder(self, name: str) -> Encoder | None:
        """By its `architecture`, the config in the study's folder or in `path`, else by hub id; None: unknown."""
        model = self.study.models[name]
        if model.architecture is not None:
            return Encoder.of(model.architecture, model.vocabulary)
        folders = [self.results / "models" / name / "base", *([Path(model.path)] if model.path else [])]
        for file in (folder / "config.json" for folder in folders):
            if file.is_file():
                return Encoder.of(json.loads(file.read_text(encoding="utf-8")), 0)
        original = BUNDLES[model.bundled].hub if model.bundled else model.hub
        return sizes.ENCODERS.get(original)

    def _lengths(self, model: str, source: str, subset: str, part: str) -> tuple[float, float, int]:
        """Tokens of a query and of a passage as pairs have them, and hard negatives of a pair."""
        options, facts = self.study.models[model], sizes.SOURCES[source]
        negatives = min(facts.negatives, self.study.training.hard_negatives)
        tokens = self.results / "models" / model / "tokens" / f"source-{source}" / part
        rows = self.results / "subsets" / subset / source / part
        files = [tokens / "queries/offsets.npy", tokens / "passages/offsets.npy", rows / "positives.npy"]
        if all(file.is_file() for file in files):
            self.measured.add(source)
            query, passage = (
                _mean(tokens / f"{side}/offsets.npy", rows / f"{name}.npy")
                for side, name in (("queries", "queries"), ("passages", "positives"))
            )
            return query, passage, negatives
        return (
            _cut(facts.query, options.query_prefix, options.query_length),
            _cut(facts.passage, options.passage_prefix, options.passage_length),
            negatives,
        )

    def _texts(self, model: str, name: str) -> Texts:
        options, of = self.study.models[model], self.study.benchmarks[name]
        dataset = of.set or name
        facts = sizes.BENCHMARKS[dataset]
        known = registry.LANGUAGES.get(dataset)
        codes = [c for c in (of.languages or self.study.languages.all) if known is None or c in known]
        if dataset == "tatoeba":
            codes = [c for c in codes if c != "en"]
        share = of.every_article or 1
        asked = [min(_count(facts.questions, c) // share, of.questions or math.inf) for c in codes]
        offered = [_count(facts.candidates, c) // share for c in codes]
        candidate = facts.paragraph if of.candidate_text == "sentence+paragraph" else facts.candidate
        lengths = [
            _cut(facts.question, options.query_prefix, options.query_length),
            _cut(candidate, options.passage_prefix, options.passage_length),
        ]
        q, n = sum(asked), sum(offered)
        products = sum(map(math.prod, zip(asked, offered, strict=True))) if facts.corpus else q * n
        folder = self.results / "models" / model / "tokens" / f"benchmark-{name}"
        if not facts.corpus and (folder / "candidates/offsets.npy").is_file():
            self.measured.add(name)
            offsets = [
                np.load(folder / f"{side}/offsets.npy", mmap_mode="r") for side in ("questions", "candidates")
            ]
            q, n = (len(o) - 1 for o in offsets)
            lengths = [float(o[-1]) / max(1, len(o) - 1) for o in offsets]
            products = q * n
        return Texts(q, n, *lengths, products, len(codes), facts.corpus)

    # --- training

    def mixture(self, run: Run) -> dict[str, float]:
        """Share of a run's examples that each source gives (langscale.training.batches.joint), where any has the languages."""
        if len(run.sources) == 1:
            return {run.sources[0]: 1.0}
        spec, by_size = Spec.parse(run.sampler), self.study.training.by_size_first
        options = [self.study.sources[name] for name in run.sources]
        used = [
            self._pairs(name, o.pairs, run.pairs) / run.share
            for name, o in zip(run.sources, options, strict=True)
        ]
        weight = np.array([o.size or pairs for o, pairs in zip(options, used, strict=True)])
        shares = np.zeros(len(run.sources))
        for share, part in spec.parts:
            drawn = directions(part, run.languages)
            has = np.array([[self._has(s, *pair) for pair in drawn] for s in run.sources])
            shares += share * joint(has[:, has.any(0)], weight, by_size).sum(1)
        return dict(zip(run.sources, (shares / shares.sum()).tolist(), strict=True))

    @staticmethod
    def _pairs(source: str, *limits: int | None) -> int:
        """Pair ids of a source, or as many of them as are asked for."""
        return min(number for number in (sizes.SOURCES[source].pairs, *limits) if number is not None)

    @staticmethod
    def _in(source: str, code: str) -> bool:
        """Whether a source as it is downloaded has a language."""
        return source in sources.EMBEDDED or code in registry.LANGUAGES.get(source, ("en",))

    def _has(self, source: str, *codes: str) -> bool:
        return self.study.sources[source].translate or all(self._in(source, code) for code in codes)

    def training(self, run: Run) -> dict[str, float]:
        """pairs, tokens, operations and bytes moved of a run, validation included."""
        encoder, training = self.encoder(run.model), self.study.training
        pairs = run.steps * training.batch_size
        tokens = forward = 0.0
        for source, share in self.mixture(run).items():
            query, passage, negatives = self.lengths(run.model, source, run.subset, "train")
            tokens += share * (query + (1 + negatives) * passage)
            if encoder:
                forward += share * (encoder.forward(query) + (1 + negatives) * encoder.forward(passage))
        operations = 3 * pairs * forward
        if encoder and training.validation:
            rounds = math.ceil(run.steps / training.validation.every)
            operations += rounds * training.validation.pairs * self._validation(run.model)
        return {
            "pairs": pairs,
            "tokens": pairs * tokens,
            "operations": operations if encoder else math.nan,
            "moved": ADAM * encoder.parameters * run.steps if encoder else math.nan,
        }

    def _validation(self, model: str) -> float:
        encoder = self.encoder(model)
        names = [name for name, source in self.study.sources.items() if source.validation]
        subset = subset_name(self.grid.validation_languages)
        texts = [self.lengths(model, name, subset, "validation")[:2] for name in names]
        return sum(map(encoder.forward, sum(texts, ()))) / len(names)

    # --- evaluation

    def evaluation(self, run: Run) -> dict[str, float]:
        """Jobs, embedded tokens, operations of embedding, core seconds of search and statistics for all checkpoints."""
        encoder = self.encoder(run.model)
        total = {"jobs": 0, "tokens": 0.0, "operations": 0.0, "search": 0.0, "statistics": 0.0}
        for name, count in self.checkpoints.items():
            texts, checkpoints = self.texts(run.model, name), count[run]
            total["jobs"] += checkpoints
            tokens = texts.questions * texts.question + texts.candidates * texts.candidate
            total["tokens"] += checkpoints * tokens
            forward = encoder.forward if encoder else lambda _: math.nan
            operations = texts.questions * forward(texts.question) + texts.candidates * forward(
                texts.candidate
            )
            total["operations"] += checkpoints * operations
            # the top of the list, and, in a benchmark of translations, exact ranks, of centred vectors too for controls
            passes = LISTS + (0 if texts.corpus else RANKS * (1 + self.study.evaluation.controls))
            width = encoder.hidden if encoder else math.nan
            total["search"] += checkpoints * texts.products * passes * width / WIDTH
            total["statistics"] += checkpoints * STATISTICS * quantities(texts.languages, texts.corpus)
        return total

    # --- all of it

    def rows(self) -> list[dict[str, Any]]:
        """A row per model, sampler, budget and n, of the runs and not of the cells that share them; see COLUMNS."""
        rows: dict[tuple, dict[str, Any]] = {}
        for run in self.grid.encoded:
            key = run.model, run.sampler, run.budget, len(run.languages)
            row = rows.setdefault(key, dict.fromkeys(COLUMNS, 0) | dict(zip(COLUMNS, key, strict=False)))
            scored = self.evaluation(run)
            row["runs"] += 1
            row["steps"] = run.steps
            row["embedded_tokens"] += scored["tokens"]
            row["operations"] += scored["operations"]
            row["embedding_operations"] += scored["operations"]
            row["search_core_hours"] += (scored["search"] + 2 * JOB * scored["jobs"]) / 3600
            row["statistics_core_hours"] += scored["statistics"] / 3600
            for name, value in (self.training(run) if run.steps else {}).items():
                row[name] += value
        found = [*self._translation(), *rows.values()]
        for row in found:
            row["gpu_hours"], row["core_hours"] = hours(row, CARDS[0]), hours(row, CORE)
        return found

    def _translation(self) -> Iterator[dict[str, Any]]:
        """What the sources lack, by an upper bound: a passage counts once for every pair that it belongs to."""
        chosen = self.study.translation
        if not chosen:
            return
        tokens = 0.0
        for name, source in self.study.sources.items():
            facts, pairs = sizes.SOURCES[name], self._pairs(name, source.pairs)
            lacking = [code for code in self.study.languages.pool if not self._in(name, code)]
            length = facts.query + (1 + facts.negatives) * facts.passage
            tokens += source.translate * len(lacking) * pairs * length
        operations = 2 * sizes.TRANSLATORS.get(chosen.hub, math.nan) * tokens
        yield dict.fromkeys(COLUMNS, 0) | {
            "model": chosen.hub or chosen.path,
            "sampler": TRANSLATION,
            "budget": NONE,
            "tokens": tokens,
            "operations": operations,
        }

    def disk(self) -> dict[str, float]:
        """Bytes of what stays: checkpoints, embeddings, rankings and scores, tokens."""
        total = dict.fromkeys(("checkpoints", "embeddings", "rankings and scores", "tokens"), 0.0)
        kept = len(self.grid.checkpoints)
        for run in self.grid.encoded:
            encoder = self.encoder(run.model)
            total["checkpoints"] += (4 * encoder.parameters if encoder else math.nan) * kept * bool(run.steps)
            for name, count in self.checkpoints.items():
                texts = self.texts(run.model, name)
                if not texts.corpus:  # whose shards are dropped after the search
                    vectors = texts.questions + texts.candidates
                    total["embeddings"] += (
                        count[run] * vectors * 4 * (encoder.hidden if encoder else math.nan)
                    )
                per_question = 4 * self.study.evaluation.top_k + 8 * texts.languages
                total["rankings and scores"] += count[run] * texts.questions * per_question
        for model in self.study.models:
            for name in self.study.benchmarks:
                texts = self.texts(model, name)
                total["tokens"] += 4 * (texts.questions * texts.question + texts.candidates * texts.candidate)
            for name, source in self.study.sources.items():
                query, passage, negatives = self.lengths(model, name, "", "train")
                pairs = self._pairs(name, source.pairs)
                codes = [code for code in self.study.languages.pool if self._has(name, code)]
                total["tokens"] += 4 * pairs * len(codes) * (query + (1 + negatives) * passage)
        return total

    def download(self) -> tuple[float, dict[str, tuple[int, float | None]]]:
        """Bytes of the files whose size is known, and the data sets and models with other files: their number, and an
        estimate of their bytes where there is one."""
        entries = {entry.path: entry for entry in self.entries()}.values()
        unknown = Counter(entry.name for entry in entries if entry.size is None)
        codes = self.study.languages.pool
        about = {
            n: f.download and f.download * sum(self._in(n, c) for c in codes)
            for n, f in sizes.SOURCES.items()
        }
        about |= {hub: 4.0 * encoder.parameters for hub, encoder in sizes.ENCODERS.items()}
        weights = {
            entry.name for entry in entries if entry.size and (entry.file or "").endswith("safetensors")
        }
        return sum(entry.size or 0 for entry in entries), {
            name: (count, None if name in weights else about.get(name)) for name, count in unknown.items()
        }

    def entries(self) -> Iterator[registry.Entry]:
        """The registry's entries of all that the study downloads."""
        for name in self.study.sources:
            if name not in sources.EMBEDDED:
                yield from registry.files(name, self.study.languages.pool)
        for name, benchmark in self.study.benchmarks.items():
            dataset = benchmark.set or name
            if dataset not in benchmarks.EMBEDDED:
                yield from registry.files(dataset, benchmark.languages or self.study.languages.all)
        models, chosen = list(self.study.models.values()), self.study.translation
        if chosen:
            models.append(Model(hub=chosen.hub, revision=chosen.revision, path=chosen.path))
        for model in models:
            if model.remote:
                yield from base.entries(model)

    def licences(self) -> list[str]:
        """Names of what needs `accept_licence` and does not have it."""
        restricted = {entry.name for entry in self.entries() if entry.restricted}
        return sorted(restricted - set(self.study.accept_licence))


def hours(row: Mapping[str, Any], machine: Machine) -> float:
    """Hours of a row on a machine, the start of its jobs included."""
    slower = SHARE / DECODING if row["sampler"] == TRANSLATION else 1
    embedding = row["embedding_operations"]
    training = slower * (row["operations"] - embedding)
    seconds = machine.seconds(training, embedding, row["moved"], row["runs"] * row["steps"])
    return (seconds + (TORCH + JOB) * row["runs"]) / 3600


def quantities(languages: int, corpus: bool = False) -> int:
    """About how many quantities the tables have of a benchmark: language pairs, languages by metric, pair sets."""
    return (0 if corpus else languages**2) + 10 * languages + 50


def _cut(tokens: float, prefix: str, length: int) -> float:
    return min(tokens + PREFIX * bool(prefix), length)


def _count(counts: sizes.Counts, code: str) -> int:
    return counts if isinstance(counts, int) else counts[code]


def _mean(offsets: Path, rows: Path) -> float:
    """Mean length of the texts that the pairs of a subset name."""
    used = np.load(rows, mmap_mode="r")
    return float(np.diff(np.load(offsets, mmap_mode="r"))[used[used >= 0]].mean())
