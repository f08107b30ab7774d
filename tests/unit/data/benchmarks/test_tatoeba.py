"""Tatoeba on small files of its format: gzipped, a JSON object per line."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from langscale.core.errors import UserError
from langscale.data.benchmarks import tatoeba
from langscale.data.benchmarks.built import Benchmark
from langscale.retrieval.scores import Scores
from langscale.retrieval.search import exact_ranks

PAIRS = {
    "de": [("Guten Tag.", "Good day."), ("Danke.", "Thanks."), ("Danke.", "Thank you.")],
    "nb": [("Takk.", "Thanks."), ("Hei.", "Hello.")],
}


def write(raw, code, rows):
    file = raw / tatoeba.TATOEBA.files([code])[0].path
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    Path(f"{file}.json").write_text("{}")


@pytest.fixture
def raw(tmp_path):
    for code, pairs in PAIRS.items():
        write(tmp_path, code, [{"sentence1": a, "sentence2": b, "lang": f"{code}-eng"} for a, b in pairs])
    return tmp_path


def load(frames, folder):
    for name, table in zip(("questions", "candidates", "qrels"), frames, strict=True):
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return Benchmark.load(folder)


def test_both_directions_of_every_pair_in_its_own_pool(raw, tmp_path):
    questions, candidates, qrels = frames = tatoeba.build(["en", "de", "la-Cyrl", "nb"], None, raw)
    pools = candidates.groupby("language")["text"].apply(sorted).to_dict()
    assert pools == {
        "de": ["Danke.", "Danke.", "Guten Tag."], "en-x-de": ["Good day.", "Thank you.", "Thanks."],
        "nb": ["Hei.", "Takk."], "en-x-nb": ["Hello.", "Thanks."],
    }  # fmt: skip
    assert questions.groupby("language")["text"].apply(sorted).to_dict() == pools
    assert len(qrels) == len(questions) == len(candidates) == 10
    texts = candidates.set_index("candidate_id")["text"]
    for i, language, candidate in qrels.itertuples(index=False):
        code, line = i.split("-")
        pair = PAIRS[code][int(line) - 1]
        assert texts[candidate] == pair[language == code]
        assert candidate == f"{tatoeba.english(code) if language == code else code}:{i}"
    assert load(frames, tmp_path).languages == ("de", "en-x-de", "en-x-nb", "nb")


def test_accuracy_of_the_nearest_neighbour_is_r1_in_cross(raw, tmp_path):
    """XTREME's definition, in plain loops, against the project's own ranks and scores."""
    benchmark = load(tatoeba.build(["de", "nb"], None, raw), tmp_path)
    rng = np.random.default_rng(5)
    q, c = (rng.normal(size=(10, 3)).astype(np.float32) for _ in range(2))
    ranks = exact_ranks(q, c, benchmark.candidate_language, benchmark.relevant)
    scores = Scores(benchmark.queries, benchmark.languages, *ranks, np.zeros((10, 3), np.float32), 20)
    values = scores.values("cross", "R@1")
    for code in PAIRS:
        for side, other in ((code, tatoeba.english(code)), (tatoeba.english(code), code)):
            rows = np.flatnonzero(benchmark.queries["language"] == side)
            pool = np.flatnonzero(benchmark.candidates["language"] == other)
            right = 0
            for i in rows:
                nearest = pool[np.argmax(c[pool] @ q[i])]
                right += benchmark.candidates["key"][nearest] == benchmark.queries["question_id"][i]
            column = benchmark.languages.index(other)
            assert values[rows][:, column].mean() == right / len(rows)
            assert np.isnan(np.delete(values[rows], column, axis=1)).all()


def test_a_sample_is_of_pairs_and_keeps_the_pool(raw):
    questions, candidates, qrels = tatoeba.build(["de", "nb"], 1, raw)
    assert questions.groupby("language").size().to_dict() == dict.fromkeys(
        ["de", "en-x-de", "en-x-nb", "nb"], 1
    )
    assert questions["question_id"].nunique() == 2 and len(candidates) == 10 and len(qrels) == 4
    assert len(tatoeba.build(["de", "nb"], 3, raw)[0]) == 10  # nb has only two


def test_odd_input_is_named(raw):
    with pytest.raises(UserError, match="tatoeba has none of the languages en; it has af am "):
        tatoeba.build(["en"], None, raw)
    write(raw, "nb", [{"sentence1": "Takk."}])
    with pytest.raises(
        UserError,
        match="nob-eng.jsonl.gz: line 1: no sentence2; found sentence1; right: ",
    ):
        tatoeba.build(["nb"], None, raw)
