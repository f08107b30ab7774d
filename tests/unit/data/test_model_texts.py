"""The texts that a model embeds: roles, order and languages, as tokens have them."""

import numpy as np
from datasets import Dataset
from support.made_benchmarks import make_benchmark, write

from langscale.data.model_texts import sides


def test_a_source_has_two_sides_in_each_part(tmp_path):
    pairs = {"language": ["de", "en"], "query": ["frage", "question"]}
    passages = {"language": ["en"], "text": ["answer"]}
    for part in ("train", "validation"):
        Dataset.from_dict(pairs).save_to_disk(tmp_path / part / "pairs")
        Dataset.from_dict(passages).save_to_disk(tmp_path / part / "passages")
    assert list(sides(tmp_path, "source")) == [
        (f"{part}/{side}", role, languages, texts)
        for part in ("train", "validation")
        for side, role, languages, texts in (
            ("queries", "query", ["de", "en"], ["frage", "question"]),
            ("passages", "passage", ["en"], ["answer"]),
        )
    ]


def test_a_benchmark_has_its_rows_in_order(tmp_path):
    tables = make_benchmark(np.random.default_rng(1), 2, 3)
    folder = write(tmp_path, tables)
    for (side, role, languages, texts), table, right in zip(
        sides(folder, "benchmark"), tables, (("questions", "query"), ("candidates", "passage")), strict=False
    ):
        assert (side, role) == right
        assert (languages, texts) == (table["language"].tolist(), table["text"].tolist())
