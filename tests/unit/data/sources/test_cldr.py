"""The cards on the real CLDR data: slow references over the texts themselves, and every trap by name."""

import itertools
import os
import subprocess
import sys
import unicodedata
from collections import defaultdict
from functools import cache

import pytest
from babel import localedata
from babel.core import get_global

from langscale.core.errors import UserError
from langscale.data.benchmarks import cldr as benchmark
from langscale.data.sources import cldr

# fmt: off
STUDY = (
    "en", "ar", "zh", "de", "hi", "ru", "es", "th", "tr", "el", "vi", "nl", "pt", "it", "sv", "ca", "ro",
    "fr", "uk", "bg", "mk", "sr", "fa", "ur", "mr", "ne", "ja", "ko",
)
# fmt: on
CARDS = {card.card_id: card for card in cldr.cards()}
USED = sorted({e for card in cldr.cards() for e in (card.card_id, *card.values)})
OTHER = [code for code in cldr.ROSTER if "_Latn_" not in get_global("likely_subtags")[code]]
PAIRS = list(itertools.combinations(cldr.PARTS, 2))


def kind(entity):
    return entity.split(":")[0]


def folded(entity, language):
    return cldr.names(language)[entity].casefold()


def of(part):
    return [card for card in cldr.cards() if cldr.part_of(card) == part]


def test_roster_is_every_well_covered_locale():
    """It is the locales that name 99.6 % of what the study's languages name, but the six it speaks of."""
    assert list(cldr.ROSTER) == sorted(set(cldr.ROSTER)) and len(cldr.ROSTER) >= 50
    assert set(STUDY) <= set(cldr.ROSTER)
    continents = {f"territory:{number}" for number in cldr.CONTINENTS.values()}

    def named(code):
        regions = {e for e in cldr.names(code) if e.startswith("territory:") and e[10:].isdigit()}
        return set(cldr.names(code)) - (regions - continents)

    wanted = set.intersection(*(named(code) for code in STUDY))
    subtags = get_global("likely_subtags")
    locales = [code for code in localedata.locale_identifiers() if "_" not in code and code in subtags]
    covered = {code for code in locales if len(wanted & named(code)) / len(wanted) >= 0.996}
    assert len(locales) > 250 and covered >= set(cldr.ROSTER)
    assert covered - set(cldr.ROSTER) == {"ht", "fil", "cy", "zu", "nb", "nn"}


def test_reasons_to_leave_languages_out():
    same = [cldr.names("fil")[e] == cldr.names("en")[e] for e in USED if kind(e) not in ("city", "zone")]
    assert sum(same) / len(same) > 0.7
    assert cldr.names("ht")["language:de"] == cldr.names("fr")["language:de"]
    patterns = {code: localedata.load(code)["list_patterns"]["standard"] for code in ("root", "cy", "zu")}
    assert "(" in patterns["cy"]["2"] and "-{1}" in patterns["zu"]["2"]
    assert all(localedata.load(code)["list_patterns"]["standard"] != patterns["root"] for code in cldr.ROSTER)


def test_merged_data_adds_only_cities_to_a_roster_locale():
    """What `names` relies on: its locales inherit from the root alone, which names nothing but cities."""
    root = localedata.load("root")
    assert not any(root[t] for t in ("territories", "languages", "scripts", "currency_names", "meta_zones"))
    assert sum("city" in zone for zone in root["time_zones"].values()) > 30
    for code in cldr.ROSTER:
        assert "_" not in code and get_global("parent_exceptions").get(code, "root") == "root"


def test_names_are_in_the_locales_own_file():
    """In a fresh process, with no merged data in babel's cache yet, the unmerged file has every name."""
    script = """if True:
        from babel import localedata
        for code in ("ru", "ja", "hi", "de"):
            own = localedata.load(code, merge_inherited=False)
            tables = ("territories", "languages", "scripts", "currency_names")
            for kind, table in zip(("territory", "language", "script", "currency"), tables):
                print(*(f"{code}:{kind}:{key}" for key in own[table]))
            zones = own["meta_zones"].items()
            print(*(f"{code}:zone:{z}" for z, v in zones if "standard" in v.get("long", {})))
            print(*(f"{code}:city:{z}" for z, v in own["time_zones"].items() if "city" in v))
    """
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    own = set(run.stdout.split())
    for code in ("ru", "ja", "hi"):
        assert [e for e in USED if f"{code}:{e}" not in own] == []
    missing = [
        e for e in USED if f"de:{e}" not in own
    ]  # Latin script: cities, as the id or the root has them
    assert "city:Europe/Berlin" in missing and {kind(e) for e in missing} == {"city"}


