"""Files in SQuAD's format.

{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", "answers"}]}]}]}
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from langscale.data.text_files import TextFile


class Question(NamedTuple):
    """A question of a file. paragraph: the number of its context in the article. Texts are clean."""

    id: str
    title: str
    paragraph: int
    context: str
    question: str


def articles(file: TextFile) -> list[dict[str, Any]]:
    """The articles of a file, each with a list of paragraphs. Raises UserError for another format."""
    value = file.json()
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, list):
        raise file.error(None, "not in SQuAD's format; an object with a list `data` is right")
    for number, article in enumerate(data, 1):
        paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
        if not isinstance(paragraphs, list):
            raise file.error(f"article {number}", "not in SQuAD's format; a list `paragraphs` is right")
        for place, paragraph in enumerate(paragraphs, 1):
            if not isinstance(paragraph, dict) or not isinstance(paragraph.get("qas"), list):
                where = f"article {number}, paragraph {place}"
                raise file.error(where, "not in SQuAD's format; `context` and a list `qas` are right")
            if any(not isinstance(qa, dict) for qa in paragraph["qas"]):
                raise file.error(f"article {number}, paragraph {place}", "a question is no object")
    return data


def questions(file: TextFile) -> Iterator[Question]:
    """The questions of a file in order, without empty texts. Raises UserError for another format.

    A question that stands twice counts once. Raises UserError for two questions with one id.
    """
    for number, article in enumerate(articles(file), 1):
        title = str(article.get("title", number))
        for paragraph_number, paragraph in enumerate(article["paragraphs"]):
            place = f"article {number}, paragraph {paragraph_number + 1}"
            context = file.clean(paragraph.get("context"), place, "context")
            for qa in paragraph["qas"]:
                file.record(qa, place, "id", "question")
                i = file.ident(qa["id"], place)
                question = file.clean(qa["question"], f"question {i}", "question")
                if context and question and file.once(i, (question, context), f"question {i}"):
                    yield Question(i, title, paragraph_number, context, question)
