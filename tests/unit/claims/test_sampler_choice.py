"""The rule that fixes the sampler for the effect of n: longest curve, control, ties."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langscale.claims.sampler_choice import ORDER, choose, controlled, curves_of, rows_of
from langscale.config.sampler import KINDS, Spec


def chosen(**ns):
    """The name that is chosen; keywords are names with _ for -."""
    spec = choose({Spec.parse(name.replace("_", "-")): values for name, values in ns.items()})
    return spec and spec.name


CURVE = (1, 2, 4, 8)
CASES = [  # curves, the choice
    ({}, None),
    ({"en_en": CURVE, "x_y": (8,)}, "x-y"),  # no training language is added along the n of en-en
    ({"en_en": CURVE}, "en-en"),
    ({"x_x_mono": CURVE, "x_y": CURVE, "hybrid": CURVE}, "x-x-mono"),
    ({"x_x_mono": CURVE, "x_x": (1, 2, 3, 4, 8)}, "x-x"),  # longer
    ({"x_x": CURVE, "x_x_mono": CURVE}, "x-x-mono"),
    ({"x_x_mono": (1, 8), "x_y": CURVE}, "x-x-mono"),  # x-y lacks its control
    ({"x_x_mono": (1, 8), "x_y": CURVE, "x_y_batch": (2, 4, 8)}, "x-y"),  # control at every n above 1
    ({"x_x_mono": (1, 8), "x_y": CURVE, "x_y_batch": (2, 8)}, "x-x-mono"),
    ({"x_y": (2, 4), "x_y_batch": (2, 4)}, "x-y"),  # a sampler before its variants
    ({"x_y": (2, 4), "x_y_batch": (2, 4, 8)}, "x-y-batch"),
    ({"hybrid": CURVE, "hybrid_batch": CURVE, "x_y": CURVE, "x_y_batch": CURVE}, "x-y"),
    ({"x_y": CURVE, "hybrid": CURVE}, "x-y"),  # none has its control
    ({"x_x_mono": (8,), "x_y": (1, 8)}, "x-y"),  # one n says nothing about n
    ({"x_x_mono": (8,), "x_y": (8,), "hybrid": (8,)}, "x-x-mono"),
    ({"x_y_same": (2, 4), "x_y_batch_same": (2, 4), "x_y": (2, 4)}, "x-y-batch-same"),
]


@pytest.mark.parametrize("ns, name", CASES)
def test_cases(ns, name):
    assert chosen(**ns) == name


def test_of_alphas_the_nearest_to_the_papers():
    for alphas in ([0.25, 0.5, 0.75], [0.5, 0.4, 0.6]):
        curves = {Spec("hybrid", alpha): CURVE for alpha in alphas}
        controls = {spec.control: CURVE for spec in curves}
        assert choose(curves | controls) == Spec("hybrid", 0.5)


SPECS = [Spec(k) for k in KINDS] + [Spec("hybrid", 0.25), Spec("hybrid", 1)]
SPECS += [
    Spec(kind, pair=pair, allow_same=same)
    for kind in ("x-y", "hybrid")
    for pair in ("example", "batch")
    for same in (True, False)
]
CURVES = st.dictionaries(st.sampled_from(SPECS), st.sets(st.integers(1, 9)))


@given(CURVES, st.randoms())
def test_the_choice_is_a_longest_controlled_curve_in_whatever_order_they_come(curves, random):
    spec = choose(curves)
    order = list(curves)
    random.shuffle(order)
    assert choose({s: curves[s] for s in order}) == spec
    usable = [s for s, ns in curves.items() if len(ns) > 1 and s.kind != "en-en" and controlled(s, curves)]
    if usable:
        assert spec in usable and len(curves[spec]) == max(len(curves[s]) for s in usable)
    assert (spec is None) == (not any(curves.values()))


def test_every_kind_that_changes_with_n_has_a_place():
    assert set(ORDER) == {name for name, kind in KINDS.items() if not kind.english}


def test_a_table_gives_the_curves_and_the_rows():
    columns = ["sampler", "alpha", "n_languages"]
    rows = [
        ("none", None, 0),
        ("x-y", None, 4),
        ("x-y", None, 1),
        ("hybrid-batch", 0.25, 2),
        ("hybrid", 0.25, 2),
        ("x-y", None, 4),
    ]
    table = pd.DataFrame(rows, columns=columns)
    curves = curves_of(table)
    assert curves == {Spec("x-y"): [1, 4], Spec("hybrid", 0.25): [2], Spec("hybrid", 0.25, "batch"): [2]}
    assert rows_of(Spec("x-y"), table).index.tolist() == [1, 2, 5]
    assert rows_of(Spec("hybrid", 0.25), table).index.tolist() == [4]
