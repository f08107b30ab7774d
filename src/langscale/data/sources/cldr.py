"""Entity descriptions (cards) from the Unicode CLDR in `babel`: the bundled training set.

A card is an entity (territory, language, city, time zone or currency) with a list of related entities, all as
ids, so that it is the same in every language. Its passage is "name: v1, v2 and v3" in the words and with the
list pattern of a locale. A query is two of its values. The task is entity retrieval, not question answering.

Names. An entity is used only if every locale of ROSTER has its own name for it, so that cards and queries do
not depend on a study's languages. The root locale of babel names cities only. In a locale in Latin script,
CLDR intends the root's name or the last part of the zone id as the name of a city. In other scripts they are
fallbacks and do not count. Two entities *clash* if some roster locale has one name for both (Thai for Vietnam
and Vietnamese). Cities with the name of their territory are left out, and so are zones with the name of a
place or language. Of two clashing values on one card the first stays.

Facts. Territory: continent, legal tenders, languages, cities. City: territory, continent, zone. Language:
territories, script. Currency: territories, continent. Zone: cities, continent. The continent is the first
part of the tz database's ids, if all places of the entity agree on it.

Parts. A card belongs to the part of its home territory, drawn by hash. A fact between entities of different
parts stays on the card of the place (territory or city) and leaves the card of the language, currency or
zone: 'Euro' names territories of its own part only. So no fact of one part comes back in another part through
the inverse card.

Queries. A pair of values is a query if no other card holds both, as values or as its name. Clashing entities
count as the same entity here, and a card holds everything in `facts`, also values that its passage leaves
out.

Source: CLDR's supplemental and locale data (Unicode licence) in babel (BSD). The version of babel fixes both.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd
from babel import localedata
from babel.core import get_global
from babel.lists import format_list

from langscale.core.random import key
from langscale.data.records import SourceRecord, SourceSize

# Measured on CLDR 47: of all entities that the default study's 28 languages name, these locales name 99.6 %
# or more. Left out of such locales: ht (its words are French), fil (three names in four are the English
# ones), cy and zu (patterns that leave a choice or a prefix to the writer: "a(c) X", "ne-X"), nb and nn (no
# is there).
# fmt: off
ROSTER: tuple[str, ...] = (
    "af", "am", "ar", "az", "be", "bg", "bn", "bs", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu",
    "fa", "fi", "fr", "gd", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk",
    "km", "kn", "ko", "ky", "lo", "lt", "lv", "mk", "ml", "mr", "ms", "my", "ne", "nl", "no", "pa", "pl",
    "pt", "ro", "ru", "si", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "uz",
    "vi", "yue", "zh",
)
# fmt: on
CLDR = SourceRecord(
    name="cldr",
    languages={code: code for code in ROSTER},
    locate=None,
    every_language=True,
    size=SourceSize(pairs=1_900, query=8, passage=22),
    reader=lambda: build,
)
PARTS = ("train", "validation", "evaluation")
SHARES = (0.65, 0.75)  # territories whose hash is below the first train, below the second validate
VALUES = 6  # of one kind on a card: CLDR gives English 151 values, the median card 3
CONTINENTS = {
    "Africa": "002",
    "America": "019",
    "Asia": "142",
    "Australia": "009",
    "Europe": "150",
    "Pacific": "009",
}
PLACES = ("territory", "city")
# babel has only the short forms "Simplified" and "Traditional" of the first two; Yi is one letter in Russian.
NO_SCRIPTS = ("Hans", "Hant", "Yiii")
# Soft hyphens, zero-width spaces and direction marks are for display; [CFA] has an editor's brackets.
CLEAN = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f[]"))


@dataclass(frozen=True)
class Card:
    """An entity and its related entities, as ids `kind:code` such as "territory:DE"."""

    card_id: str
    home: str  # territory code
    values: tuple[str, ...]


@cache
def names(language: str) -> dict[str, str]:
    """Entity id -> name in a locale, for all entities with a name of the locale itself.

    It reads merged locale data: `babel.localedata.load(..., merge_inherited=False)` has one cache with the
    merged form and returns the form of the first call. Nothing is lost, because every roster locale inherits
    from the root alone, and the root names only cities.
    """
    data = localedata.load(language)
    root = localedata.load("root")["time_zones"]
    latin = "_Latn_" in get_global("likely_subtags")[language]
    found: dict[str, str] = {}
    for kind, table in (
        ("territory", "territories"),
        ("language", "languages"),
        ("script", "scripts"),
        ("currency", "currency_names"),
    ):
        found |= {f"{kind}:{code}": name for code, name in data[table].items()}
    for zone, forms in data["meta_zones"].items():
        # Every zone has its standard form; the generic one is missing where there is no summer time.
        found[f"zone:{zone}"] = forms.get("long", {}).get("standard", "")
    for zone in get_global("zone_territories"):
        name = data["time_zones"].get(zone, {}).get("city", "")
        if latin:
            name = name or zone.rsplit("/", 1)[-1].replace("_", " ")
        elif name == root.get(zone, {}).get("city"):
            name = ""
        found[f"city:{zone}"] = name
    clean = {e: " ".join(name.translate(CLEAN).split()) for e, name in found.items()}
    # A code in brackets, as in "CFA (BAM)", would be the same string in every language.
    return {e: name.removesuffix(f" ({e.split(':')[1]})") for e, name in clean.items() if name}


@cache
def entities() -> frozenset[str]:
    """Ids of all entities with a name in every roster locale. Of regions, only continents."""
    shared = frozenset.intersection(*(frozenset(names(language)) for language in ROSTER))
    regions = {e for e in shared if e.startswith("territory:") and e.split(":")[1].isdigit()}
    return shared - (regions - {f"territory:{code}" for code in CONTINENTS.values()})


@cache
def clashes() -> dict[str, frozenset[str]]:
    """Entity id -> the entities with the same name in some roster locale, without case; itself among them."""
    found = {e: {e} for e in entities()}
    for language in ROSTER:
        same = defaultdict(list)
        for e in entities():
            same[names(language)[e].casefold()].append(e)
        for group in same.values():
            for e in group:
                found[e].update(group)
    return {e: frozenset(group) for e, group in found.items()}


def clash(entity: str, others: Iterable[str]) -> bool:
    """Whether some roster locale has one name for `entity` and for one of `others`."""
    return not clashes()[entity].isdisjoint(others)


def continent(zones: Iterable[str]) -> list[str]:
    """The one continent of all these zone ids, as a list of one, else empty. Oceans and poles have none."""
    found = {CONTINENTS[zone.split("/")[0]] for zone in zones if zone.split("/")[0] in CONTINENTS}
    return [f"territory:{code}" for code in found] if len(found) == 1 else []


def speakers(territory: str) -> dict[str, float]:
    """Language -> percentage of the population, the largest first. Forms by script count as their language.

    Left out are languages with 0 % (extinct languages), and languages without speakers in the place of their
    likely subtags (Ugaritic in Syria, Esperanto in the world, "unknown language" in the US).
    """
    table = get_global("territory_languages")
    found: dict[str, float] = defaultdict(float)
    for tag, its in table.get(territory, {}).items():
        language = tag.split("_")[0]
        place = get_global("likely_subtags").get(language, "").split("_")[-1]
        if its["population_percent"] > 0 and any(t.split("_")[0] == language for t in table.get(place, {})):
            found[language] = max(found[language], its["population_percent"])
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


@cache
def facts() -> dict[str, tuple[str, ...]]:
    """Entity id -> all its values, in the order of the card, before the split into parts and the limits."""
    zones, metazones = get_global("zone_territories"), get_global("meta_zones")
    places = [e for e in entities() if e.split(":")[0] in (*PLACES, "language")]
    cities: dict[str, list[str]] = defaultdict(list)
    timed: dict[str, list[str]] = defaultdict(list)
    used: dict[str, list[str]] = defaultdict(list)
    spoken: dict[str, list[tuple[float, str]]] = defaultdict(list)
    lists: dict[str, list[str]] = {}
    for zone in sorted(zones):
        if f"city:{zone}" in entities():
            cities[zones[zone]].append(zone)
    for territory in sorted(get_global("territory_languages")):
        here = f"territory:{territory}"
        if here not in entities():
            continue
        # (code, start, end, legal tender): what has an end is history.
        tenders = get_global("territory_currencies").get(territory, [])
        currencies = [f"currency:{code}" for code, _, end, legal in tenders if legal and end is None]
        languages = speakers(territory)
        own = [zone for zone in cities[territory] if not clash(f"city:{zone}", [here])]
        lists[here] = continent(cities[territory]) + currencies
        lists[here] += [f"language:{code}" for code in languages] + [f"city:{zone}" for zone in own]
        for currency in currencies:
            used[currency].append(territory)
        for code, percent in languages.items():
            spoken[code].append((-percent, territory))
        for zone in own:
            time = f"zone:{metazones.get(zone)}"
            lists[f"city:{zone}"] = [here, *continent([zone])]
            if time in entities() and not clash(time, places):
                lists[f"city:{zone}"].append(time)
                timed[time].append(zone)
    for code, shares in spoken.items():
        _, script, place = get_global("likely_subtags")[code].split("_")
        order = sorted(shares, key=lambda share: (share[1] != place, share))
        lists[f"language:{code}"] = [f"territory:{t}" for _, t in order]
        lists[f"language:{code}"] += [f"script:{script}"] if script not in NO_SCRIPTS else []
    for currency, users in used.items():
        ordered = sorted(users, key=lambda t: key("cldr", currency, t))
        lists[currency] = [f"territory:{t}" for t in ordered] + continent(z for t in users for z in cities[t])
    for time, its in timed.items():
        ordered = sorted(its, key=lambda zone: key("cldr", time, zone))
        lists[time] = [f"city:{zone}" for zone in ordered] + continent(its)
    return {e: _distinct(values) for e, values in sorted(lists.items()) if e in entities()}


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for value in values:
        if value in entities() and not clash(value, kept):
            kept.append(value)
    return tuple(kept)


@cache
def home(entity: str) -> str:
    """Code of the home territory of an entity; "" for scripts and continents, which have no part.

    Language: the territory of its likely subtags. Currency: the territory in its code if the currency is used
    there (US in USD), else the first by code. Time zone: the territory with most of its cities, then the
    first by code.
    """
    kind, code = entity.split(":")
    if kind == "script" or code in CONTINENTS.values():
        return ""
    if kind == "territory":
        return code
    if kind == "city":
        return get_global("zone_territories")[code]
    if kind == "language":
        return get_global("likely_subtags")[code].split("_")[2]
    holders = [home(value) for value in facts()[entity] if home(value)]
    if kind == "currency" and code[:2] in holders:
        return code[:2]
    return min(holders, key=lambda t: (-holders.count(t), t))


def _part(territory: str) -> str:
    draw = key("cldr", "part", territory) / 2**64
    return PARTS[sum(draw >= share for share in SHARES)]


def part_of(card: Card) -> str:
    """The part of a card: "train", "validation" or "evaluation", by the hash of its home territory."""
    return _part(card.home)


@cache
def cards() -> tuple[Card, ...]:
    """All cards with at least two values, sorted by card id."""
    found = []
    for entity, values in facts().items():
        here, place = home(entity), entity.split(":")[0] in PLACES
        counts: dict[str, int] = defaultdict(int)
        kept = []
        for value in values:
            kind, there = value.split(":")[0], home(value)
            if counts[kind] < VALUES and (place or not there or _part(there) == _part(here)):
                counts[kind] += 1
                kept.append(value)
        if len(kept) > 1:
            found.append(Card(entity, here, tuple(kept)))
    return tuple(found)


@cache
def _holders() -> dict[str, frozenset[str]]:
    """Entity id -> the cards with it, or a clashing entity, in name or facts."""
    held = defaultdict(set)
    for card in cards():
        for value in (card.card_id, *facts()[card.card_id]):
            for twin in clashes()[value]:
                held[twin].add(card.card_id)
    return {e: frozenset(its) for e, its in held.items()}


@cache
def queries(card: Card) -> tuple[tuple[str, str], ...]:
    """The pairs of the card's values on no other card, in the card's order."""
    # A value that clashes with the card's name would name the answer.
    values = [value for value in card.values if not clash(value, [card.card_id])]
    held = _holders()
    pairs = itertools.combinations(values, 2)
    return tuple((a, b) for a, b in pairs if held[a] & held[b] == {card.card_id})


def pair_id(card: Card, pair: tuple[str, str]) -> str:
    """Content key of a query, such as "cldr:territory:DE#EUR+de"."""
    return f"cldr:{card.card_id}#{'+'.join(value.split(':')[1] for value in pair)}"


def passage(card: Card, language: str) -> str:
    """The card in a language, by the locale's list pattern: "name: v1, v2 and v3"."""
    return f"{names(language)[card.card_id]}: {_enumerated(card.values, language)}"


