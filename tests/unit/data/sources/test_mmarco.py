"""mMARCO on small files of its format against a slow reference, and its memory on files beyond the bound."""

import os
import random
import re
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.project_copy import ROOT
from support.raw_files import put

from langscale.core.errors import UserError
from langscale.core.random import key
from langscale.data.sources import mmarco

SIZE = 400  # passages; queries are 1000, 1001, ...


def write(raw, triples, languages=("en", "de"), missing=()):
    put(raw, mmarco.MMARCO.files(["en"])[-1], "".join(f"{q}\t{p}\t{n}\n" for q, p, n in triples))
    for code in languages:
        collection, queries, _ = mmarco.MMARCO.files([code])
        lines = [f"{i}\t{code} passage  {i}\n" for i in range(SIZE) if (code, i) not in missing]
        put(raw, collection, "".join(lines))
        lines = [f"{q}\t{code} query {q} \n" for q in sorted({q for q, _, _ in triples}, reverse=True)]
        put(raw, queries, "".join(lines))


def random_triples(count, seed=0):
    """Queries with one to three positives, which some queries share."""
    draw = random.Random(seed)
    positives = {q: draw.choices(range(SIZE // 2), k=draw.choice([1, 1, 1, 3])) for q in range(1000, 1100)}
    queries = draw.choices(sorted(positives), k=count)
    return [(q, draw.choice(positives[q]), draw.randrange(SIZE)) for q in queries]


def mixed(seed, *values):
    """splitmix64's finaliser in Python's integers."""
    mask, state = 2**64 - 1, seed
    for value in values:
        state = ((state ^ value) + 0x9E3779B97F4A7C15) & mask
        state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & mask
        state = ((state ^ state >> 27) * 0x94D049BB133111EB) & mask
        state ^= state >> 31
    return state


def reference(triples, part, pairs, seed):
    """The choice in plain Python: components by walking, parts by hash, the lowest hashes."""
    neighbours = defaultdict(set)
    for q, p, _ in triples:
        neighbours["q", q].add(("p", p))
        neighbours["p", p].add(("q", q))

    def validates(passage):
        reached, front = {("p", passage)}, [("p", passage)]
        while front:
            front = [n for node in front for n in neighbours[node] if n not in reached]
            reached.update(front)
        queries = [i for kind, i in reached if kind == "q"]
        kind, name = ("group", min(queries)) if queries else ("passage", passage)
        return mixed(key("mmarco", "part", kind), name) < mmarco.SHARE * 2**64

    drawn = {
        (q, p, n): mixed(key("mmarco", "sample", seed), q, p, n)
        for q, p, n in triples
        if validates(p) == validates(n) == (part == "validation")
    }
    return sorted(drawn, key=drawn.get)[:pairs]


TRIPLES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 15), st.integers(0, 20)), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(TRIPLES, st.integers(1, 40), st.integers(0, 1), st.sampled_from(["train", "validation"]))
def test_choice_is_the_reference(tmp_path_factory, triples, pairs, seed, part):
    """Streamed in chunks of seven triples, half of the groups validating."""
    path = tmp_path_factory.mktemp("triples") / "triples.tsv"
    path.write_text("".join(f"{q}\t{p}\t{n}\n" for q, p, n in triples))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mmarco, "SHARE", 0.5)
        patch.setattr(mmarco, "CHUNK", 7)
        found = mmarco.choose(path, part, pairs, seed)
        assert [tuple(triple) for triple in found.tolist()] == reference(triples, part, pairs, seed)


def test_tables_by_hand(tmp_path, monkeypatch):
    """A pair is a triple, the same in all languages; texts are those of the ids; nothing else is returned."""
    monkeypatch.setattr(mmarco, "SHARE", 0.2)
    triples = random_triples(3000)
    write(tmp_path, triples, missing={("de", i) for i in range(0, SIZE, 9)})
    seen = {}
    for part in ("train", "validation"):
        chosen = reference(triples, part, 150, 4)
        pairs, passages = mmarco.build(part, ["en", "tr", "de"], tmp_path, 150, 4)
        rows = [
            (f"mmarco:{q}-{p}-{n}", code, f"{code} query {q}", f"mmarco:{p}", [f"mmarco:{n}"])
            for code in ("de", "en")
            for q, p, n in chosen
            if code == "en" or p % 9
        ]
        assert [tuple(row) for row in pairs.values.tolist()] == sorted(rows, key=lambda row: (row[1], row[0]))
        ids = {i for _, p, n in chosen for i in (p, n)}
        texts = [
            (f"mmarco:{i}", c, f"{c} passage {i}") for c in ("de", "en") for i in ids if c == "en" or i % 9
        ]
        assert [tuple(row) for row in passages.values.tolist()] == sorted(
            texts, key=lambda row: (row[1], row[0])
        )
        seen[part] = ids
    assert seen["validation"] and not seen["train"] & seen["validation"]