def test_cities_of_latin_script_come_from_the_id_and_others_never_do():
    assert all(cldr.names(code)["city:America/Los_Angeles"] == "Los Angeles" for code in ("de", "vi", "sw"))
    root = localedata.load("root")["time_zones"]
    fallbacks = [e for e in USED if kind(e) == "city" and "city" in root.get(e[5:], {})]
    assert len(fallbacks) > 20
    for code in OTHER:
        names = cldr.names(code)
        assert "city:America/Indiana/Indianapolis" not in names  # an alias, which no locale names
        assert all(names[e] != root[e[5:]]["city"] for e in fallbacks)
        assert not [e for e in USED if names[e].isascii()]


@pytest.mark.parametrize("code", cldr.ROSTER)
def test_names_are_clean(code):
    for entity in USED:
        name = cldr.names(code)[entity]
        assert name and name == " ".join(name.split()) == unicodedata.normalize("NFC", name)
        # Joiners are spelling in Persian, Sinhala and others; every other format character is gone.
        assert all(c in "\u200c\u200d" or unicodedata.category(c)[0] != "C" for c in name)
        assert not set("[]") & set(name) and "Unknown" not in name and f"({entity.split(':')[1]})" not in name


def test_no_extinct_constructed_or_unknown_languages():
    odd = {"uga", "grc", "gez", "eo", "ia", "io", "jbo", "und", "mul", "zxx"}
    assert not {f"language:{code}" for code in odd} & set(cldr.facts())
    table = get_global("territory_languages")
    assert (
        get_global("likely_subtags")["uga"].endswith("_SY")
        and "und" in table["AQ"]
        and cldr.speakers("AQ") == {}
    )
    assert "grc" in table["GR"] and "grc" not in cldr.speakers("GR")
    for card in cldr.cards():
        if kind(card.card_id) == "language":
            assert card.card_id[9:] in {tag.split("_")[0] for tag in table[card.home]}


def test_currencies_are_legal_tender_today():
    assert [v for v in CARDS["territory:DE"].values if kind(v) == "currency"] == ["currency:EUR"]
    assert not {"currency:DEM", "currency:FRF", "currency:HRK", "currency:XAU", "currency:USN"} & set(USED)
    uses = {(v, c) for c in CARDS for v in CARDS[c].values if kind(c) == "currency" and v[10:].isalpha()}
    uses |= {(c, v) for c in CARDS for v in CARDS[c].values if kind(v) == "currency"}
    assert len(uses) > 250
    for territory, currency in uses:
        history = get_global("territory_currencies")[territory[10:]]
        assert (currency[9:], None, True) in [(code, end, tender) for code, _, end, tender in history]


def test_no_city_is_named_as_its_territory():
    for name, zone in (("Singapore", "Asia/Singapore"), ("Luxembourg", "Europe/Luxembourg")):
        assert cldr.names("en")[f"city:{zone}"] == name and f"city:{zone}" not in USED
    cities = [e for e in USED if kind(e) == "city"]
    assert len(cities) > 300
    for code, city in itertools.product(cldr.ROSTER, cities):
        assert folded(city, code) != folded(f"territory:{cldr.home(city)}", code)


def test_no_zone_is_named_as_a_place():
    """Russian has one word for India and its time, which would stand twice on the cards of its cities."""
    assert cldr.names("ru")["zone:India"] == cldr.names("ru")["territory:IN"]
    assert "zone:India" not in USED and "zone:Europe_Central" in USED
    for code in cldr.ROSTER:
        places = {folded(e, code) for e in USED if kind(e) in ("city", "territory", "language")}
        assert not places & {folded(e, code) for e in USED if kind(e) == "zone"}


