"""Nested orders of the training languages, and names of language sets."""

import hashlib
from collections.abc import Sequence

from langscale.core.errors import UserError
from langscale.core.random import stream


def random_ladder(pool: Sequence[str], index: int) -> tuple[str, ...]:
    """Random ladder `index` (1, 2, ...): an order of the pool. Its first n languages are the set at n.

    The pool's first language stays first. The other m are row r of a cyclic Latin square, L[r, c] = symbol[(r
    + shift[c]) mod m]. A stream keyed by the sorted pool shuffles symbols and shifts: over m ladders each
    language stands once at every position. Rows come in van der Corput order, so that in a few ladders each
    language is already early and late about equally often. Ladder m + 1 opens a new square. Two ladders of a
    square share no set at any n from 2 to m, so none is an alias of another. A ladder depends on the set of
    languages, the first one and the index only, so more ladders do not change the earlier ones.

    Raises UserError for a pool with a language twice, ValueError for an empty pool or an index below 1.
    """
    if len(set(pool)) < len(pool):
        raise UserError(f"pool: a language stands twice in {', '.join(pool)}; name each once")
    if not pool or index < 1:
        raise ValueError(f"a ladder needs a pool and an index from 1 on, got {list(pool)} and {index}")
    rest = sorted(pool[1:])
    m = len(rest)
    if m == 0:
        return tuple(pool)
    square, row = divmod(index - 1, m)
    draw = stream("ladder", square, *sorted(pool))
    symbols, shifts = draw.permutation(m), draw.permutation(m)
    while _repeats(shifts.tolist()):
        shifts = draw.permutation(m)
    row = _van_der_corput(m)[row]
    return (pool[0], *(rest[symbols[(row + shift) % m]] for shift in shifts))


def _repeats(shifts: list[int]) -> bool:
    """Whether the first c shifts plus some d are the same set, c < m: rows r and r + d would share it."""
    m = len(shifts)
    heads = [set(shifts[:c]) for c in range(1, m)]
    # A set that returns after d returns after gcd(d, m) too: the divisors of m are all that need a look.
    return any({(s + d) % m for s in head} == head for d in range(1, m) if m % d == 0 for head in heads)


def _van_der_corput(m: int) -> list[int]:
    """0 .. m - 1 in the order of floor(m x), x = 0, 1/2, 1/4, 3/4, 1/8, ...: mirrored bits of 0, 1, 2, ..."""
    bits = max(m - 1, 1).bit_length()
    mirrored = (int(f"{i:0{bits}b}"[::-1], 2) for i in range(2**bits))
    return list(dict.fromkeys(m * i >> bits for i in mirrored))


def set_id(languages: Sequence[str]) -> str:
    """Eight hex digits for a set of languages: sha256 of the sorted codes joined by commas."""
    return hashlib.sha256(",".join(sorted(languages)).encode()).hexdigest()[:8]
