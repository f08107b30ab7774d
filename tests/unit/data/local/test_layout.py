"""The files of a local set, their roles and languages, by their names. test_sets.py reads the files."""

from pathlib import Path, PurePath

import pytest

from langscale.config.data import Benchmark, Source
from langscale.core.errors import UserError
from langscale.data.local.layout import SPLITS, files, language_of, locate


def put(folder: Path, *names: str, text: str = "[]") -> str:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("de/corpus.jsonl", "de"), ("faq-de.tsv", "de"), ("de_faq.csv", "de"), ("zh-Hant.json", "zh-Hant"),
        ("faq_eng_Latn.jsonl.gz", "en"), ("pt-BR/faq.parquet", "pt-BR"), ("qrels.test.de.txt", "de"),
        ("faq.jsonl", None), ("all/new.tsv", None), ("dev.tsv", None), ("corpus.jsonl", None),
    ],
)  # fmt: skip
def test_the_language_of_a_file_by_its_name_or_folder(name, code):
    assert language_of(PurePath(name)) == code


def test_roles_of_a_collection_by_file_or_folder_and_hidden_files_are_left_out(tmp_path):
    path = put(
        tmp_path, "queries.jsonl", "corpus/de.jsonl", "topics-fr.txt", "qrels/test.tsv", ".git/qrels.tsv",
        "_old/queries.jsonl", "notes.md",
    )  # fmt: skip
    found = locate(Benchmark(set="local", path=path), SPLITS["benchmark"])
    assert found.layout == "collection"
    assert {file.name: (file.role, file.language) for file in found.files} == {
        "queries.jsonl": ("queries", None),
        "topics-fr.txt": ("queries", "fr"),
        "corpus/de.jsonl": ("corpus", "de"),
        "qrels/test.tsv": ("qrels", None),
    }


def test_a_source_takes_the_qrels_of_training_and_a_benchmark_those_of_the_test(tmp_path):
    path = put(
        tmp_path, "queries.jsonl", "corpus.jsonl", "qrels/train.tsv", "qrels/test.tsv", "qrels/dev.tsv"
    )
    for kind, section, split in (
        ("source", Source(set="local", path=path), "train"),
        ("benchmark", Benchmark(set="local", path=path), "test"),
        ("benchmark", Benchmark(set="local", path=path, split="dev"), "dev"),
    ):
        assert list(files(section, kind)) == ["corpus.jsonl", f"qrels/{split}.tsv", "queries.jsonl"]
    (tmp_path / "qrels/train.tsv").unlink()
    with pytest.raises(UserError, match=r"^split: missing; the qrels are dev, test, choose one$"):
        files(Source(set="local", path=path), "source")


def test_json_objects_are_squads_and_lists_are_pairs_and_both_are_refused(tmp_path):
    squad = put(tmp_path / "squad", "de.json", "en.json", text='\ufeff{"data": []}')
    pairs = put(tmp_path / "pairs", "de.json", "en.json")
    for path, layout in ((squad, "squad-json"), (pairs, "pairs")):
        assert locate(Benchmark(set="local", path=path), ()).layout == layout
    (tmp_path / "squad/en.json").write_text("[]")
    with pytest.raises(UserError, match=r"^path: en\.json is not in SQuAD's format"):
        locate(Benchmark(set="local", path=squad), ())


def test_two_files_of_a_list_with_one_name_are_refused(tmp_path):
    names = ("a/faq.tsv", "b/faq.tsv")
    put(tmp_path, *names)
    section = Source(set="local", path=[str(tmp_path / name) for name in names])
    with pytest.raises(UserError, match=r"^path: two files are called faq\.tsv; give their folder"):
        locate(section, ())
