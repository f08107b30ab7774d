from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langscale.config.sampler import KINDS, Kind, Spec, directions, reduce
from langscale.core.errors import UserError
from langscale.training.batches import Sampler, SourceIndex

CODES = ["en", "ar", "de", "es", "hi", "ru", "th", "tr", "zh"]
CONTROLS = list(product(("example", "batch"), (False, True), ("all", "en-centric", "ring")))
SPECS = [Spec(kind) for kind in ("en-en", "x-x", "x-x-mono")]
SPECS += [Spec("x-y", None, *control) for control in CONTROLS]
SPECS += [Spec("hybrid", alpha, *control) for alpha in (0.0, 0.3, 1.0) for control in CONTROLS]


def test_canonical_names():
    names = {
        "x-x-mono": Spec("x-x-mono"),
        "x-y": Spec("x-y"),
        "x-y-batch": Spec("x-y", pair="batch"),
        "x-y-same": Spec("x-y", allow_same=True),
        "x-y-en-centric": Spec("x-y", directions="en-centric"),
        "x-y-batch-same-ring": Spec("x-y", pair="batch", allow_same=True, directions="ring"),
        "hybrid-0.5": Spec("hybrid"),
        "hybrid-1": Spec("hybrid", 1),
        "hybrid-0.25-batch": Spec("hybrid", 0.25, "batch"),
    }
    assert {name: Spec.parse(name) for name in names} == names
    assert [spec.name for spec in names.values()] == list(names)
    assert Spec.parse("hybrid") == Spec.parse("hybrid-.5") == Spec("hybrid", 0.5)
    assert Spec.parse({"kind": "hybrid", "alpha": 1, "pair": "batch"}).name == "hybrid-1-batch"


@given(st.floats(0, 1), st.sampled_from(CONTROLS))
def test_a_name_reads_back_as_its_spec(alpha, control):
    for spec in (*SPECS, Spec("hybrid", alpha, *control)):
        assert Spec.parse(spec.name) == spec
    assert len({spec.name for spec in SPECS}) == len(SPECS)


def test_wrong_options_are_named_on_one_line():
    wrong = [
        ("y-x", "'y-x' is unknown; en-en, x-x, x-x-mono, x-y, hybrid, hybrid-0.25, x-y-batch are known"),
        ("x-y-ring-batch", "'x-y-ring-batch' is unknown"),
        ("hybrid-", "'hybrid-' is unknown"),
        ("x-y-0.5", r"x-y: it has no alpha \(found 0.5\)"),
        ("x-x-mono-batch", r"x-x-mono: it has no pair \(found 'batch'\); x-y and hybrid have"),
        ("hybrid-1.5", "hybrid: alpha is 1.5; a number from 0 to 1 is right"),
        ({"kind": "hybrid", "alpha": "half"}, "hybrid: alpha is 'half'"),
        ({"kind": "hybrid", "alpha": float("nan")}, "hybrid: alpha is nan"),
        ({"kind": "x-y", "pair": "batches"}, "pair is 'batches'; example, batch are right"),
        ({"kind": "x-y", "directions": "star"}, "directions is 'star'; all, en-centric, ring are right"),
        ({"kind": "x-y", "allow_same": "yes"}, "allow_same is 'yes'; False, True are right"),
        (
            {"kind": "x-x", "allow_same": True},
            r"x-x: it has no allow_same \(found True\); x-y and hybrid have",
        ),
        ({"kind": "x-y", "ring": 1}, "nor a mapping of kind and any of alpha, pair, allow_same, directions"),
        ({"pair": "batch"}, "neither a name nor a mapping of kind"),
        (None, "None: neither a name nor a mapping"),
    ]
    for value, message in wrong:
        with pytest.raises(UserError, match=message) as error:
            Spec.parse(value)
        assert "\n" not in str(error.value)


def test_directions():
    four = ["de", "en", "es", "zh"]
    assert directions(Spec("en-en"), four) == [("en", "en")]
    assert directions(Spec("x-x-mono"), four) == directions(Spec("x-x"), four) == [(c, c) for c in four]
    every = {(q, d) for q in four for d in four if q != d}
    for kind in ("x-y", "hybrid"):
        assert directions(Spec(kind), four) == sorted(every)
        assert directions(Spec(kind, allow_same=True), four) == sorted(every | {(c, c) for c in four})
        centric = directions(Spec(kind, directions="en-centric"), four)
        assert len(centric) == 6 and set(centric) == {pair for pair in every if "en" in pair}
        ring = [("de", "en"), ("en", "es"), ("es", "zh"), ("zh", "de")]
        assert directions(Spec(kind, directions="ring"), ["zh", "es", "en", "de"]) == ring
        assert directions(Spec(kind), ["th"]) == [("th", "th")]
    for n in range(2, 10):
        codes = CODES[:n]
        counts = [len(directions(Spec("x-y", directions=d), codes)) for d in ("all", "en-centric", "ring")]
        assert counts == [n * (n - 1), 2 * (n - 1), n]
    with pytest.raises(UserError, match="x-y-en-centric: en is not among de, zh"):
        directions(Spec("x-y", directions="en-centric"), ["de", "zh"])


