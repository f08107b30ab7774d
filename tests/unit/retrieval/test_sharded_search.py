"""Search in shards: the lists of one search over all candidates, to the last bit, in bounded memory."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import langscale.retrieval.search
from langscale.retrieval import sharded_search as shards
from langscale.retrieval.search import top_k

NUMBERS = st.sampled_from((-1, 0, 1))


@st.composite
def problems(draw):
    """Small integers, so that products are exact and ties and equal vectors abound; k and a shard size."""
    d, n, q = draw(st.integers(1, 4)), draw(st.integers(1, 60)), draw(st.integers(1, 6))
    queries = draw(arrays(np.float32, (q, d), elements=NUMBERS))
    candidates = draw(arrays(np.float32, (n, d), elements=NUMBERS))
    return queries, candidates, draw(st.integers(1, 70)), draw(st.integers(1, 61))


def cut(candidates):
    return lambda begin, end: candidates[begin:end]


def same(found, expected):
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, two)


@given(problems(), st.sampled_from([(0, 1), (1, 5), (28, 1 << 22)]))
@settings(max_examples=200, deadline=None)
def test_shards_give_the_head_of_a_sorted_list(problem, limits):
    """Also where FAISS is asked for as little as possible, so that it has to be asked again."""
    queries, candidates, k, size = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(langscale.retrieval.search, "SPARE", limits[0])
        patch.setattr(langscale.retrieval.search, "HITS", limits[1])
        scores, index = shards.search(queries, cut(candidates), len(candidates), k, size)
    for q, row in enumerate(queries @ candidates.T):
        head = sorted(range(len(row)), key=lambda j: (-row[j], j))[:k]
        assert index[q].tolist() == head + [-1] * (k - len(head))
        assert scores[q].tolist() == [row[j] for j in head] + [-np.inf] * (k - len(head))
    same((scores, index), top_k(queries, candidates, k))


@pytest.mark.parametrize("size", [1, 37, 1000, 1024, 2999, 5000])
def test_no_bit_depends_on_the_shards(size):
    """Float vectors of which a third are copies, near and far, and scores that lie within rounding of each
    other.
    """
    rng = np.random.default_rng(0)
    candidates = rng.standard_normal((3000, 100)).astype(np.float32)
    candidates[rng.integers(0, 3000, 1000)] = candidates[rng.integers(0, 3000, 1000)]
    near = candidates[rng.integers(0, 3000, 300)]
    candidates[rng.integers(0, 3000, 300)] = near * (1 + 1e-7 * rng.integers(-3, 4, (300, 1))).astype(
        np.float32
    )
    queries = rng.standard_normal((30, 100)).astype(np.float32)
    expected = top_k(queries, candidates, 150)
    same(shards.search(queries, cut(candidates), 3000, 150, size), expected)
    for q in range(30):  # the order is that of the scores as float32, then of the index
        exact = np.array(
            [(queries[q].astype(float) * row).sum() for row in candidates.astype(float)], np.float32
        )
        assert expected[1][q].tolist() == np.lexsort((np.arange(3000), -exact))[:150].tolist()


@pytest.mark.parametrize("size", [40, 512, 2000])
def test_scores_that_differ_by_less_than_a_product_rounds(size):
    """All candidates are one vector, but for a hundred-thousandth of some numbers: FAISS's own order is
    noise.
    """
    rng = np.random.default_rng(4)
    candidates = np.tile(rng.standard_normal(200).astype(np.float32), (2000, 1))
    places = rng.integers(0, 200, (2000, 5))
    moved = np.take_along_axis(candidates, places, 1)
    np.put_along_axis(candidates, places, moved * rng.choice([0.99999, 1.00001], (2000, 5)).astype("f"), 1)
    queries = candidates[:5] + rng.standard_normal((5, 200)).astype(np.float32) / 10
    exact = np.array(
        [[(q * c).sum() for c in candidates.astype(float)] for q in queries.astype(float)], np.float32
    )
    expected = np.argsort(-exact, axis=1, kind="stable")[:, :60]
    assert min(len(set(row)) for row in exact) > 5  # different scores and equal ones
    found = shards.search(queries, cut(candidates), 2000, 60, size)
    np.testing.assert_array_equal(found[1], expected)
    import faiss

    assert (faiss.knn(queries, candidates, 60, faiss.METRIC_INNER_PRODUCT)[1] != expected).any()


BITS = """
import hashlib
import numpy as np
from langscale.retrieval.search import top_k
rng = np.random.default_rng(1)
queries, candidates = (rng.standard_normal((n, 100)).astype(np.float32) for n in (50, 5003))
print(hashlib.sha256(b"".join(part.tobytes() for part in top_k(queries, candidates, 100))).hexdigest())
"""


def test_no_bit_depends_on_the_kernel():
    found = set()
    for kernel in ("Haswell", "Prescott"):
        environment = os.environ | {"OPENBLAS_CORETYPE": kernel}
        run = subprocess.run([sys.executable, "-c", BITS], env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        found.add(run.stdout)
    assert len(found) == 1


LIMITED = """
import json, resource, sys
import numpy as np
from langscale.retrieval import sharded_search as shards
import faiss
file, queries, size, *cuts = sys.argv[1:]
queries = np.load(queries)
shards.search(queries, shards.stored(file), 1000, 100)  # what libraries allocate once
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + 48 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    np.load(file)
    sys.exit("the corpus fits into the limit")
