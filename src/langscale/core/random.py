"""Named random streams: every draw is keyed by what defines it, never by when or where it is made."""

import hashlib

import numpy as np


def key(*parts: object) -> int:
    """A 64-bit integer from the parts' texts, the same on every machine and in every Python process.

    The parts are joined with an unprintable separator, so that ("a", "bc") and ("ab", "c") differ.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def stream(*parts: object) -> np.random.Generator:
    """The generator of one named stream, such as `stream("pairs", seed, step)`."""
    return np.random.Generator(np.random.PCG64(key(*parts)))
