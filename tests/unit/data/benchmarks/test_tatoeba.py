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


def test_queries_in_a_language_and_the_english_sentences_of_their_pairs(raw, tmp_path):
    questions, candidates, qrels = frames = tatoeba.build(["en", "de", "la-Cyrl", "nb"], None, raw)
    sides = {"en-x-de": ["Good day.", "Thank you.", "Thanks."], "en-x-nb": ["Hello.", "Thanks."]}
    assert candidates.groupby("language")["text"].apply(sorted).to_dict() == sides
    asked = {"de": ["Danke.", "Danke.", "Guten Tag."], "nb": ["Hei.", "Takk."]}
    assert questions.groupby("language")["text"].apply(sorted).to_dict() == asked
    assert len(qrels) == len(questions) == len(candidates) == 5
    texts = candidates.set_index("candidate_id")["text"]
    for i, language, candidate in qrels.itertuples(index=False):
        code, line = i.split("-")
        assert language == code and candidate == f"{tatoeba.english(code)}:{i}"
        assert texts[candidate] == PAIRS[code][int(line) - 1][1]
    assert load(frames, tmp_path).languages == ("de", "en-x-de", "en-x-nb", "nb")


def test_accuracy_of_the_nearest_neighbour_is_r1_in_cross(raw, tmp_path):
    """XTREME's definition, in plain loops, against the project's own ranks and scores."""
    benchmark = load(tatoeba.build(["de", "nb"], None, raw), tmp_path)
    rng = np.random.default_rng(5)
    q, c = (rng.normal(size=(5, 3)).astype(np.float32) for _ in range(2))
    ranks = exact_ranks(q, c, benchmark.candidate_language, benchmark.relevant)
    scores = Scores(benchmark.queries, benchmark.languages, *ranks, np.zeros((5, 3), np.float32), 5)
    values = scores.values("cross", "R@1")
    for code in PAIRS:
        rows = np.flatnonzero(benchmark.queries["language"] == code)
        pool = np.flatnonzero(benchmark.candidates["language"] == tatoeba.english(code))
        right = 0
        for i in rows:
            nearest = pool[np.argmax(c[pool] @ q[i])]
            right += benchmark.candidates["key"][nearest] == benchmark.queries["question_id"][i]
        column = benchmark.languages.index(tatoeba.english(code))
        assert values[rows][:, column].mean() == right / len(rows)
        assert np.isnan(np.delete(values[rows], column, axis=1)).all()


def test_a_sample_is_of_pairs_and_keeps_the_pool(raw):
    questions, candidates, qrels = tatoeba.build(["de", "nb"], 1, raw)
    assert list(questions["language"]) == ["de", "nb"]
    assert len(candidates) == 5 and len(qrels) == 2
    assert len(tatoeba.build(["de", "nb"], 3, raw)[0]) == 5  # nb has only two


def test_odd_input_is_named(raw):
    with pytest.raises(UserError, match="tatoeba has none of the languages en; it has af am "):
        tatoeba.build(["en"], None, raw)
    write(raw, "nb", [{"sentence1": "Takk."}])
    with pytest.raises(
        UserError,
        match="nob-eng.jsonl.gz: line 1: no sentence2; found sentence1; right: ",
    ):
        tatoeba.build(["nb"], None, raw)
