"""Whether the texts of a set that says it is parallel can be translations of each other.

Three cheap signs, each of texts with the same id in two languages:

- lengths: the lengths of translations go together. Of XQuAD-R's questions, and of NTREX-128's lines in 127
  languages with the English ones, the correlation of the logarithms is above 0.5; of texts that do not belong
  together, such as a file shifted by a line, it is near 0.
- copies: most texts of one language are the same in another.
- script: most letters of a language are in a script that it is not written in.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping

import numpy as np

from langscale.core.errors import UserError
from langscale.data.local.collection import Collection
from langscale.languages.families import script

LEAST = 50  # texts that two languages share, for a statement on them
RELATED = 0.2  # correlation of log lengths
COPIES = 0.5  # share of equal texts
LONG = 12  # characters: names and numbers are often equal in two languages
LETTERS = 200  # of a language, for a statement on its script
SCRIPTS = {  # beginning of a letter's Unicode name -> ISO 15924
    "LATIN": "Latn", "CYRILLIC": "Cyrl", "GREEK": "Grek", "ARABIC": "Arab", "HEBREW": "Hebr",
    "DEVANAGARI": "Deva", "BENGALI": "Beng", "THAI": "Thai", "TAMIL": "Taml", "TELUGU": "Telu",
    "GEORGIAN": "Geor", "ARMENIAN": "Armn", "HANGUL": "Hang", "CJK": "Hani", "HIRAGANA": "Kana",
    "KATAKANA": "Kana", "ETHIOPIC": "Ethi", "GUJARATI": "Gujr", "GURMUKHI": "Guru", "KANNADA": "Knda",
    "MALAYALAM": "Mlym", "SINHALA": "Sinh", "KHMER": "Khmr", "LAO": "Laoo", "MYANMAR": "Mymr",
    "TIBETAN": "Tibt",
}  # fmt: skip
WRITTEN = {"Hans": "Hani", "Hant": "Hani", "Jpan": "Hani Kana", "Kore": "Hang Hani"}


def check(found: Collection) -> None:
    """Raise UserError if texts with one id cannot be translations, or are not in their language's script."""
    for kind, texts in (("queries", found.queries), ("passages", found.passages)):
        for code, its in texts.items():
            _script(kind, code, its)
        if len(texts) < 2:
            continue
        first = max(sorted(texts), key=lambda code: len(texts[code]))
        for code in sorted(texts.keys() - {first}):
            shared = sorted(texts[first].keys() & texts[code].keys())
            if len(shared) >= LEAST:
                _pair(kind, first, code, [(texts[first][i], texts[code][i]) for i in shared])


def _pair(kind: str, first: str, second: str, texts: list[tuple[str, str]]) -> None:
    long = [(a, b) for a, b in texts if len(a) >= LONG]
    equal = sum(a == b for a, b in long)
    if len(long) >= LEAST and equal > COPIES * len(long):
        raise UserError(
            f"{kind}: {equal} of {len(long)} texts in {second} are those in {first} with the same id; "
            "translations are right, or leave the copies out"
        )
    a, b = (np.log([len(pair[side]) for pair in texts]) for side in (0, 1))
    if min(a.std(), b.std()) == 0:
        return
    related = float(np.corrcoef(a, b)[0, 1])
    if related < RELATED:
        raise UserError(
            f"{kind}: texts in {first} and {second} with the same id are no translations (correlation of "
            f"their lengths {related:.2f} over {len(texts)}); look for a shift by a line, or set "
            "parallel: false"
        )


def _script(kind: str, code: str, texts: Mapping[str, str]) -> None:
    counts: Counter[str] = Counter()
    for text in texts.values():
        for character in text[:200]:
            if character.isalpha():
                word = unicodedata.name(character, "").split(" ")[0].split("-")[0]
                counts[SCRIPTS.get(word, "")] += 1
        if counts.total() > 20 * LETTERS:
            break
    right = script(code)
    wanted = WRITTEN.get(right, right).split()
    if counts.total() < LETTERS or not set(wanted) <= set(SCRIPTS.values()):
        return
    most, number = counts.most_common(1)[0]
    if most and most not in wanted and number > counts.total() / 2 and not any(counts[w] for w in wanted):
        raise UserError(
            f"{kind}: the texts in {code} are in the script {most}; {right} is right, or a code such as "
            f"{code.split('-')[0]}-{most}"
        )
