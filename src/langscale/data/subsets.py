"""Language subsets: rows of every pair in the tables of the sources, for one set of languages."""

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from langscale.core.errors import UserError
from langscale.core.files import atomic
from langscale.core.random import key

if TYPE_CHECKING:
    import pandas as pd  # training reads subsets and needs none

FIELDS = (
    "queries", "positives", "negatives", "passage", "negative_passage", "whole", "question", "answers",
)  # fmt: skip


@dataclass(frozen=True)
class Subset:
    """The P pairs of one part of a source in n languages, in hash order of their ids. A prefix is a random
    sample.

    queries: int32 [P, n], row in the pairs table; -1: missing in the language.
    positives: int32 [P, n], row in the passages table; negatives: int32 [P, h, n], the same for hard
    negatives.
    passage: int32 [P], negative_passage: int32 [P, h], numbers of the passage ids, for all languages; -1:
    none.
    whole: bool [P], query and positive exist in every language of the pool.
    question: int32 [P], equal for pairs with the same query; -1: all of these pairs have one passage.
    answers: int64 [K], sorted, the passages of each such query, as question << 32 | passage.
    """

    name: str
    queries: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    passage: np.ndarray
    negative_passage: np.ndarray
    whole: np.ndarray
    question: np.ndarray
    answers: np.ndarray

    def take(self, whole_pool: bool, pairs: int | None = None, share: int = 1) -> "Subset":
        """The pairs of a budget: the first `pairs` (None: all) allowed pairs, then the first 1/share.

        Raises UserError for more pairs than the source has.
        """
        rows = np.flatnonzero(self.whole) if whole_pool else np.flatnonzero((self.queries >= 0).any(1))
        if pairs is not None and pairs > len(rows):
            raise UserError(f"budgets: pairs: found {pairs}; {self.name} has {len(rows)} in these languages")
        rows = rows[: (len(rows) if pairs is None else pairs) // share]
        chosen = {field: getattr(self, field)[rows] for field in FIELDS[:-1]}
        return Subset(self.name, answers=self.answers, **chosen)

    def other_positives(self, rows: np.ndarray, passages: np.ndarray) -> np.ndarray | None:
        """Bool [B, D]: whether a passage is relevant to the query of a pair, by any pair of the source.

        None: no pair of the batch has the query of another pair with another passage.
        """
        question = self.question[rows].astype(np.int64)
        if (question < 0).all():
            return None
        found = question[:, None] << 32 | passages
        # below 0, hence not among the answers, where either is -1
        return self.answers[np.searchsorted(self.answers, found).clip(max=len(self.answers) - 1)] == found

    @property
    def available(self) -> np.ndarray:
        """Bool [P, n]: the pair has a query and a positive passage in the language."""
        return (self.queries >= 0) & (self.positives >= 0)

    @classmethod
    def load(cls, folder: str | Path, source: str, part: str) -> "Subset":
        """The arrays of `write`, memory-mapped."""
        path = Path(folder) / source / part
        return cls(source, *(np.load(path / f"{field}.npy", mmap_mode="r") for field in FIELDS))


def build(
    name: str,
    pairs: "pd.DataFrame",
    passages: "pd.DataFrame",
    languages: Sequence[str],
    pool: Sequence[str],
    hard: int,
    without: Set[str] = frozenset(),
    fingerprints: np.ndarray | None = None,
) -> Subset:
    """Index one part of a source.

    pairs, passages: its tables. The rows of the index are rows of the whole tables.
    hard: most hard negatives per pair.
    without: pair ids to leave out.
    fingerprints: int64, of the queries of `pairs`, to find pairs with the same query; None: no two pairs.
    """
    import pandas as pd

    languages = sorted(languages)
    ids = sorted(set(pairs["pair_id"]) - without, key=lambda pair: (key("pair", pair), pair))
    queries = _matrix(pairs, "pair_id", ids, languages)

    numbers = pd.Index(sorted(passages["passage_id"].unique()))
    where = np.vstack([_matrix(passages, "passage_id", numbers, languages), np.full((1, len(languages)), -1)])
    once = pairs.drop_duplicates("pair_id").set_index("pair_id").loc[ids]
    passage = numbers.get_indexer(once["passage_id"])
    has_query = (_matrix(pairs, "pair_id", ids, pool) >= 0).all(1)
    has_passage = (_matrix(passages, "passage_id", numbers, pool) >= 0).all(1)
    lists = [list(negatives)[:hard] for negatives in once["negative_ids"]]
    width = max(map(len, lists), default=0)
    flat = [n for negatives in lists for n in negatives + [None] * (width - len(negatives))]
    negative_passage = numbers.get_indexer(pd.Index(flat, dtype=object)).reshape(len(ids), width)
    question, answers = _same(pairs, numbers, fingerprints)
    return Subset(
        name,
        queries.astype(np.int32),
        where[passage].astype(np.int32),
        where[negative_passage].astype(np.int32),
        passage.astype(np.int32),
        negative_passage.astype(np.int32),
        np.asarray(has_query) & np.asarray(has_passage)[passage] & (passage >= 0),
        question.reindex(ids, fill_value=-1).to_numpy(np.int32),
        answers,
    )


def _same(
    pairs: "pd.DataFrame", numbers: "pd.Index", fingerprints: np.ndarray | None
) -> tuple["pd.Series", np.ndarray]:
    """(Number of the query by pair id, answers) of pairs with the query of another pair with another passage.

    Two pairs have the same query if their queries are equal in one language, or if both have the query of a
    third pair. So the result does not depend on the languages of the subset.
    """
    import pandas as pd
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    none = pd.Series(dtype=np.int64), np.empty(0, dtype=np.int64)
    if fingerprints is None:
        return none
    text = pd.DataFrame({"language": pairs["language"].to_numpy(), "fingerprint": fingerprints})
    equal = text.duplicated(keep=False).to_numpy()
    if not equal.any():
        return none
    texts = text[equal].groupby(["language", "fingerprint"], sort=False).ngroup().to_numpy()
    pair, names = pd.factorize(pairs["pair_id"].to_numpy()[equal])
    # pairs and texts are the nodes of a graph, and a question is one of its components
    size = len(names) + int(texts.max()) + 1
    edges = coo_array((np.ones(len(pair), dtype=bool), (pair, len(names) + texts)), (size, size))
    component = connected_components(edges, directed=False)[1][: len(names)]
    passage = numbers.get_indexer(
        pairs["passage_id"].to_numpy()[equal][np.unique(pair, return_index=True)[1]]
    )
    table = pd.DataFrame({"question": component, "passage": passage}, index=names)
    table = table[table.groupby("question")["passage"].transform("nunique") > 1]
    answers = table[table["passage"] >= 0].to_numpy(np.int64)
    return table["question"], np.unique(answers[:, 0] << 32 | answers[:, 1])


def _matrix(table: "pd.DataFrame", column: str, ids: Sequence[str], languages: Sequence[str]) -> np.ndarray:
    """Row number of every (id, language); -1: none."""
    import pandas as pd

    rows = np.full((len(ids), len(languages)), -1, dtype=np.int64)
    i = pd.Index(ids).get_indexer(pd.Index(table[column]))
    j = pd.Index(languages).get_indexer(pd.Index(table["language"]))
    known = (i >= 0) & (j >= 0)
    rows[i[known], j[known]] = np.flatnonzero(known)
    return rows


def write(folder: str | Path, subsets: dict[tuple[str, str], Subset], languages: Sequence[str]) -> None:
    """Save the subsets by (source, part), with a readable summary."""
    summary: dict = {"languages": sorted(languages), "sources": {}}
    with atomic(folder) as partial:
        for (source, part), subset in subsets.items():
            path = partial / source / part
            path.mkdir(parents=True)
            for field, array in vars(subset).items():
                if field != "name":
                    np.save(path / f"{field}.npy", array)
            counts = dict(zip(sorted(languages), subset.available.sum(0).tolist(), strict=True))
            summary["sources"].setdefault(source, {})[part] = {
                "pairs": len(subset.queries),
                "in_whole_pool": int(subset.whole.sum()),
                "by_language": counts,
            }
        (partial / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
