"""Languages: ladders (orderings of a pool), the id of a set, and a code's script, family, branch and name.

Codes are BCP 47: `en`, `zh-Hans`, `sr-Latn`, `pt-BR`. Three-letter codes of the same languages mean the same.
"""

import hashlib
from collections.abc import Sequence
from functools import cache

from langscale.core.errors import UserError
from langscale.core.random import stream

# Family/branch: languages. A table by hand, because no package has what is needed: the best one (qwanqwa
# 1.2.1, with Glottolog's tree) knows no ancestors of macrolanguages, which ar, zh, fa and sw are, does not
# say which of up to twenty ancestors is the branch, and costs 3 s and 0.4 GB in every process. The tree is
# Glottolog's, so creoles stand with the language of their words; tests/unit/test_languages.py checks every
# entry against it. Covered: NTREX-128, Belebele, Tatoeba, and the CLDR locales that name 150 or more
# territories.
BRANCHES = {
    "Abkhaz-Adyge": "ab",
    "Afro-Asiatic/Berber": "ber kab rif shi tzm zgh",
    "Afro-Asiatic/Chadic": "ha",
    "Afro-Asiatic/Cushitic": "om so",
    "Afro-Asiatic/Semitic": "acm am apc ar arq ars ary arz he mey mt syr ti",
    "Artificial Language": "eo ia ie io lfn nov nqo tok tzl",
    "Atlantic-Congo/Bantu": "asa bas bem bez cgg dav ebu ewo guz jmc kam kde ki ksb ksf lag lg ln lu luy mer "
    "nd nmg nso ny nyn rn rof rw rwk sbp seh sn ss st sw tn ts ve vun xh xog yav zu",
    "Atlantic-Congo/North-Central Atlantic": "ff fuv wo",
    "Atlantic-Congo/Volta-Congo": "agq ak blo ee gaa ig mua sg yo",
    "Austroasiatic/Khmer": "km",
    "Austroasiatic/Mundaic": "sat",
    "Austroasiatic/Vietic": "vi",
    "Austronesian/Malayic": "bew id max ms",
    "Austronesian/Malayo-Polynesian": "ch dtp ilo jv mg pam su",
    "Austronesian/Oceanic": "fj mi sm to ty",
    "Austronesian/Philippine": "ceb fil war",
    "Basque": "eu",
    "Dravidian": "kn kxv ml ta te",
    "Eskimo-Aleut": "kl",
    "Hmong-Mien": "hmn",
    "Indo-European/Albanian": "sq",
    "Indo-European/Armenian": "hy",
    "Indo-European/Baltic": "lt lv",
    "Indo-European/Celtic": "br cy ga gd kw",
    "Indo-European/Germanic": "af ang da de en fo frr fy gsw is ksh lb nb nds nl nn no pcm sv swg wae yi",
    "Indo-European/Greek": "el",
    "Indo-European/Indo-Aryan": "as awa bn ccp dv gu hi kok ks mai mr ne or pa sd si trw ur xnr",
    "Indo-European/Iranian": "ckb fa ku mzn pbt ps tg",
    "Indo-European/Italic": "la",
    "Indo-European/Romance": "an ast ca cbk es fr fur gl ht it kea lij lld mfe oc pap pms pt rm ro sc scn "
    "vec",
    "Indo-European/Slavic": "be bg bs cs csb dsb hr hsb mk orv pl ru sk sl sr szl uk",
    "Iroquoian": "chr",
    "Japonic": "ja",
    "Kartvelian": "ka",
    "Khoe-Kwadi": "naq",
    "Koreanic": "ko",
    "Mande": "bm vai",
    "Mongolic-Khitan": "mn",
    "Nakh-Daghestanian": "ce",
    "Nilotic": "kln luo mas saq teo",
    "Nuclear-Macro-Je": "kgp",
    "Quechuan": "qu",
    "Sino-Tibetan/Bodic": "bo dz",
    "Sino-Tibetan/Brahmaputran": "brx kac",
    "Sino-Tibetan/Burmo-Qiangic": "my",
    "Sino-Tibetan/Sinitic": "wuu yue zh",
    "Songhay": "dje khq ses twq",
    "Tai-Kadai": "lo shn th za",
    "Tupian": "gn yrl",
    "Turkic": "az ba cv kaa kk ky tk tr tt ug uz",
    "Uralic/Finnic": "et fi",
    "Uralic/Hungarian": "hu",
    "Uralic/Mari": "chm",
    "Uralic/Saami": "se smn",
}
_BRANCH = {code: path for path, codes in BRANCHES.items() for code in codes.split()}


