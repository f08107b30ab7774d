"""Groups of blocks that share members, against the obvious way of finding them."""

from hypothesis import example, given
from hypothesis import strategies as st

from langscale.data.benchmarks.common import clusters, joined

BLOCKS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=8)


def by_merging(blocks):
    """Sets of block numbers, merged as long as two of them share a member."""
    groups = [{i} for i in range(len(blocks))]

    def members(group):
        return {member for i in group for member in blocks[i]}

    while True:
        pairs = [(a, b) for a in groups for b in groups if a is not b and members(a) & members(b)]
        if not pairs:
            return groups
        a, b = pairs[0]
        groups = [group for group in groups if group is not a and group is not b] + [a | b]


@given(BLOCKS)
@example([])
@example([[], ["a"], []])
def test_blocks_that_share_a_member_are_one_group(blocks):
    found = joined(blocks)
    groups = {number: {i for i, n in enumerate(found) if n == number} for number in found}
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, by_merging(blocks)))
    assert list(dict.fromkeys(found)) == list(range(len(groups)))  # numbered by first appearance


@given(BLOCKS)
def test_a_cluster_is_named_by_its_least_member(blocks):
    expected = {}
    for group in by_merging(blocks):
        inside = {member for i in group for member in blocks[i]}
        expected |= {member: min(inside) for member in inside}
    assert clusters(blocks) == expected
