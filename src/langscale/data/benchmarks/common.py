"""Common parts of the readers of benchmarks: samples, groups, and the three tables in their order.

Queries: question_id, cluster (unit of resampling), language, text, and extra columns of a reader. Candidates:
candidate_id, key, language, text. Qrels: question_id, language of the query, candidate_id.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from langscale.core.errors import UserError
from langscale.core.random import key
from langscale.data.records import Frames

QUESTIONS = ("question_id", "cluster", "language", "text")
CANDIDATES = ("candidate_id", "key", "language", "text")
QRELS = ("question_id", "language", "candidate_id")


def frames(
    queries: Iterable[Sequence], candidates: Iterable[Sequence], relevant: Iterable[Sequence], *more: str
) -> Frames:
    """The tables (queries, candidates, qrels), sorted.

    Rows are in the order of QUESTIONS (and `more`), CANDIDATES and QRELS. Queries are sorted by language,
    then id, and qrels by language, query and candidate. Candidates are sorted by SHA-256 of their id, so that
    neither language nor place decides a tie.
    """
    query_table = pd.DataFrame(queries, columns=[*QUESTIONS, *more])
    pool = sorted(candidates, key=lambda row: hashlib.sha256(row[0].encode()).digest())
    judged = pd.DataFrame(relevant, columns=list(QRELS))
    return (
        query_table.sort_values(["language", "question_id"], ignore_index=True),
        pd.DataFrame(pool, columns=list(CANDIDATES)),
        judged.sort_values(["language", "question_id", "candidate_id"], ignore_index=True),
    )


def sample(name: str, ids: Iterable[str], queries: int | None) -> set[str]:
    """The first `queries` of the distinct ids by hash; None: all. A sample contains all smaller samples.

    Raises UserError for more queries than ids.
    """
    ranked = sorted(set(ids), key=lambda i: (key(name, "question", i), i))
    if queries is not None and not 1 <= queries <= len(ranked):
        raise UserError(f"{name}: questions is {queries}; right: 1 to {len(ranked)}, or null for all")
    return set(ranked[:queries])


def joined(blocks: Sequence[Sequence[str]]) -> list[int]:
    """The group of every block. Blocks with a common member are in one group, also through other blocks.

    Groups are numbered 0, 1, ... by first appearance. In this way the paragraphs with the same queries in
    several languages become one group, whatever their order.
    """
    members = pd.factorize(np.array([member for block in blocks for member in block], dtype=object))[0]
    owners = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    # blocks and members are the nodes of a graph, and a group is one of its components
    size = len(blocks) + members.max(initial=-1) + 1
    edges = coo_array((np.ones(len(members), dtype=bool), (owners, len(blocks) + members)), (size, size))
    component = connected_components(edges, directed=False)[1][: len(blocks)]
    return pd.factorize(component)[0].tolist()


def clusters(blocks: Sequence[Sequence[str]]) -> dict[str, str]:
    """Query id -> the least id of its group. Each block holds the queries of one paragraph."""
    groups: dict[int, set[str]] = {}
    for block, group in zip(blocks, joined(blocks), strict=True):
        groups.setdefault(group, set()).update(block)
    return {i: min(ids) for ids in groups.values() for i in ids}