def random_ladder(pool: Sequence[str], index: int) -> tuple[str, ...]:
    """Random ladder `index` (1, 2, ...): an ordering of the pool whose first n languages are the set at n.

    The pool's first language stays first. The other m are row r of a cyclic Latin square, L[r, c] =
    symbol[(r + shift[c]) mod m], symbols and shifts shuffled by a stream keyed by the sorted pool: over m
    ladders each language stands once at every position. Rows come in van der Corput order, so that a few
    ladders already have each language early and late about equally often; ladder m + 1 opens a new square. No
    two ladders of a square share a set at any n from 2 to m: none is an alias of another. A ladder depends on
    the pool (not on the order of its rest) and the index only, so more ladders leave the earlier ones alone.

    Raises UserError for a pool with a language twice, ValueError for an empty pool or an index below 1.
    """
    if len(set(pool)) < len(pool):
        raise UserError(f"pool: a language stands twice in {', '.join(pool)}; name each once")
    if not pool or index < 1:
        raise ValueError(f"a ladder needs a pool and an index from 1 on, got {list(pool)} and {index}")
    rest = sorted(pool[1:])
    m = len(rest)
    if m == 0:
        return tuple(pool)
    square, row = divmod(index - 1, m)
    draw = stream("ladder", square, *sorted(pool))
    symbols, shifts = draw.permutation(m), draw.permutation(m)
    while _repeats(shifts.tolist()):
        shifts = draw.permutation(m)
    row = _van_der_corput(m)[row]
    return (pool[0], *(rest[symbols[(row + shift) % m]] for shift in shifts))


def _repeats(shifts: list[int]) -> bool:
    """Whether the first c shifts plus some d are the same set, c < m: rows r and r + d would share it."""
    m = len(shifts)
    heads = [set(shifts[:c]) for c in range(1, m)]
    # A set that returns after d returns after gcd(d, m) too: the divisors of m are all that need a look.
    return any({(s + d) % m for s in head} == head for d in range(1, m) if m % d == 0 for head in heads)


def _van_der_corput(m: int) -> list[int]:
    """0 .. m - 1 in the order of floor(m x), x = 0, 1/2, 1/4, 3/4, 1/8, ...: mirrored bits of 0, 1, 2, ..."""
    bits = max(m - 1, 1).bit_length()
    mirrored = (int(f"{i:0{bits}b}"[::-1], 2) for i in range(2**bits))
    return list(dict.fromkeys(m * i >> bits for i in mirrored))


def set_id(languages: Sequence[str]) -> str:
    """Eight hex digits that name a set of languages: sha256 of the sorted codes joined by commas."""
    return hashlib.sha256(",".join(sorted(languages)).encode()).hexdigest()[:8]


@cache
def _subtags(code: str) -> tuple[str, str | None, str | None]:
    """Language, script and region of a code in CLDR's form (eng is en, prs is fa-AF); None where unsaid."""
    from babel.core import get_global, parse_locale

    try:
        language, region, script = parse_locale(code, sep="-")[:3]
        language, *alias = parse_locale(get_global("language_aliases").get(language, language))[:3]
    except ValueError as error:
        raise UserError(f"language {code!r} is no BCP 47 code such as en, zh-Hans or pt-BR") from error
    return language, script or alias[1], region or alias[0]


def script(code: str) -> str:
    """ISO 15924 code of a language's script: the code's own, else CLDR's likely one (zh: Hans, ja: Jpan).

    Raises UserError where the code has no script and CLDR knows none.
    """
    from babel.core import get_global

    language, written, region = _subtags(code)
    if written:
        return written
    likely = get_global("likely_subtags")
    found = likely.get(f"{language}_{region}") or likely.get(language)
    if not found:
        raise UserError(f"language {code!r}: CLDR knows no script of it; write it as {code}-Latn or the like")
    return found.split("_")[1]


def family(code: str) -> str:
    """Top family in Glottolog's tree, such as Indo-European; "unknown" for a language that BRANCHES lacks."""
    return _BRANCH.get(_subtags(code)[0], "unknown").split("/")[0]


def branch(code: str) -> str:
    """Branch, such as Romance; the family where BRANCHES does not divide it; "unknown" as for `family`."""
    return _BRANCH.get(_subtags(code)[0], "unknown").split("/")[-1]


@cache
def name(code: str) -> str:
    """English name by CLDR: "Simplified Chinese", "Serbian (Latin)"; the code itself where it has none."""
    from babel import Locale

    english = Locale("en")
    language, written, region = _subtags(code)
    tags = [f"{language}_{written}", f"{language}_{region}", language]
    tag = next((tag for tag in tags if tag in english.languages), None)
    if tag is None:
        return code
    # A script or region that the name says already ("Brazilian Portuguese") is not said again.
    extra = [(tags[0], english.scripts, written), (tags[1], english.territories, region)]
    more = ", ".join(names.get(part, part) for used, names, part in extra if part and used != tag)
    return f"{english.languages[tag]} ({more})" if more else english.languages[tag]
