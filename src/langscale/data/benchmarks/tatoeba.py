"""Tatoeba (Artetxe & Schwenk 2019; XTREME): which sentence of the other language is the translation?

Up to 1,000 sentences per language with their English translations, another set in every language; a file
holds a JSON object per line, sentence1 in the language, sentence2 in English. XTREME's accuracy of the
nearest neighbour is R@1 in the cross setting.

Each pair is a world of its own: a German question has its 1,000 English sentences as pool, not those of the
other languages. So the English side of the pair with `de` is the language `en-x-de` (BCP 47, private use):
its pool is asked in `de`, and its sentences ask the pool of `de`. Mono has nothing relevant, and multi mixes
the pairs; neither is a published measure.
"""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from langscale.core.errors import UserError
from langscale.data import registry
from langscale.data.benchmarks.common import Frames, frames, sample
from langscale.data.download import local
from langscale.data.registry import Entry

FIELDS = ("sentence1", "sentence2")


def english(code: str) -> str:
    """The code of the English side of the pair with language `code`."""
    return f"en-x-{code}"


def files(languages: Sequence[str]) -> list[Entry]:
    """One file for each of the languages, but English, that Tatoeba has."""
    return registry.files("tatoeba", languages)


def build(languages: Sequence[str], questions: int | None, raw: str | Path) -> Frames:
    """Questions, candidates and qrels of the pairs of English with those of the BCP 47 `languages` that there
    are.

    `questions`: pairs of sentences per language, a fixed sample by hash (all, where there are fewer); the
    pool stays. `raw`: the folder of raw files. Returns (questions: question_id = cluster = "de-0001" by line,
    language `de` or `en-x-de`, text; candidates: candidate_id = "<language>:<key>", key = the same id,
    language, text; qrels: the translation). Raises UserError for a missing file or field.
    """
    codes = [code for code in languages if code in registry.LANGUAGES["tatoeba"] and code != "en"]
    asked, pool, relevant = [], [], []
    for code, entry in zip(codes, files(codes), strict=True):
        sides = (code, english(code))
        pairs = {f"{code}-{n:04d}": pair for n, pair in enumerate(_read(local(entry, raw)[0]), 1)}
        chosen = sample("tatoeba", pairs, None if questions is None else min(questions, len(pairs)))
        for i, pair in pairs.items():
            for side, other, text in zip(sides, sides[::-1], pair, strict=True):
                pool.append((f"{side}:{i}", i, side, text))
                if i in chosen:
                    asked.append((i, i, side, text))
                    relevant.append((i, side, f"{other}:{i}"))
    return frames(asked, pool, relevant)


def _read(file: Path) -> list[tuple[str, str]]:
    """(sentence, English sentence) of every line."""
    found = []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            if any(field not in row for field in FIELDS):
                raise UserError(f"{file}: line {number} has {', '.join(row)}; right: {', '.join(FIELDS)}")
            found.append((row["sentence1"], row["sentence2"]))
    return found