except MemoryError:
    pass
for i, cut in enumerate(map(int, cuts)):
    scores, index = shards.search(queries, shards.stored(file), int(size), 100, cut)
    np.savez(f"{file}.{i}.npz", scores=scores, index=index)
"""


def test_two_million_vectors_within_48_mb(tmp_path):
    """128 MB of vectors, 48 MB on top of the libraries; one search in memory gives the same lists."""
    n, d = 2_000_000, 16
    rng = np.random.default_rng(2)
    vectors = rng.standard_normal((n, d), dtype=np.float32)
    vectors[rng.integers(0, n, n // 20)] = vectors[rng.integers(0, n, n // 20)]  # ties across shards
    queries = np.concatenate([rng.standard_normal((40, d), dtype=np.float32), vectors[:: n // 40]])
    vectors[1_999_990:] = queries[0] * 9  # ties at the top
    np.save(tmp_path / "v.npy", vectors)
    np.save(tmp_path / "q.npy", queries)
    cuts = (65_536, 150_001)
    words = [tmp_path / "v.npy", tmp_path / "q.npy", n, *cuts]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LIMITED, *map(str, words)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    expected = top_k(queries, vectors, 100)
    assert expected[1][0, :10].tolist() == list(range(1_999_990, 2_000_000))
    for q in (1, 77):
        exact = (vectors.astype(float) @ queries[q].astype(float)).astype(np.float32)
        assert set(expected[1][q, :90]) <= set(np.argpartition(-exact, 99)[:100])
    for i in range(len(cuts)):
        with np.load(f"{tmp_path}/v.npy.{i}.npz") as found:
            same((found["scores"], found["index"]), expected)


def test_a_stopped_search_goes_on_with_the_next_shard(tmp_path):
    rng = np.random.default_rng(3)
    queries, candidates = (rng.standard_normal((n, 8)).astype(np.float32) for n in (20, 1000))
    asked = []

    def stops(begin, end):
        asked.append(begin)
        if begin == 400 and asked.count(400) < 3:
            raise KeyboardInterrupt
        return candidates[begin:end]

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            shards.search(queries, stops, 1000, 10, 200, tmp_path / "s/state.npz")
    found = shards.search(queries, stops, 1000, 10, 200, tmp_path / "s/state.npz")
    same(found, top_k(queries, candidates, 10))
    assert asked == [0, 200, 400, 400, 400, 600, 800]
    assert [f.name for f in (tmp_path / "s").iterdir()] == ["state.npz"]
    same(shards.search(queries, stops, 1000, 10, 200, tmp_path / "s/state.npz"), found)
    assert len(asked) == 7  # nothing is left to do


def test_what_is_no_vector_raises_wherever_it_is():
    candidates = np.ones((100, 3), np.float32)
    candidates[77, 1] = np.nan
    with pytest.raises(ValueError, match="candidates: the embedding in row 7 is NaN or infinite"):
        shards.search(np.ones((2, 3), np.float32), cut(candidates), 100, 5, 35)
    large = np.full((40, 2), 1e30, np.float32)  # its square is infinite, itself it is not
    assert shards.search(np.ones((1, 2), np.float32), cut(large), 40, 5, 9)[1].tolist() == [[0, 1, 2, 3, 4]]
