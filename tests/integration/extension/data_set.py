"""A training set and a benchmark: animals by colour and name."""

from itertools import product

from langscale.data.benchmarks.common import frames
from langscale.data.records import BenchmarkRecord, BenchmarkSize, SourceRecord, SourceSize
from langscale.data.sources.common import tables

LANGUAGES = {"de": "de", "en": "en"}
WORDS = {
    "de": ("rot blau weiß grün grau gelb lila rosa", "Hund Wolf Kuh Pferd Ziege Maus Igel Fuchs", "schläft"),
    "en": (
        "red blue white green grey yellow purple pink",
        "dog wolf cow horse goat mouse boar fox",
        "sleeps",
    ),
}

ANIMALS = SourceRecord(
    name="animals",
    languages=LANGUAGES,
    locate=None,
    licence="CC0-1.0",
    parts=("train",),
    size=SourceSize(pairs=48, query=3, passage=4),
    reader=lambda: pairs,
)
ZOO = BenchmarkRecord(
    name="zoo",
    languages=LANGUAGES,
    locate=None,
    licence="CC0-1.0",
    akin=("animals",),
    size=BenchmarkSize(queries=16, candidates=16, query=3, candidate=4),
    reader=lambda: questions,
)


def animals(languages, evaluation):
    """(id, language, query, passage) of 48 animals for training, or of 16 others for evaluation."""
    for code, (i, j) in product(languages, product(range(8), range(8))):
        if ((i + j) % 4 == 0) == evaluation:
            colours, names, does = WORDS[code]
            animal = f"{colours.split()[i]} {names.split()[j]}"
            yield f"{i}-{j}", code, animal, f"{animal} {does}"


def pairs(part, languages, raw, pairs, seed):
    """The tables of the training set."""
    rows = list(animals(ANIMALS.chosen(languages), False))
    return tables(
        [(i, code, query, i, []) for i, code, query, _ in rows],
        [(i, code, text) for i, code, _, text in rows],
    )


def questions(languages, queries, raw):
    """The tables of the benchmark."""
    codes = ZOO.chosen(languages)
    rows = list(animals(codes, True))
    return frames(
        [(i, i, code, query) for i, code, query, _ in rows],
        [(f"{code}:{i}", i, code, text) for i, code, _, text in rows],
        [(i, code, f"{other}:{i}") for i, code, _, _ in rows for other in codes],
    )