def query_text(pair: tuple[str, str], language: str) -> str:
    """A query in a language, by the locale's list pattern: "v1 and v2"."""
    return _enumerated(pair, language)


def _enumerated(values: Sequence[str], language: str) -> str:
    # Persian and Khmer patterns bring display marks of their own.
    return format_list([names(language)[value] for value in values], locale=language).translate(CLEAN)


def build(
    part: str, languages: Sequence[str], raw: object = None, pairs: int | None = None, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs and passages of one part, "train", "validation" or "evaluation", in BCP 47 languages.

    Returns the two tables of a source, sorted by language, then id. The passages are all cards of the part,
    with and without queries. pairs: sample size, by hash; None: all. `raw` is not read. Raises UserError for
    a language outside ROSTER.
    """
    if part not in PARTS:
        raise ValueError(f"cldr: no part {part!r}; right: {', '.join(PARTS)}")
    languages = sorted(set(CLDR.chosen(languages)))
    its = [card for card in cards() if part_of(card) == part]
    chosen = [(pair_id(card, pair), card, pair) for card in its for pair in queries(card)]
    chosen = sorted(sorted(chosen, key=lambda pair: key("cldr", seed, pair[0]))[:pairs])
    rows: list[tuple[str, str, str, str, list[str]]] = [
        (i, language, query_text(pair, language), f"cldr:{card.card_id}", [])
        for language in languages
        for i, card, pair in chosen
    ]
    passages = [
        (f"cldr:{card.card_id}", language, passage(card, language)) for language in languages for card in its
    ]
    return (
        pd.DataFrame(rows, columns=["pair_id", "language", "query", "passage_id", "negative_ids"]),
        pd.DataFrame(passages, columns=["passage_id", "language", "text"]),
    )
