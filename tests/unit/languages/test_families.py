import pytest

from langscale.core.errors import UserError
from langscale.languages.families import BRANCHES, branch, family, name, script, script_name

STUDY = "ar zh en de hi ru es th tr el vi nl pt it sv ca ro fr uk bg mk sr fa ur mr ne ja ko"
NTREX = """
afr amh arb aze-Latn bak bel bem ben bod bos bul cat ces ckb-Arab cym dan deu div dzo ell eng-GB eng-IN
eng-US est eus ewe fao fas fij fil fin fra fra-CA fuc gle glg guj gsw-BE gsw-ZH hau heb hin hmn hrv hun hye
ibo ind isl ita jpn kan kat kaz khm kin kir kmr kor lao lav lit ltz mal mar mey mkd mlg mlt mon mri msa mya
nde nep nld nno nob nso nya orm pan pol por por-BR prs pus ron rus shi sin slk slv smo sna-Latn snd-Arab som
spa spa-MX sqi srp-Cyrl srp-Latn ssw swa swe tah tam tat tel tgk-Cyrl tha tir ton tsn tuk tur uig ukr urd
uzb ven vie wol xho yor yue zho-CN zho-TW zul
"""


def _pairs(text):
    return dict(pair.split(":") for pair in text.split())


def test_a_part_for_private_use_changes_nothing():
    assert (script("en-x-de"), branch("en-x-de"), name("en-x-de")) == ("Latn", "Germanic", "English")


def test_scripts_are_iso_15924_by_likely_subtags():
    known = _pairs("""
        zh:Hans zh-TW:Hant zh-Hant:Hant yue:Hant sr:Cyrl sr-Latn:Latn ja:Jpan ko:Kore hi:Deva mr:Deva
        ne:Deva ur:Arab fa:Arab ar:Arab th:Thai el:Grek ru:Cyrl en:Latn vi:Latn pa:Guru pa-PK:Arab
        prs:Arab eng-US:Latn az-Latn:Latn hy:Armn ka:Geor am:Ethi he:Hebr bn:Beng
    """)
    assert {code: script(code) for code in known} == known
    with pytest.raises(UserError, match="'qxx': CLDR knows no script of it; write it as qxx-Latn"):
        script("qxx")
    assert script("qxx-Latn") == "Latn"
    for bad in ("", "en-", "zh-Hans-Hans-x"):
        with pytest.raises(UserError, match="is no BCP 47 code"):
            script(bad)


def test_relatives_of_the_training_languages():
    romance, germanic, slavic = "es pt it ca ro fr", "en de nl sv", "ru uk bg mk sr"
    for codes, path in (
        (romance, ("Indo-European", "Romance")),
        (germanic, ("Indo-European", "Germanic")),
        (slavic, ("Indo-European", "Slavic")),
        ("hi ur mr ne", ("Indo-European", "Indo-Aryan")),
        ("fa prs ps", ("Indo-European", "Iranian")),
        ("el", ("Indo-European", "Greek")),
        ("ar he mt", ("Afro-Asiatic", "Semitic")),
        ("zh zh-Hant yue", ("Sino-Tibetan", "Sinitic")),
        ("tr az kk", ("Turkic", "Turkic")),
        ("th lo", ("Tai-Kadai", "Tai-Kadai")),
        ("vi", ("Austroasiatic", "Vietic")),
        ("ja", ("Japonic", "Japonic")),
        ("ko", ("Koreanic", "Koreanic")),
        ("qxx", ("unknown", "unknown")),
    ):
        for code in codes.split():
            assert (family(code), branch(code)) == path, code


def test_every_language_of_the_study_and_of_ntrex_has_a_script_a_branch_and_a_name():
    assert len(set(NTREX.split())) == 129  # the lines of its LANGUAGES.tsv
    for code in f"{STUDY} {NTREX}".split():
        assert script(code) and "unknown" not in (family(code), branch(code)), code
        assert name(code) != code or code == "mey"


def test_names_are_english_by_cldr():
    known = {
        "de": "German",
        "zh": "Chinese",
        "zh-Hans": "Simplified Chinese",
        "zh-TW": "Chinese (Taiwan)",
        "sr-Latn": "Serbian (Latin)",
        "pt-BR": "Brazilian Portuguese",
        "eng-US": "American English",
        "prs": "Dari",
        "sr-Latn-RS": "Serbian (Latin, Serbia)",
        "qxx": "qxx",
    }
    assert {code: name(code) for code in known} == known


def test_the_table_agrees_with_glottolog():
    qq = pytest.importorskip("qq", reason="qwanqwa, a copy of Glottolog's tree, is not installed")
    tree = qq.Database.load()
    # Glottolog has no ancestors of ISO 639-3 macrolanguages and groups: a language of theirs stands for them.
    member = _pairs("""
        ar:arb az:azj ber:kab chm:mhr et:ekk fa:pes gn:gug hmn:hnj kok:gom luy:bxk mg:plt ms:zsm om:gaz
        or:ory qu:quy sc:sro sq:als sw:swh syr:aii yi:ydd zh:cmn
    """)
    called = {
        "Armenian": "Armenic",
        "Baltic": "Eastern Baltic",
        "Bantu": "Narrow Bantu",
        "Hungarian": "Hungaric",
        "Khmer": "Khmeric",
        "Philippine": "Greater Central Philippine",
    }
    checked = 0
    for path, codes in BRANCHES.items():
        for code in codes.split():
            found = tree.guess(member.get(code, code))
            lineage = {found.name, *(node.name for node in found.family_tree)}
            assert lineage >= {called.get(part, part) for part in path.split("/")}, (code, path, lineage)
            checked += 1
    assert checked == len({code for codes in BRANCHES.values() for code in codes.split()}) > 250


def test_script_names_are_english_by_cldr():
    assert [script_name(code) for code in ("Latn", "Hans", "Hant", "Deva")] == [
        "Latin",
        "Simplified Han",
        "Traditional Han",
        "Devanagari",
    ]
    assert script_name("Zzyy") == "Zzyy"
