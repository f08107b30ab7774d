"""Stored adapters: known values, the chain of layers, files that are not those of an adapter."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from langscale.core.errors import UserError
from langscale.models.adapter import FILES, Adapter

X = np.array([[0.6, 0.8], [1.0, 0.0]], np.float32)
SWAP = np.array([[0, 2], [2, 0]], np.float32)


def draw(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


LINEAR = Adapter({"weight": draw(4, 4), "bias": draw(4)})
HIDDEN = Adapter({"down": draw(4, 3), "down_bias": draw(3), "up": draw(3, 4), "up_bias": draw(4)})
PLAIN = Adapter({"down": draw(4, 3), "up": draw(3, 4)})


def test_known_vectors():
    assert Adapter().apply(X * 5, "query") == pytest.approx(X)
    assert Adapter({"weight": SWAP}).apply(X, "passage") == pytest.approx(X[:, ::-1])
    # relu: the second text has a negative unit, so only the first one moves
    hidden = Adapter({"down": np.array([[-1], [1]], np.float32), "up": np.array([[3, 0]], np.float32)})
    moved = hidden.apply(X, "query")
    assert moved[0] == pytest.approx(np.array([1.2, 0.8]) / np.hypot(1.2, 0.8))
    assert moved[1] == pytest.approx(X[1])


def test_an_adapter_of_queries_leaves_passages_alone():
    one = Adapter({"weight": SWAP}, sides="query")
    assert one.apply(X, "query") == pytest.approx(X[:, ::-1]) and one.apply(X, "passage") == pytest.approx(X)


@pytest.mark.parametrize(
    "adapter", [Adapter(), LINEAR, HIDDEN, PLAIN], ids=["none", "linear", "hidden", "plain"]
)
def test_layers_in_a_row_give_the_same_vectors(adapter):
    x = draw(20, 4)
    y = x
    for matrix, bias, relu in adapter.layers():
        y = y @ matrix + (0 if bias is None else bias)
        y = np.maximum(y, 0) if relu else y
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    np.testing.assert_allclose(y, adapter.apply(x, "query"), atol=1e-5)


def test_an_adapter_is_read_as_it_was_written(tmp_path):
    Adapter(HIDDEN.weights, "query", {"model": "tiny", "seed": 3}).save(tmp_path)
    found = Adapter.load(tmp_path)
    assert (found.sides, found.facts) == ("query", {"model": "tiny", "seed": 3})
    assert found.weights.keys() == HIDDEN.weights.keys()
    assert all(np.array_equal(found.weights[name], w) for name, w in HIDDEN.weights.items())


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named(tmp_path, missing):
    LINEAR.save(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(UserError) as error:
        Adapter.load(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / missing}: missing; an adapter is stored as adapter.")


def test_weights_of_something_else_are_refused(tmp_path):
    save_file({"weight": SWAP, "down": SWAP}, tmp_path / FILES[0])
    (tmp_path / FILES[1]).write_text(json.dumps({"sides": "both"}))
    with pytest.raises(UserError, match=r"adapter\.safetensors: has (weight, down|down, weight); an adapter"):
        Adapter.load(tmp_path)
