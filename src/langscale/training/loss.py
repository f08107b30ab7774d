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
    """Which documents each of the `size` queries is compared with: bool [B, D], its own positive included.

    passages: int64 [D], language-free passage id of every document, the B positives first, then hard negatives;
    fingerprints: int64 [D] of their texts; owner: int64 [D], the query that each was drawn for; others: bool [B, D],
    documents that answer the query through another pair (None: there are none). A document is left out if its
    passage id is a positive of the query, in any language, or its text equals the positive's (docs/METHOD.md, Loss).
    `hard_only` keeps just the positive and the query's own hard negatives: equation 1 of
    arXiv:2408.10536 as printed.
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
    """Mean over the queries of -log softmax(scale * cosine) at the positive (van den Oord et al. 2018, equation 4).

    queries: [B, d], documents: [D, d], both unit vectors; document i is the positive of query i; keep: bool [B, D].
    """
    scores = (scale * queries @ documents.T).masked_fill(~keep, float("-inf"))
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(queries), device=scores.device))
