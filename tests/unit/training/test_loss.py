import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from langscale.training.loss import allowed, info_nce


@st.composite
def batches(draw):
    """(passages, fingerprints, owner, size, others, vectors): few passage ids and texts, so that many
    coincide.
    """
    size, hard = draw(st.integers(1, 6)), draw(st.integers(0, 2))
    owner = list(range(size)) + [q for q in range(size) for _ in range(hard) if draw(st.booleans())]
    few = st.lists(st.integers(0, 4), min_size=len(owner), max_size=len(owner))
    vectors = np.random.default_rng(draw(st.integers(0, 10**6))).normal(size=(size + len(owner), 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    row = st.lists(st.booleans(), min_size=len(owner), max_size=len(owner))
    others = draw(st.none() | st.lists(row, min_size=size, max_size=size))
    return draw(few), draw(few), owner, size, others, vectors


def compared(passages, prints, owner, size, hard_only, others=None):
    """Slow twin of `allowed`: the documents of each query."""
    return [
        [
            d
            for d in range(len(owner))
            if d == q
            or not (
                passages[d] == passages[q]
                or prints[d] == prints[q]
                or (hard_only and owner[d] != q)
                or (others and others[q][d])
            )
        ]
        for q in range(size)
    ]


def by_loops(queries, documents, kept, scale):
    """Slow twin of `info_nce`, in Python's floats."""
    total = 0.0
    for q, query in enumerate(queries):
        scores = {d: scale * sum(a * b for a, b in zip(query, documents[d], strict=True)) for d in kept[q]}
        total += -math.log(math.exp(scores[q]) / sum(math.exp(score) for score in scores.values()))
    return total / len(queries)


def masks(passages, prints, owner, size, hard_only, others=None):
    others = None if others is None else torch.tensor(others)
    return allowed(torch.tensor(passages), torch.tensor(prints), torch.tensor(owner), size, hard_only, others)


@settings(max_examples=150, deadline=None)
@given(batches(), st.booleans(), st.sampled_from([1.0, 20.0, 100.0]))
def test_agrees_with_loops(batch, hard_only, scale):
    passages, prints, owner, size, others, vectors = batch
    keep = masks(passages, prints, owner, size, hard_only, others)
    kept = compared(passages, prints, owner, size, hard_only, others)
    assert [torch.nonzero(row).flatten().tolist() for row in keep] == kept
    queries, documents = vectors[:size], vectors[size:]
    loss = info_nce(torch.from_numpy(queries), torch.from_numpy(documents), keep, scale)
    assert loss.item() == pytest.approx(by_loops(queries, documents, kept, scale), rel=1e-9, abs=1e-12)
    single = info_nce(torch.from_numpy(queries).float(), torch.from_numpy(documents).float(), keep, scale)
    assert single.item() == pytest.approx(loss.item(), rel=1e-4, abs=1e-4)


def test_what_is_masked():
    # documents: positives of queries 0-2, then hard negatives of queries 0, 1, 2
    passages = [7, 7, 8, 8, 9, 7]  # 0 and 1 share a passage, in two languages say
    prints = [1, 2, 3, 4, 2, 6]  # the hard negative of query 1 reads as its positive does
    owner = [0, 1, 2, 0, 1, 2]
    assert masks(passages, prints, owner, 3, False).int().tolist() == [
        [1, 0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0, 0],
        [1, 1, 1, 0, 1, 1],
    ]
    assert masks(passages, prints, owner, 3, True).int().tolist() == [
        [1, 0, 0, 1, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 1],
    ]


def test_hard_only_is_equation_1():
    """-log(exp(s(q, d+)) / (exp(s(q, d+)) + sum over the query's own d- of exp(s(q, d-)))),
    arXiv:2408.10536.
    """
    draw = np.random.default_rng(0)
    vectors = torch.nn.functional.normalize(torch.from_numpy(draw.normal(size=(12, 4))), dim=1)
    queries, positives, negatives = vectors[:3], vectors[3:6], vectors[6:].reshape(3, 2, 4)
    owner = [0, 1, 2, 0, 0, 1, 1, 2, 2]
    keep = masks(list(range(9)), list(range(9)), owner, 3, True)
    loss = info_nce(queries, torch.cat([positives, negatives.reshape(6, 4)]), keep, 20.0)
    top = torch.exp(20 * (queries * positives).sum(1))
    low = torch.exp(20 * torch.einsum("qd,qhd->qh", queries, negatives)).sum(1)
    assert loss.item() == pytest.approx(-torch.log(top / (top + low)).mean().item(), rel=1e-12)


def test_known_values():
    one = torch.eye(4)[[0, 0, 0]]
    everything = torch.ones(3, 5, dtype=torch.bool)
    equal = torch.eye(4)[[0] * 5]
    assert info_nce(one, equal, everything, 20.0).item() == pytest.approx(math.log(5))
    alone = masks([1, 1, 1], [1, 1, 1], [0, 1, 2], 3, False)
    assert info_nce(one, equal[:3], alone, 20.0).item() == 0
    apart = torch.eye(4)[:2]
    expected = math.log(1 + math.exp(-20))  # cosine 1 with the positive, 0 with the other
    keep = torch.ones(2, 2, dtype=torch.bool)
    assert info_nce(apart.double(), apart.double(), keep, 20.0).item() == pytest.approx(expected)


def test_gradient_is_right_and_does_not_reach_what_is_masked():
    draw = np.random.default_rng(1)
    vectors = torch.from_numpy(draw.normal(size=(9, 4)))
    passages, prints, owner = [0, 1, 2, 0, 4], [0, 1, 2, 3, 4], [0, 1, 2, 1, 2]
    keep = masks(passages, prints, owner, 3, False)
    keep[1:, 3] = False  # now no query is compared with document 3
    unit = torch.nn.functional.normalize(vectors, dim=1)
    queries, documents = unit[:3].clone().requires_grad_(), unit[3:8].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda q, d: info_nce(q, d, keep, 5.0), (queries, documents))
    info_nce(queries, documents, keep, 5.0).backward()
    reached = documents.grad.abs().sum(1) > 0
    assert reached.tolist() == [True, True, True, False, True]
    assert (queries.grad.abs().sum(1) > 0).all()
    assert torch.isfinite(queries.grad).all() and torch.isfinite(documents.grad).all()
