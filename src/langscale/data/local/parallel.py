"""Whether texts with the same id in two languages can be translations of each other.

Three cheap signs that they are not, each of which needs a least number of texts:

- copies: texts are the same in two languages. Names, numbers and "OK" are rightly the same, so a text counts
  only if it is long enough to be translated (`translatable`).
- script: texts have no letter of the script in which their language is written.
- lengths: a translation of a long text is long. In a column that was shifted by a line, lengths go together
  with those of the line before. Texts that do not belong together have lengths that do not go together.

Limits, from XQuAD-R's questions in 11 languages, NTREX-128's lines in 127 languages with the English ones,
and the names of CLDR (territories, languages, currencies) in 26 languages: the least correlation of log
lengths is .72, .89 and .30. One line further it is at most .31, .21 and .24. Of NTREX's lines, at most 2% are
the same in two languages (Bosnian and Croatian); in varieties of one language, such as en and en-GB, 94% are.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from langscale.data.local.collection import Collection
from langscale.data.local.layout import Role
from langscale.languages.families import script

WORDS = 3  # of a text that is long enough to be translated, without names
LETTERS = 8  # the same in scripts without capitals, some of which have no spaces
LEAST = 20  # equal texts of two languages, or texts in a wrong script
COPIES = 0.3  # share of equal texts
LENGTHS = 50  # texts of two languages, for a statement on their lengths
VARIED = 10  # texts at least with another length than most: two long ones may stand anywhere
UNRELATED = 0.2  # correlation of log lengths
LAGS = (1, 2, 3)  # lines of a shift, in both directions
SHIFTED = 5.0  # standard errors between two correlations
PARTS = 64  # of a file in which a shift is looked for, at most
LOOKED_AT = 300  # texts of a language, and characters of a text, for its script
SHOWN = 24  # characters of an id
SCRIPTS = {  # beginning of a letter's Unicode name -> ISO 15924
    "LATIN": "Latn", "CYRILLIC": "Cyrl", "GREEK": "Grek", "ARABIC": "Arab", "HEBREW": "Hebr",
    "DEVANAGARI": "Deva", "BENGALI": "Beng", "THAI": "Thai", "TAMIL": "Taml", "TELUGU": "Telu",
    "GEORGIAN": "Geor", "ARMENIAN": "Armn", "HANGUL": "Hang", "CJK": "Hani", "HIRAGANA": "Kana",
    "KATAKANA": "Kana", "ETHIOPIC": "Ethi", "GUJARATI": "Gujr", "GURMUKHI": "Guru", "KANNADA": "Knda",
    "MALAYALAM": "Mlym", "SINHALA": "Sinh", "KHMER": "Khmr", "LAO": "Laoo", "MYANMAR": "Mymr",
    "TIBETAN": "Tibt",
}  # fmt: skip
WRITTEN = {"Hans": "Hani", "Hant": "Hani", "Jpan": "Hani Kana", "Kore": "Hang Hani"}

Texts = Mapping[str, Mapping[str, str]]
Lengths = NDArray[np.float64]


def problems(found: Collection) -> Iterator[tuple[Role, str, str]]:
    """(Role of the files, language, problem) of texts that cannot be translations, the worst first.

    Also of texts that are not in their language's script.
    """
    roles: tuple[tuple[Role, Texts], ...] = (("queries", found.queries), ("corpus", found.passages))
    for role, texts in roles:
        for look in (_copies, _scripts, _lengths):
            yield from ((role, code, problem) for code, problem in look(texts))


def translatable(text: str) -> bool:
    """Whether a text is long enough that its translation is another text.

    It has three words without a capital or a digit in front, or eight letters of a script without capitals.
    So names of people, places and products do not count.
    """
    words = (word for word in re.findall(r"\w+", text) if word[0].isalpha())
    if sum(not (word[0].isupper() or word[0].istitle()) for word in words) >= WORDS:
        return True
    return sum(letter.isalpha() and letter.lower() == letter.upper() for letter in text) >= LETTERS


def _copies(texts: Texts) -> Iterator[tuple[str, str]]:
    """(Language, problem) of languages whose texts are those of another one."""
    holders: dict[str, dict[str, list[str]]] = {}
    for code in sorted(texts):
        for i, text in texts[code].items():
            holders.setdefault(i, {}).setdefault(text, []).append(code)
    equal: Counter[tuple[str, str]] = Counter()
    for its in holders.values():
        for text, codes in its.items():
            if len(codes) > 1 and translatable(text):
                equal.update(combinations(codes, 2))
    for (one, other), number in equal.most_common():
        first, second = (other, one) if other == "en" else (one, other)
        if number < LEAST or first.split("-")[0] == second.split("-")[0]:
            continue
        both = texts[first].keys() & texts[second].keys()
        total = sum(translatable(texts[second][i]) for i in both)
        if number > COPIES * total:
            yield (
                second,
                f"{number} of {total} texts in {second} are the same as in {first}; translate them or leave "
                "them out",
            )


def _scripts(texts: Texts) -> Iterator[tuple[str, str]]:
    """(Language, problem) of languages whose texts are in a script that they are not written in."""
    for code in sorted(texts):
        right = script(code)
        wanted = set(WRITTEN.get(right, right).split())
        if not wanted <= set(SCRIPTS.values()):
            continue
        total, others = 0, Counter[str]()
        for text in list(texts[code].values())[:LOOKED_AT]:
            if translatable(text):
                total += 1
                there = Counter(map(_script, text[:LOOKED_AT]))
                del there[""]
                if there and not wanted & there.keys():
                    others.update([there.most_common(1)[0][0]])
        number = others.total()
        if number >= LEAST and number > total / 2:
            most = others.most_common(1)[0][0]
            better = f"{code.split('-')[0]}-{most}"
            yield (
                code,
                f"{number} of {total} texts in {code} are in the script {most}; {right} is right, or a code "
                f"such as {better}",
            )


@cache
def _script(character: str) -> str:
    """ISO 15924 script of a letter; "" for a digit, a sign, and letters of other scripts."""
    if not character.isalpha():
        return ""
    return SCRIPTS.get(re.split("[ -]", unicodedata.name(character, ""))[0], "")


def _lengths(texts: Texts) -> Iterator[tuple[str, str]]:
    """(Language, problem) of languages whose lengths do not go with those of another one."""
    if len(texts) < 2:
        return
    first = max(sorted(texts), key=lambda code: (len(texts[code]), code == "en"))
    problems = {
        code: problem for code in sorted(texts.keys() - {first}) if (problem := _pair(texts, first, code))
    }
    if len(problems) > 1 and len(problems) == len(texts) - 1:  # the others go with each other
        other = min(problems)
        problems = {first: _pair(texts, other, first) or problems[other]}
    yield from problems.items()


def _pair(texts: Texts, first: str, second: str) -> str:
    """What is wrong with the texts of `second`, beside those of `first`; "" for nothing."""
    shared = [i for i in texts[second] if i in texts[first]]  # in the order of the file
    if len(shared) < LENGTHS:
        return ""
    one, other = (
        np.log1p([len(texts[code][i]) for i in shared]).astype(np.float64) for code in (first, second)
    )
    if shift := _shift(one, other):
        begin, end, lag, here, there = shift
        lines = f"{abs(lag)} line{'s' * (abs(lag) > 1)} {'before' if lag > 0 else 'after'}"
        ids = f"from id {shared[begin][:SHOWN]} to {shared[end - 1][:SHOWN]}"
        return (
            f"{end - begin} of {len(shared)} texts in {second}, {ids}, go with those in {first} {lines} "
            f"(correlation of lengths {there:.2f}, with their own {here:.2f}); move them"
        )
    if _correlation(one, other) >= UNRELATED:
        return ""
    long = np.array([translatable(texts[first][i]) and translatable(texts[second][i]) for i in shared])
    number = int(long.sum())
    if number < LENGTHS:
        return ""
    related = _correlation(one[long], other[long])
    # of few texts a low correlation may be chance: it is two standard errors below .35
    if related < min(UNRELATED, 0.35 - 2 / number**0.5):
        return (
            f"{number} texts in {second} are no translations of those in {first} with the same id "
            f"(correlation of lengths {related:.2f}); correct the ids, or set parallel: false"
        )
    return ""


def _shift(one: Lengths, other: Lengths) -> tuple[int, int, int, float, float] | None:
    """(Begin, end, lag, correlation, correlation at the lag) of the part of a file that is shifted most.

    one, other: log lengths (n,). At lag k, text i of `other` stands beside text i - k of `one`. The parts are
    the file, its halves, their halves, and so on.
    """
    found, most = None, SHIFTED
    parts = [(0, len(one))]
    while parts:
        begin, end = parts.pop()
        here = _correlation(one[begin:end], other[begin:end])
        for lag in (sign * lag for lag in LAGS for sign in (1, -1)) if here < 1 - UNRELATED else ():
            left, right = begin + max(-lag, 0), end - max(lag, 0)
            pair = one[left:right], other[left + lag : right + lag]
            there = _correlation(*pair)
            # Fisher's z of both, as of independent samples
            errors = (np.arctanh(there) - np.arctanh(here)) * ((end - begin - 3) / 2) ** 0.5
            if errors > most and there > here + UNRELATED and min(map(_varied, pair)) >= VARIED:
                found, most = (begin, end, lag, here, there), errors
        half = (end - begin) // 2
        if half >= max(LENGTHS, len(one) // PARTS):
            parts += [(begin, begin + half), (begin + half, end)]
    return found


def _varied(lengths: Lengths) -> int:
    """Number of texts with another length than most."""
    return int(np.count_nonzero(lengths != np.median(lengths)))


def _correlation(one: Lengths, other: Lengths) -> float:
    """Pearson's correlation, below 1 for Fisher's z; 0 if all lengths of one are equal."""
    if one.min() == one.max() or other.min() == other.max():
        return 0.0
    one, other = one - one.mean(), other - other.mean()
    return min(float(one @ other / ((one @ one) * (other @ other)) ** 0.5), 1 - 1e-9)
