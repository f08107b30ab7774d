"""The tables of one benchmark in memory."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet

from langscale.core.errors import UserError


def texts(folder: str | Path, side: str) -> Iterator[str]:
    """The texts of the queries or candidates of a benchmark's folder, read in batches."""
    for batch in parquet.ParquetFile(Path(folder) / f"{side}.parquet").iter_batches(8192, columns=["text"]):
        yield from batch.column("text").to_pylist()


def audited(folder: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Queries, candidates) for the leakage audit. Larger than memory: the relevant candidates."""
    relevant = Path(folder) / "relevant.parquet"
    candidates = relevant if relevant.exists() else relevant.with_name("candidates.parquet")
    return pd.read_parquet(relevant.with_name("questions.parquet")), pd.read_parquet(candidates)


@dataclass(frozen=True)
class Corpus:
    """A monolingual benchmark with candidates that are searched in shards and never loaded.

    queries: Q rows (question_id, cluster, language, text).
    spans: language -> (first row, number of rows) of its candidates.
    relevant: int64 [Q, R], rows of the relevant candidates of a query, filled up with -1.
    """

    FILES: ClassVar[tuple[str, ...]] = ("questions.parquet", "qrels.parquet", "pools.json")

    queries: pd.DataFrame
    spans: dict[str, tuple[int, int]]
    relevant: np.ndarray

    @classmethod
    def load(cls, folder: str | Path) -> "Corpus":
        """Read a folder of `langscale.data.benchmarks.miracl.write`."""
        folder = Path(folder)
        queries, qrels = (pd.read_parquet(folder / f"{name}.parquet") for name in ("questions", "qrels"))
        row = pd.Index(queries["question_id"]).get_indexer(qrels["question_id"])
        place = qrels.groupby("question_id").cumcount().to_numpy()
        relevant = np.full((len(queries), place.max(initial=-1) + 1), -1, dtype=np.int64)
        relevant[row, place] = qrels["row"]
        spans = json.loads((folder / "pools.json").read_text(encoding="utf-8"))
        return cls(queries, {code: tuple(span) for code, span in spans.items()}, relevant)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark in memory, as arrays.

    queries: Q rows (question_id, cluster, language, text).
    candidates: N rows in the order of the corpus.
    languages: L sorted codes.
    query_language: int [Q], candidate_language: int [N], indices of languages.
    relevant: int32 [Q, R x L], rows of the relevant candidates: in column r x L + l the r-th of language l,
        with R the most of a query in a language, mostly 1; -1: none.
    """

    queries: pd.DataFrame
    candidates: pd.DataFrame
    languages: tuple[str, ...]
    query_language: np.ndarray
    candidate_language: np.ndarray
    relevant: np.ndarray

    @classmethod
    def load(cls, folder: str | Path) -> "Benchmark":
        """Read the three tables of a folder.

        Raises UserError for qrels with an unknown query or candidate.
        """
        folder = Path(folder)
        queries, candidates, qrels = (
            pd.read_parquet(folder / f"{name}.parquet") for name in ("questions", "candidates", "qrels")
        )
        languages = pd.Index(sorted(set(queries["language"]) | set(candidates["language"])))
        of_queries, of_candidates = (
            languages.get_indexer(table["language"]) for table in (queries, candidates)
        )
        row = pd.MultiIndex.from_frame(queries[["question_id", "language"]]).get_indexer(
            pd.MultiIndex.from_frame(qrels[["question_id", "language"]])
        )
        candidate = pd.Index(candidates["candidate_id"]).get_indexer(qrels["candidate_id"])
        for name, found in (("query", row), ("candidate", candidate)):
            if (found < 0).any():
                missing = qrels.iloc[int(np.argmax(found < 0))]
                raise UserError(
                    f"{folder}/qrels.parquet: no such {name}: {missing['question_id']} {missing['language']} "
                    f"{missing['candidate_id']}"
                )
        place = pd.DataFrame({"row": row, "language": of_candidates[candidate], "candidate": candidate})
        if place.duplicated().any():
            raise UserError(f"{folder}/qrels.parquet: a relevant candidate stands twice; once is right")
        place["number"] = place.groupby(["row", "language"]).cumcount()
        most = int(place["number"].max()) + 1 if len(place) else 1
        relevant = np.full((len(queries), most * len(languages)), -1, dtype=np.int32)
        relevant[row, place["number"] * len(languages) + place["language"]] = candidate
        return cls(queries, candidates, tuple(languages), of_queries, of_candidates, relevant)
