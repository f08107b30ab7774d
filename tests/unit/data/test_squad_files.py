"""Files in SQuAD's format: questions in order, one line for anything else."""

import json

import pytest

from langscale.core.errors import UserError
from langscale.data.squad_files import Question, articles, questions
from langscale.data.text_files import TextFile


def file(folder, value):
    path = folder / "train.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return TextFile(path, "train.json")


def qa(i, text):
    return {"id": i, "question": text, "answers": []}


def squad(*paragraphs):
    return {"data": [{"title": "Bees", "paragraphs": list(paragraphs)}, {"paragraphs": []}]}


def test_questions_in_order_with_the_number_of_their_paragraph(tmp_path):
    value = squad(
        {"context": "Bees  fly.", "qas": [qa("a", " Who flies?"), qa("b", "")]},
        {"context": "Bees hum.", "qas": [qa("c", "Who hums?"), qa("c", "Who hums?")]},
        {"context": "", "qas": [qa("d", "What?")]},
    )
    assert list(questions(file(tmp_path, value))) == [
        Question("a", "Bees", 0, "Bees fly.", "Who flies?"),
        Question("c", "Bees", 1, "Bees hum.", "Who hums?"),
    ]


@pytest.mark.parametrize("value, message", [
    ([], "train.json: not in SQuAD's format; an object with a list `data` is right"),
    ({"data": {}}, "train.json: not in SQuAD's format; an object with a list `data` is right"),
    ({"data": [{"title": "x"}]}, "article 1: not in SQuAD's format; a list `paragraphs` is right"),
    (squad({"context": "x"}), "article 1, paragraph 1: not in SQuAD's format; `context` and a list `qas`"),
    (squad({"context": "x", "qas": ["who?"]}), "article 1, paragraph 1: a question is no object"),
])  # fmt: skip
def test_another_format_is_one_line(tmp_path, value, message):
    with pytest.raises(UserError) as error:
        articles(file(tmp_path, value))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_two_questions_with_one_id_are_refused(tmp_path):
    value = squad({"context": "x", "qas": [qa("a", "Who?"), qa("a", "What?")]})
    with pytest.raises(UserError, match="question a"):
        list(questions(file(tmp_path, value)))
