"""The tables of a training set on disk."""

from datasets import Dataset

from langscale.data.sources.built import parts, table


def test_parts_and_tables_are_read_back(tmp_path):
    rows = {"pair_id": ["a", "b"], "query": ["x", "y"]}
    assert parts(tmp_path) == []
    for part in ("validation", "train", "other"):
        Dataset.from_dict(rows).save_to_disk(tmp_path / part / "pairs")
    assert parts(tmp_path) == ["train", "validation"]
    found = table(tmp_path, "validation", "pairs")
    assert found.to_dict() == rows and found.cache_files  # memory-mapped
