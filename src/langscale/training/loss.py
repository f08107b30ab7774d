"""InfoNCE over a batch, with the positives of a query masked in every language."""

import torch
from torch import Tensor


def allowed(
    passages: Tensor,
    fingerprints: Tensor,
    owner: Tensor,
    size: int,
    hard_only: bool = False,
    others: Tensor | None = None,
) -> Tensor:
    """Documents in the denominator of each of the `size` queries: bool [B, D], its own positive included.

    passages: int64 [D], language-free passage id of every document, the B positives first, then hard
    negatives; fingerprints: int64 [D], hashes of their texts; owner: int64 [D], the query of each document;
    others: bool [B, D], documents that answer the query through another pair (None: none). A document is
    masked if its passage id is a positive of the query, in any language, or if its text equals the
    positive's (docs/METHOD.md, Loss). `hard_only` keeps only the positive and the hard negatives of the
    query: equation 1 of arXiv:2408.10536 as printed.
    """
    queries = torch.arange(size, device=passages.device)
    keep = (passages != passages[:size, None]) & (fingerprints != fingerprints[:size, None])
    if others is not None:
        keep &= ~others
    if hard_only:
        keep &= owner == queries[:, None]
    keep[queries, queries] = True
    return keep


def info_nce(queries: Tensor, documents: Tensor, keep: Tensor, scale: float) -> Tensor:
    """Mean over the queries of -log softmax(scale * cosine) at the positive (van den Oord et al. 2018,
    equation 4).

    queries: [B, d], documents: [D, d], both unit vectors; document i is the positive of query i; keep: bool
    [B, D].
    """
    scores = (scale * queries @ documents.T).masked_fill(~keep, float("-inf"))
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(queries), device=scores.device))
