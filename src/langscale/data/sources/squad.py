"""SQuAD v1.1 train in English and XTREME's machine translations of it into ten languages.

Format of all files: {"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question",
"answers"}]}]}]}. The ids of the questions are the same in every language. The paragraphs can differ: answers
were marked in a context before its translation, so a translation may hold a context once per question, each
time in other words (the German file is three times as large as the English file). So article and paragraph of
a pair come from the English file, by the id of its question. The passage in another language is the context
of the first translated question of the paragraph. Questions without a translation are missing in that
language alone.

Sources: Rajpurkar et al. 2016 (arXiv:1606.05250), Hu et al. 2020 (arXiv:2003.11080).
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from langscale.core.errors import UserError
from langscale.data.records import SourceRecord, SourceSize
from langscale.data.remote_files import Entry
from langscale.data.sources.common import check_part, local, part_of, rank, tables
from langscale.data.squad_files import questions
from langscale.data.text_files import TextFile
from langscale.languages.codes import same

ENGLISH = "https://rajpurkar.github.io/SQuAD-explorer/dataset/train-v1.1.json"
TRANSLATED = "https://storage.googleapis.com/xtreme_translations/SQuAD/translate-train/squad.translate.train.en-{}.json"


def _locate(codes: Sequence[str]) -> list[Entry]:
    """SQuAD v1.1 itself in English, XTREME's translations in other languages."""
    return [Entry(url=ENGLISH if code == "en" else TRANSLATED.format(code)) for code in codes]


SQUAD = SourceRecord(
    name="squad",
    languages=same("ar de el en es hi ru th tr vi zh"),
    locate=_locate,
    needs=("en",),  # whose articles and paragraphs are those of all languages
    licence="CC-BY-SA-4.0",
    machine_translated=True,
    size=SourceSize(pairs=87_599, query=19, passage=165),
    reader=lambda: build,
)


def build(
    part: str, languages: Sequence[str], raw: str | Path, pairs: int | None = None, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs and passages of "train" or "validation", from different articles.

    Tables and arguments as of `langscale.data.sources.common`. `pairs` counts ids (None: all). Raises
    UserError for another part, for languages outside the set, and for a missing or malformed file.
    """
    check_part("squad", part)
    languages = SQUAD.chosen(languages)
    english = questions(TextFile(_file("en", raw), "en"))
    home = {qa.id: f"squad:{qa.title}:{qa.paragraph}" for qa in english if part_of("squad", qa.title) == part}
    kept = sorted(home, key=lambda qa: rank("squad", qa, seed))[:pairs]
    wanted = {home[qa] for qa in kept}
    pair_rows: list[tuple[str, str, str, str, list[str]]] = []
    passage_rows: list[tuple[str, str, str]] = []
    for language in languages:
        path = _file(language, raw)
        known = {qa.id: qa for qa in questions(TextFile(path, language))}
        if known.keys().isdisjoint(home):
            raise UserError(f"squad: {path}: no question id is one of SQuAD v1.1's {part} part")
        pair_rows += [(f"squad:{i}", language, known[i].question, home[i], []) for i in kept if i in known]
        passage_rows += [
            (home[i], language, known[i].context) for i in home if home[i] in wanted and i in known
        ]
    return tables(pair_rows, passage_rows)


def _file(language: str, raw: str | Path) -> Path:
    return local(SQUAD.files_of([language])[0], raw)
