"""What the readers of downloaded benchmarks share: samples, groups, and the three tables in their order."""

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
    questions: Iterable[Sequence], candidates: Iterable[Sequence], relevant: Iterable[Sequence], *more: str
) -> Frames:
    """(questions, candidates, qrels) of rows in the order of QUESTIONS (and `more`), CANDIDATES and QRELS.

    Questions are sorted by language, then id; candidates by SHA-256 of their id, the pool order, so that a
    tie is not decided by language or place; qrels by language, question and candidate.
    """
    asked = pd.DataFrame(questions, columns=[*QUESTIONS, *more])
    pool = sorted(candidates, key=lambda row: hashlib.sha256(row[0].encode()).digest())
    judged = pd.DataFrame(relevant, columns=list(QRELS))
    return (
        asked.sort_values(["language", "question_id"], ignore_index=True),
        pd.DataFrame(pool, columns=list(CANDIDATES)),
        judged.sort_values(["language", "question_id", "candidate_id"], ignore_index=True),
    )


def sample(name: str, ids: Iterable[str], questions: int | None) -> set[str]:
    """The first `questions` of the distinct ids by hash, None for all, so that a sample contains all smaller
    ones.

    Raises UserError for more than there are.
    """
    ranked = sorted(set(ids), key=lambda i: (key(name, "question", i), i))
    if questions is not None and not 1 <= questions <= len(ranked):
        raise UserError(f"{name}: questions is {questions}; right: 1 to {len(ranked)}, or null for all")
    return set(ranked[:questions])


def joined(blocks: Sequence[Sequence[str]]) -> list[int]:
    """The group of every block: blocks that share a member, if only through others, are of one group.

    Groups are numbered 0, 1, ... by first appearance. So the paragraphs that hold the same questions in
    several languages become one, without a need for them to be in the same order.
    """
    members = pd.factorize(np.array([member for block in blocks for member in block], dtype=object))[0]
    owners = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    # blocks and members are the nodes of a graph, and a group is one of its components
    size = len(blocks) + members.max(initial=-1) + 1
    edges = coo_array((np.ones(len(members), dtype=bool), (owners, len(blocks) + members)), (size, size))
    component = connected_components(edges, directed=False)[1][: len(blocks)]
    return pd.factorize(component)[0].tolist()


def clusters(blocks: Sequence[Sequence[str]]) -> dict[str, str]:
    """Question id -> the least id of its group, where each block holds the questions of one paragraph."""
    groups: dict[int, set[str]] = {}
    for block, group in zip(blocks, joined(blocks), strict=True):
        groups.setdefault(group, set()).update(block)
    return {i: min(ids) for ids in groups.values() for i in ids}