def test_continents_are_agreed_on():
    assert "territory:150" in CARDS["territory:DE"].values
    assert not {"territory:150", "territory:142"} & set(CARDS["territory:RU"].values)  # its zones lie in both
    assert cldr.continent(["Asia/Tokyo", "Atlantic/Bermuda"]) == ["territory:142"]
    assert cldr.continent(["Atlantic/Bermuda"]) == cldr.continent(["Europe/Rome", "Asia/Tokyo"]) == []


def test_cards_are_sorted_and_have_two_to_many_values():
    ids = list(CARDS)
    assert ids == sorted(set(ids)) and len(ids) == len(cldr.cards()) > 1100
    assert {kind(i) for i in ids} == {"territory", "language", "city", "zone", "currency"}
    for card in cldr.cards():
        kinds = [kind(v) for v in card.values]
        assert len(kinds) >= 2 and max(map(kinds.count, kinds)) <= cldr.VALUES
        assert set(card.values) <= set(cldr.facts()[card.card_id])


def test_no_value_is_doubled_by_translation_and_no_two_cards_have_one_text():
    texts = defaultdict(set)
    for code, card in itertools.product(cldr.ROSTER, cldr.cards()):
        assert len({folded(v, code) for v in card.values}) == len(card.values)
        texts[cldr.passage(card, code)].add(card.card_id)
    assert {len(ids) for ids in texts.values()} == {1}  # across languages, too: the pool of multi is theirs


def test_texts_as_a_reader_expects_them():
    riga = CARDS["city:Europe/Riga"]
    assert riga == cldr.Card(
        "city:Europe/Riga", "LV", ("territory:LV", "territory:150", "zone:Europe_Eastern")
    )
    assert cldr.passage(riga, "en") == "Riga: Latvia, Europe, and Eastern European Standard Time"
    assert cldr.passage(riga, "hi") == "रीगा: लातविया, यूरोप, और पूर्वी यूरोपीय मानक समय"
    assert cldr.passage(riga, "ja") == "リガ: ラトビア、ヨーロッパ、東ヨーロッパ標準時"
    assert cldr.query_text(riga.values[::2], "de") == "Lettland und Osteuropäische Normalzeit"
    assert "\u200f" not in cldr.passage(CARDS["territory:DE"], "fa")  # which Persian's pattern has


def test_parts_follow_the_home_territory_in_the_stated_shares():
    for part, share in zip(cldr.PARTS, (0.65, 0.1, 0.25), strict=True):
        assert abs(len(of(part)) / len(CARDS) - share) < 0.05
    its = [{card.home for card in of(part)} for part in cldr.PARTS]
    assert sum(map(len, its)) == len(set.union(*its))
    homes = {card.card_id: card.home for card in cldr.cards()}
    assert homes["territory:DE"] == homes["language:de"] == homes["city:Europe/Berlin"] == "DE"
    assert homes["currency:USD"] == "US" and homes["currency:JPY"] == homes["zone:Japan"] == "JP"


def test_no_fact_stands_in_two_parts_in_either_direction():
    facts = {part: {frozenset((c.card_id, v)) for c in of(part) for v in c.values} for part in cldr.PARTS}
    assert all(facts[one] and not facts[one] & facts[other] for one, other in PAIRS)
    # There was something to keep apart: unrestricted, many facts of evaluation cards come back in training.
    raw = [{frozenset((c.card_id, v)) for c in of(p) for v in cldr.facts()[c.card_id]} for p in cldr.PARTS]
    assert len(raw[0] & raw[2]) > 100
    # By name, in languages that do not call Italy and Italian alike ("Italy: German", "Italian: Germany").
    for code in ("en", "de", "hi", "ru", "ja", "ar"):
        texts = {p: {frozenset(folded(e, code) for e in fact) for fact in facts[p]} for p in cldr.PARTS}
        assert not any(texts[one] & texts[other] for one, other in PAIRS)


def test_euro_names_territories_of_its_own_part_only():
    euro = CARDS["currency:EUR"]
    users = [v for v in cldr.facts()["currency:EUR"] if v[10:].isalpha()]
    part = {v: cldr.part_of(CARDS[v]) for v in users}
    assert len(users) > 30 and set(part.values()) == set(cldr.PARTS)
    assert len(euro.values) > 1 and {part[v] for v in euro.values} == {cldr.part_of(euro)}
    assert all("currency:EUR" in CARDS[v].values for v in users)  # the territories themselves keep it


