"""Script, family, branch and English name of a language.

Codes are BCP 47: `en`, `zh-Hans`, `sr-Latn`, `pt-BR`. Three-letter codes of the same languages mean the same.
"""

from functools import cache

from langscale.core.errors import UserError
from langscale.languages.codes import spoken

# Family/branch: languages. A table by hand, because no package has what is needed: the best one (qwanqwa
# 1.2.1, with Glottolog's tree) knows no ancestors of macrolanguages such as ar, zh, fa and sw. It does not
# say which of up to twenty ancestors is the branch, and it costs 3 s and 0.4 GB in every process. The tree is
# Glottolog's, so creoles stand with the language of their words. tests/unit/languages/test_families.py checks
# every entry against it. Covered: NTREX-128, Belebele, Tatoeba, and the CLDR locales with names of 150 or
# more territories.
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


@cache
def _subtags(code: str) -> tuple[str, str | None, str | None]:
    """Language, script and region of a code in CLDR's form (eng is en, prs is fa-AF); None: absent."""
    from babel.core import get_global, parse_locale

    try:
        language, region, script = parse_locale(spoken(code), sep="-")[:3]
        language, *alias = parse_locale(get_global("language_aliases").get(language, language))[:3]
    except ValueError as error:
        raise UserError(f"language {code!r} is no BCP 47 code such as en, zh-Hans or pt-BR") from error
    return language, script or alias[1], region or alias[0]


def script(code: str) -> str:
    """ISO 15924 code of a language's script: the code's own, else CLDR's likely script (zh: Hans, ja: Jpan).

    Raises UserError for a code without a script, unless CLDR knows one.
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
    """Top family in Glottolog's tree, such as Indo-European; "unknown" for a language outside BRANCHES."""
    return _BRANCH.get(_subtags(code)[0], "unknown").split("/")[0]


def branch(code: str) -> str:
    """Branch, such as Romance, or the family if BRANCHES does not divide it; "unknown" as for `family`."""
    return _BRANCH.get(_subtags(code)[0], "unknown").split("/")[-1]


@cache
def name(code: str) -> str:
    """English name by CLDR: "Simplified Chinese", "Serbian (Latin)". Without a name, the code itself."""
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


@cache
def script_name(script: str) -> str:
    """English name of an ISO 15924 script by CLDR, such as Latin, or the code if CLDR has none."""
    from babel import Locale

    name = Locale("en").scripts.get(script, script)
    return f"{name} Han" if script in ("Hans", "Hant") else name  # CLDR's names for use alone