def test_reduce():
    three = ("de", "en", "zh")
    mono = Spec("x-x-mono")
    assert reduce(Spec("en-en"), three) == (mono, ("en",))
    assert reduce(Spec("hybrid", 1.0, "batch"), ["zh", "en", "de"]) == (mono, three)
    assert reduce(Spec("hybrid", 0.0, "batch"), three) == (Spec("x-y", pair="batch"), three)
    assert {reduce(spec, ["de"]) for spec in SPECS if spec.kind != "en-en"} == {(mono, ("de",))}
    for directions_ in ("all", "en-centric", "ring"):
        spec = Spec("x-y", pair="batch", directions=directions_)
        assert reduce(spec, ["zh", "en"]) == (Spec("x-y", pair="batch"), ("en", "zh"))
        assert reduce(spec, three) == (spec, three)
    assert reduce(Spec("x-y", directions="ring"), ["zh", "de"])[0] == Spec("x-y")
    for spec in (Spec("x-x"), Spec("x-y", allow_same=True), Spec("hybrid", 0.3)):
        assert reduce(spec, ["en", "zh"]) == (spec, ("en", "zh"))


def test_what_reduce_keeps_apart_differs():
    codes = sorted(CODES[:3])
    left = {reduce(spec, codes) for spec in SPECS}
    keys = set()
    for spec, fewer in left:
        source = SourceIndex("full", np.ones((1000, len(fewer)), dtype=bool))
        sampler = Sampler(spec, fewer, [source], 20, 0)
        batches = [sampler.batch(step) for step in range(20)]
        code = np.array(fewer)
        keys.add(str([(code[b.query_language].tolist(), code[b.passage_language].tolist()) for b in batches]))
    assert len(keys) == len(left) == 1 + 1 + 1 + 2 * len(CONTROLS)


def test_samplers_that_pair_two_languages_need_a_control_with_one_direction_per_batch():
    controls = {spec.name: spec.control and spec.control.name for spec in SPECS}
    assert controls["x-y"] == "x-y-batch" and controls["hybrid-0.3"] == "hybrid-0.3-batch"
    assert controls["x-y-same-ring"] == "x-y-batch-same-ring" and controls["hybrid-0"] == "hybrid-0-batch"
    for name in ("en-en", "x-x", "x-x-mono", "x-y-batch", "x-y-batch-same", "hybrid-0.3-batch", "hybrid-1"):
        assert controls[name] is None
    for spec in SPECS:
        assert spec.needs_control == (spec.control is not None)
        assert not (spec.control and spec.control.needs_control)
        # at one language a sampler with x-y batches is another one
        assert spec.crosses == (spec.kind in ("x-y", "hybrid") and spec.alpha != 1)


def test_a_mixture_has_its_kinds_as_parts_with_their_options():
    assert Spec("hybrid", 0.3, "batch").parts == [(0.3, Spec("x-x-mono")), (0.7, Spec("x-y", pair="batch"))]
    assert Spec("hybrid", 1).parts == [(1.0, Spec("x-x-mono"))]
    assert Spec("hybrid", 0, directions="ring").parts == [(1.0, Spec("x-y", directions="ring"))]
    assert Spec("x-y").parts == [(1.0, Spec("x-y"))]


def test_the_columns_of_a_table_name_a_sampler():
    for spec in SPECS:
        assert Spec.of(spec.sampler, spec.alpha) == spec
    assert Spec.of("x-y", float("nan")) == Spec("x-y")


def test_a_cross_sampler_has_a_control():
    with pytest.raises(ValueError, match="kind en-y: options .*; a cross kind has the option pair"):
        Kind("en-y", "English into others", "cross", lambda *_: [])


def test_a_sampler_is_added_by_one_record(monkeypatch):
    """From English into every language: batches, identity, control and names come from the record."""

    def into(spec, languages, english):
        return [(english, code) for code in languages if code != english]

    monkeypatch.setitem(
        KINDS.by_name, "en-y", Kind("en-y", "English into others", "cross", into, options=("pair",))
    )
    spec, codes = Spec.parse("en-y"), ["de", "en", "zh"]
    assert Spec.parse("en-y-batch") == spec.control and spec.needs_control
    assert directions(spec, codes) == [("en", "de"), ("en", "zh")] and reduce(spec, codes) == (
        spec,
        tuple(codes),
    )
    sampler = Sampler(spec, codes, [SourceIndex("full", np.ones((1000, 3), dtype=bool))], 20, 0)
    batch = sampler.batch(3)
    assert (
        batch.kind == "cross" and set(batch.query_language) == {1} and set(batch.passage_language) == {0, 2}
    )
    with pytest.raises(UserError, match="en-y: it has no alpha"):
        Spec.parse("en-y-0.5")