@pytest.mark.parametrize("code", cldr.ROSTER)
def test_exactly_one_card_of_the_pool_holds_both_texts_of_a_query(code):
    """By the texts, not the ids, the card's name included, in every roster language."""
    held = defaultdict(set)
    for card in cldr.cards():
        for entity in (card.card_id, *card.values):
            held[folded(entity, code)].add(card.card_id)
    asked = [(card.card_id, pair) for card in cldr.cards() for pair in cldr.queries(card)]
    assert len(asked) > 2500
    for i, (a, b) in asked:
        assert held[folded(a, code)] & held[folded(b, code)] == {i}
        assert folded(i, code) not in (folded(a, code), folded(b, code))


def test_queries_are_all_pairs_that_a_plain_search_accepts():
    """Reference: a pair of a card against name and full facts of every card, by names in all languages."""

    @cache
    def called(entity):
        return {(code, folded(entity, code)) for code in cldr.ROSTER}

    def holds(other, value):
        return any(called(value) & called(e) for e in (other, *cldr.facts()[other]))

    some = [card for part in cldr.PARTS for card in of(part) if cldr.queries(card)][::60]
    for card in [*some, CARDS["territory:GU"], CARDS["currency:JPY"]]:
        expected = [
            pair
            for pair in itertools.combinations(card.values, 2)
            if not any(called(v) & called(card.card_id) for v in pair)
            and not any(all(holds(i, v) for v in pair) for i in CARDS if i != card.card_id)
        ]
        assert list(cldr.queries(card)) == expected
        assert bool(expected) == (card in some)


def test_build_keeps_the_contract_and_the_same_ids_in_every_language():
    for part in cldr.PARTS:
        pairs, passages = cldr.build(part, ["hi", "de", "en", "de"])
        assert list(pairs) == ["pair_id", "language", "query", "passage_id", "negative_ids"]
        assert list(passages) == ["passage_id", "language", "text"]
        for table, name in ((pairs, "pair_id"), (passages, "passage_id")):
            rows = list(zip(table.language, table[name], strict=True))
            assert rows == sorted(set(rows)) and list(table.language.unique()) == ["de", "en", "hi"]
            ids = {code: list(its[name]) for code, its in table.groupby("language")}
            assert ids["de"] == ids["en"] == ids["hi"]
        assert set(pairs.passage_id) <= set(passages.passage_id) == {f"cldr:{c.card_id}" for c in of(part)}
        assert all(negatives == [] for negatives in pairs.negative_ids)
    train = cldr.build("train", ["en"])[0].set_index("pair_id")["query"]
    assert train["cldr:city:Europe/Riga#LV+Europe_Eastern"] == "Latvia and Eastern European Standard Time"


def test_nothing_depends_on_the_process():
    """A process with another hash seed, hence another order of sets, builds the same tables."""
    script = """if True:
        from langscale.data.benchmarks import cldr as benchmark
        from langscale.data.sources import cldr
        tables = [*cldr.build("train", ["ja", "en"]), *benchmark.build(["ja", "en"], 50)]
        print(*(table.to_csv() for table in tables))
    """
    env = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    tables = [*cldr.build("train", ["ja", "en"]), *benchmark.build(["ja", "en"], 50)]
    assert run.stdout.split() == " ".join(table.to_csv() for table in tables).split()


@pytest.mark.parametrize(("wrong", "near"), [("zh-Hans", "zh"), ("pt_BR", "pt"), ("EN", "en"), ("nob", "no")])
def test_unknown_languages_and_parts_are_refused(wrong, near):
    for build in (lambda: cldr.build("train", ["de", wrong]), lambda: benchmark.build([wrong], 10)):
        with pytest.raises(UserError, match=f"^cldr has no language '{wrong}'.*[ :]{near}(,|$)"):
            build()
    with pytest.raises(ValueError, match="'test'; right: train, validation, evaluation"):
        cldr.build("test", ["en"])
