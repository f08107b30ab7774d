from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langscale.core.errors import UserError
from langscale.design.ladders import _van_der_corput, random_ladder, set_id

POOL = ["en", "ar", "zh", "de", "hi", "ru", "es", "th", "tr"]
pools = st.lists(st.text("abcdefgh", min_size=2, max_size=3), min_size=1, max_size=20, unique=True)


@given(pools)
def test_a_full_set_of_ladders_has_each_language_once_at_every_position(pool):
    m = len(pool) - 1
    for first in (1, m + 1):
        ladders = [random_ladder(pool, first + i) for i in range(max(m, 1))]
        assert {ladder[0] for ladder in ladders} == {pool[0]}
        for column in list(zip(*ladders, strict=True))[1:]:
            assert sorted(column) == sorted(pool[1:])


@given(pools, st.integers(1, 60), st.randoms())
def test_a_ladder_depends_on_the_set_of_the_rest_and_the_index_only(pool, index, random):
    ladder = random_ladder(pool, index)
    assert sorted(ladder) == sorted(pool)
    rest = pool[1:]
    random.shuffle(rest)
    assert random_ladder([pool[0], *rest], index) == ladder


@given(pools)
def test_no_two_ladders_of_a_square_share_a_set_inside_the_ladder(pool):
    ladders = [random_ladder(pool, i) for i in range(1, len(pool))]
    for n in range(2, len(pool)):
        assert len({set_id(ladder[:n]) for ladder in ladders}) == len(pool) - 1


def test_known_ladders():
    # Pinned: a changed ladder silently changes every study that has been run.
    assert random_ladder(POOL, 1) == ("en", "es", "hi", "zh", "de", "th", "tr", "ar", "ru")
    assert random_ladder(POOL, 2) == ("en", "th", "de", "ru", "hi", "es", "ar", "tr", "zh")
    assert random_ladder(POOL, 9) == ("en", "tr", "zh", "hi", "es", "th", "ru", "de", "ar")
    assert random_ladder(["en"], 7) == ("en",)


def test_another_square_and_another_pool_are_another_draw():
    assert random_ladder(POOL, 9)[1:] not in [random_ladder(POOL, i)[1:] for i in range(1, 9)]
    other = [*POOL[:-1], "vi"]
    renamed = [tuple(c.replace("vi", "tr") for c in random_ladder(other, i)) for i in range(1, 9)]
    assert set(renamed) != {random_ladder(POOL, i) for i in range(1, 9)}


def test_a_few_ladders_cover_the_pool_evenly(monkeypatch):
    def spread():
        """Mean of (most - fewest) times that a language is in the first four, over four ladders."""
        total = 0
        for i in range(200):
            pool = ["en", *(f"{c}{i}" for c in "abcdefgh")]
            heads = [code for k in range(1, 5) for code in random_ladder(pool, k)[1:4]]
            counts = [heads.count(code) for code in pool[1:]]
            total += max(counts) - min(counts)
        return total / 200

    # Rows 0 4 2 6: 1 or 2 times each, but 0 or 3 where the three shifts are all even or all odd, 1 in 7.
    bound = 1 + 2 / 7 + 0.1
    assert spread() < bound
    monkeypatch.setattr("langscale.design.ladders._van_der_corput", lambda m: list(range(m)))
    assert spread() > bound


def test_van_der_corput_order():
    assert _van_der_corput(8) == [0, 4, 2, 6, 1, 5, 3, 7]
    assert _van_der_corput(1) == [0]
    for m in range(1, 140):
        assert sorted(_van_der_corput(m)) == list(range(m))
    for k in range(1, 7):
        assert sorted(_van_der_corput(64)[: 2**k]) == list(range(0, 64, 64 // 2**k))


def test_ladder_mistakes_are_named():
    with pytest.raises(UserError, match="twice in en, de, en"):
        random_ladder(["en", "de", "en"], 1)
    for pool, index in (([], 1), (POOL, 0)):
        with pytest.raises(ValueError, match="from 1 on"):
            random_ladder(pool, index)


def test_set_id_is_the_hash_of_the_sorted_codes():
    # printf en | sha256sum; printf ar,de,en | sha256sum
    assert set_id(["en"]) == "dbd3a49d"
    assert set_id(["en", "ar", "de"]) == set_id(("de", "en", "ar")) == "e51e35b3"
    assert len({set_id(c) for n in range(1, 10) for c in combinations(POOL, n)}) == 511
