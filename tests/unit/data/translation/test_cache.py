"""The translation memory: what is kept, for whom, and a broken shard."""

import pytest
from support.kept_shards import state

from langscale.core.errors import UserError
from langscale.data.translation.cache import Memory


def test_other_models_and_languages_share_nothing(tmp_path):
    one = Memory(tmp_path, "m", "en", "de")
    one.add({"a": "A", "b": "B"})
    assert one.known(["b", "c", "a"]) == {"b": "B", "a": "A"}
    for other in (("n", "en", "de"), ("m", "en", "zh"), ("m", "de", "de")):
        assert Memory(tmp_path, *other).known(["a", "b"]) == {}
    assert len({Memory(tmp_path, *facts).key("a") for facts in (("m", "en", "de"), ("m", "en", "zh"))}) == 2


def test_a_shard_is_never_written_again(tmp_path):
    memory = Memory(tmp_path, "m", "en", "de")
    memory.add({"a": "A", "b": "B"})
    before = state(tmp_path)
    memory.add({"b": "other", "a": "other"})
    assert state(tmp_path) == before
    # two jobs at a time may have kept a text twice: the same one counts whoever asks
    memory.add({"a": "third"})
    assert len(state(tmp_path)) == 2
    assert len({memory.known(texts)["a"] for texts in (["a"], ["b", "a"], ["a", "b"])}) == 1


def test_a_broken_shard_is_named(tmp_path):
    memory = Memory(tmp_path, "m", "en", "de")
    memory.add({"a": "A"})
    (shard,) = tmp_path.rglob("*.parquet")
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(UserError, match=rf"{shard.name}.*delete it"):
        memory.known(["a"])
