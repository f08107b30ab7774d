"""Named streams: known by their names, on every machine."""

import hashlib

from langscale.core.random import key, stream


def test_streams_are_known_by_their_names():
    assert key("abc") == int.from_bytes(bytes.fromhex("ba7816bf8f01cfea"), "little")
    assert key("dropout", 1, 20) == key("dropout", "1", "20") != key("dropout", 12, 0)
    assert key("a", 1) == int.from_bytes(hashlib.sha256(b"a\x1f1").digest()[:8], "little")
    first = stream("pairs", 1, 0)
    drawn = first.random(5).tolist()
    assert stream("pairs", 1, 0).random(5).tolist() == drawn
    for other in (("pairs", 2, 0), ("pairs", 1, 1), ("source", 1, 0), ("pairs1", 0)):
        assert stream(*other).random(5).tolist() != drawn
