"""Belebele (Bandarkar et al. 2024, arXiv 2308.16884) as retrieval: which passage does the question ask about?

900 questions on 488 passages of FLORES in 122 languages. A file holds a JSON object per line: link,
question_number, flores_passage, question, and the choices, which retrieval does not use. The same question in
another language has the same link and question_number.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from langscale.core.errors import UserError
from langscale.data import registry
from langscale.data.benchmarks.common import Frames, clusters, frames, sample
from langscale.data.download import local
from langscale.data.registry import Entry

FIELDS = ("link", "question_number", "flores_passage", "question")


def files(languages: Sequence[str]) -> list[Entry]:
    """One file for each of the languages that Belebele has."""
    return registry.files("belebele", languages)


def build(languages: Sequence[str], questions: int | None, raw: str | Path) -> Frames:
    """Questions, candidates and qrels in those of the BCP 47 `languages` that Belebele has.

    `questions`: a fixed sample by hash of the question id; the pool stays. `raw`: the folder of raw files.
    Returns (questions: question_id = "<link>#<question_number>", cluster = the least question id of its
    passage, language, text; candidates, the distinct passages: candidate_id = "<language>:<key>", key = the
    least question id of the passage, language, text; qrels: the question's passage in every language). Raises
    UserError for a missing file, a missing field and a question that comes twice.
    """
    codes = registry.chosen("belebele", languages, registry.LANGUAGES["belebele"])
    rows = {code: _read(local(entry, raw)[0]) for code, entry in zip(codes, files(codes), strict=True)}
    chosen = sample("belebele", (i for found in rows.values() for i in found), questions)
    passages = {code: _passages(found) for code, found in rows.items()}
    cluster = clusters([ids for texts in passages.values() for ids in texts.values()])
    asked, pool, answers = [], [], {}
    for code, texts in passages.items():
        for text, ids in texts.items():
            pool.append((f"{code}:{min(ids)}", min(ids), code, text))
            for i in (i for i in ids if i in chosen):
                asked.append((i, cluster[i], code, rows[code][i]["question"]))
                answers.setdefault(i, []).append(pool[-1][0])
    relevant = [(i, code, answer) for i, _, code, _ in asked for answer in answers[i]]
    return frames(asked, pool, relevant)


def _read(file: Path) -> dict[str, dict[str, str]]:
    """Question id -> row of one language."""
    found: dict[str, dict[str, str]] = {}
    with open(file, encoding="utf-8") as lines:  # splitlines would also split at U+2028, inside of a text
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            missing = [field for field in FIELDS if field not in row]
            if missing:
                raise UserError(
                    f"{file}: line {number} has no {', '.join(missing)}; right: {', '.join(FIELDS)}"
                )
            i = f"{row['link']}#{row['question_number']}"
            if i in found:
                raise UserError(f"{file}: line {number}: question {i} comes twice; right: once")
            found[i] = row
    return found


def _passages(rows: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Text of a passage -> the ids of its questions."""
    found: dict[str, list[str]] = {}
    for i, row in rows.items():
        found.setdefault(row["flores_passage"], []).append(i)
    return found
