"""Vectors of a benchmark through adapters, against base vectors times the weight."""

import json

import numpy as np
import pytest

from langscale.models.adapted_vectors import AdaptedVectors


@pytest.fixture
def index(tmp_path, monkeypatch):
    """An index whose base vectors are made up, and counts of its reads."""
    reads = []
    rng = np.random.default_rng(0)
    made = {side: rng.normal(size=(5, 3)).astype(np.float32) for side in ("questions", "candidates")}

    class Read:
        @staticmethod
        def load(folder, store):
            reads.append(folder.name)
            assert store.folder == tmp_path / "store/abc"
            return type("V", (), {"table": made[folder.name], "rows": np.array([4, 0, 0])})

    monkeypatch.setattr("langscale.models.adapted_vectors.Vectors", Read)
    for side in made:
        (tmp_path / "index" / side).mkdir(parents=True)
        (tmp_path / "index" / side / "index.json").write_text(json.dumps({"store": "abc"}))
    return tmp_path / "index", made, reads


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_base_vectors_are_read_once_for_all_adapters(index, tmp_path):
    folder, made, reads = index
    vectors = AdaptedVectors(tmp_path / "store")
    for _ in range(2):
        for side, found in zip(made, vectors.of(None, folder), strict=True):
            np.testing.assert_allclose(found, unit(made[side])[[4, 0, 0]], rtol=1e-6)
    assert reads == ["questions", "candidates"]