def test_languages_one_by_one_are_the_same(tmp_path):
    write(tmp_path, random_triples(500))
    whole = mmarco.build("train", ["de", "en"], tmp_path, 60)
    single = [mmarco.build("train", [code], tmp_path, 60) for code in ("de", "en")]
    for table, *its in zip(whole, *single, strict=True):
        assert table.values.tolist() == [row for one in its for row in one.values.tolist()]


def test_samples_are_nested(tmp_path):
    write(tmp_path, random_triples(2000))
    ids = [
        set(mmarco.build("train", ["en"], tmp_path, n, s)[0]["pair_id"])
        for n, s in ((50, 0), (400, 0), (50, 1))
    ]
    assert [len(its) for its in ids] == [50, 400, 50] and ids[0] < ids[1] and ids[2] != ids[0]


def test_shares_at_the_real_share(tmp_path):
    """Two percent of groups and passages validate, and 4 % of the triples are left out."""
    draw = random.Random(1)
    path = tmp_path / "triples.tsv"
    lines = [f"{q}\t{q}\t{draw.randrange(30_000, 60_000)}\n" for q in range(30_000)]
    path.write_text("".join(lines))
    train, validation = (len(mmarco.choose(path, part, 10**6, 0)) for part in ("train", "validation"))
    assert abs(train / 30_000 - 0.98**2) < 0.005 and 0 < validation < 30
    validates = mmarco._validates(path)
    assert abs(np.mean(validates[:30_000]) - 0.02) < 0.003 and abs(np.mean(validates[30_000:]) - 0.02) < 0.003


def test_errors(tmp_path):
    write(tmp_path, random_triples(50))
    with pytest.raises(
        UserError, match=r"^sources.mmarco.pairs: give a number; all 39,780,811 triples do not fit"
    ):
        mmarco.build("train", ["en"], tmp_path)
    with pytest.raises(UserError, match="^mmarco has none of the languages th tr; it has "):
        mmarco.build("train", ["th", "tr"], tmp_path, 5)
    with pytest.raises(UserError, match="^mmarco: it has no part test"):
        mmarco.build("test", ["en"], tmp_path, 5)
    collection, _, triples = mmarco.MMARCO.files(["de"])
    path = put(tmp_path, collection, "0\tpassage\nno tab\n")
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: line 2: not `id <tab> text`: b'no tab"):
        mmarco.build("train", ["de"], tmp_path, 5)
    for content in ("1\t2\tx\n", "1\t2\t3\n1\t2\n", "1\t2\t3\n1\t2\t3\t4\n"):
        path = put(tmp_path, triples, content)
        with pytest.raises(
            UserError, match=rf"^mmarco: {re.escape(str(path))}: lines must be three ids with tabs"
        ):
            mmarco.build("train", ["en"], tmp_path, 5)
    path = put(tmp_path, triples, "1\t2\n")
    with pytest.raises(
        UserError, match=rf"^mmarco: {re.escape(str(path))} has 2 columns; right: query, positive, "
    ):
        mmarco.build("train", ["en"], tmp_path, 5)


MEASURE = """
import re, sys
from langscale.data.sources import mmarco
mmarco.CHUNK = 1 << 15
# not ru_maxrss, which begins with the peak of the parent process
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) / 1024  # MB
mmarco.build("train", ["en"], sys.argv[2], 20)  # warm: imports and what readers allocate once
before = peak()
pairs, passages = mmarco.build("train", ["en"], sys.argv[1], 20)
assert len(pairs) == 20, len(pairs)
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_files(tmp_path):
    """160 MB of passages and a million triples are read with 40 MB more than small files at most."""
    small, large = tmp_path / "small", tmp_path / "large"
    write(small, random_triples(70_000), ["en"])
    collection, queries, triples = mmarco.MMARCO.files(["en"])
    text = "words " * 270
    put(large, collection, "")
    with (large / collection.path).open("w") as file:
        for i in range(100_000):
            file.write(f"{i}\t{text}{i}\n")
    assert (large / collection.path).stat().st_size > 160e6
    numbers = np.random.default_rng(0).integers(0, 100_000, (500_000, 2))
    numbers = np.column_stack([1000 + numbers[:, 0] % 50_000, numbers[:, 0], numbers[:, 1]])
    lines = "".join(f"{q}\t{p}\t{n}\n" for q, p, n in numbers.tolist())
    put(large, triples, lines + lines)
    put(large, queries, "".join(f"{q}\tquery {q}\n" for q in range(1000, 51_000)))
    command = [sys.executable, "-c", MEASURE, str(large), str(small)]
    here = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=here)
    assert float(done.stdout) < 40, done.stdout
