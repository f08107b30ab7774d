"""Parallel texts: copies, shifted lines and wrong scripts are found; names that are rightly equal pass."""

import csv
import random
from pathlib import Path

import pytest
from babel import Locale
from hypothesis import given, settings
from hypothesis import strategies as st
from support.own_files import write

from langscale.config.data import Benchmark, Source
from langscale.core.errors import UserError
from langscale.data import catalogue
from langscale.data.local import sets
from langscale.data.local.collection import Collection
from langscale.data.local.parallel import problems, translatable
from langscale.data.sources.ntrex import CODES
from langscale.data.text_files import TextFile
from langscale.languages.families import script

MIRROR = Path(__file__).parents[5] / "shared/mirror"
mirror = pytest.mark.skipif(not MIRROR.is_dir(), reason=f"the real files are not at {MIRROR}")
few = settings(max_examples=10)
NAMED = ["en", "de", "nl", "nb", "da", "es", "fr", "hr", "bs", "sr_Latn", "id", "ms", "vi", "tr", "ru", "ar"]
NAMED += ["hi", "th", "zh", "ja", "ko"]
SYLLABLES = ["ba", "de", "gi", "lo", "mu", "ra", "sen", "tik", "vol", "zon"]


def found(**texts):
    """(Role, language, problem) of queries by language, each a list of texts in the order of their ids."""
    numbered = {
        code.replace("_", "-"): {f"p{n}": text for n, text in enumerate(its)} for code, its in texts.items()
    }
    return list(problems(Collection(queries=numbered)))


def sentences(seed, number):
    """Made sentences of 4 to 24 words."""
    draw = random.Random(seed)
    return [
        " ".join("".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(draw.randint(4, 24)))
        for _ in range(number)
    ]


def translated(texts, seed):
    """Other words of about the same lengths: longer or shorter by a third at most."""
    draw = random.Random(seed)
    return [
        " ".join(word[::-1] + draw.choice(["", "n", "ung"]) for word in text.split()[: draw.randint(3, 24)])
        if draw.random() < 0.1
        else " ".join(word[::-1] + draw.choice(["", "n", "ung"]) for word in text.split())
        for text in texts
    ]


@pytest.mark.parametrize("text, right", [
    ("OK", False), ("", False), ("4711 - 0815", False), ("Samsung Galaxy S21 Ultra 5G 128GB", False),
    ("Anna-Lena Müller", False), ("iPhone mini", False), ("how do I reset it", True), ("reset it", False),
    ("Wie setze ich mein Passwort zurück?", True), ("Apple", False), ("東京", False),
    ("パスワードを忘れました", True), ("كيف أعيد تعيين كلمة المرور", True),
    ("Как сбросить пароль от почты", True),
])  # fmt: skip
def test_texts_that_are_long_enough_to_be_translated(text, right):
    assert translatable(text) is right


def test_names_and_numbers_may_be_the_same_in_all_languages():
    names = [f"Galaxy S{n} Ultra {n % 7 * 16}GB" for n in range(120)] + ["OK"] * 20 + list("123456789")
    assert not found(en=names, de=names, ru=names, ja=names, ar=names)


@few
@given(st.integers(0, 10**6), st.integers(0, 200), st.integers(20, 60))
def test_copies_are_counted_among_texts_that_have_a_translation(seed, names, copies):
    english = sentences(seed, 100)
    labels = [f"Model {n}" for n in range(names)]
    german = [*english[:copies], *translated(english, seed + 1)[copies:]]
    result = found(en=english + labels, de=german + labels, es=translated(english, seed + 2) + labels)
    if copies > 30:
        text = f"{copies} of 100 texts in de are the same as in en; translate them or leave them out"
        assert result[0] == ("queries", "de", text)
    else:
        assert not result


def test_few_copies_and_varieties_of_a_language_pass():
    english = sentences(1, 100)
    assert not found(en=english, en_GB=english)
    assert not found(en=english[:19], de=english[:19])
    assert found(en=english[:20], de=english[:20])


def test_copies_between_other_languages_are_found():
    english = sentences(1, 80)
    spanish = translated(english, 2)
    assert found(en=english, es=spanish, it=spanish)[0][1:] == (
        "it", "80 of 80 texts in it are the same as in es; translate them or leave them out",
    )  # fmt: skip


@few
@given(st.integers(0, 10**6), st.integers(20, 400), st.sampled_from([0, 0.4, 0.8]))
def test_translations_pass(seed, number, names):
    english = sentences(seed, number)
    texts = {code: translated(english, seed + n) for n, code in enumerate(("de", "es", "fr"), 1)}
    for code, its in texts.items():  # a share of the texts are names
        texts[code] = [f"Alpha {n}" if n < names * number else text for n, text in enumerate(its)]
    assert not found(en=english, **texts)


@few
@given(st.integers(0, 10**6), st.sampled_from([1, -1, 2, 3]), st.sampled_from([100, 300]))
def test_a_shifted_language_is_found_and_named(seed, lag, number):
    english = sentences(seed, number)
    texts = {code: translated(english, seed + n) for n, code in enumerate(("de", "es"), 1)}
    moved = texts["es"]
    for codes, name in (("en de es", "es"), ("en es", "es"), ("de en es", "es")):
        its = {code: {"en": english, **texts}[code] for code in codes.split()}
        its["es"] = moved[-lag:] + moved[:-lag]
        [(role, code, problem)] = found(**its)
        assert (role, code) == ("queries", name)
        side = "before" if lag > 0 else "after"
        assert f"line{'s' * (abs(lag) > 1)} {side} (correlation" in problem
    # the language that the others are compared with
    its = {"en": english[-lag:] + english[:-lag], **texts}
    [(role, code, problem)] = found(**its)
    assert code == "en"


def test_a_shift_in_a_part_of_the_file_is_placed():
    english = sentences(1, 400)
    german = translated(english, 2)
    german = [*german[:300], "neu", *german[300:399]]
    [(_, code, problem)] = found(en=english, de=german)
    assert code == "de" and problem.startswith(
        "100 of 400 texts in de, from id p300 to p399, go with those in en 1 line before"
    )


@few
@given(st.integers(0, 10**6))
def test_texts_of_other_ids_are_found(seed):
    english = sentences(seed, 300)
    german = translated(english, seed + 1)
    random.Random(seed).shuffle(german)
    [(_, code, problem)] = found(en=english, de=german)
    assert code == "de" and problem.startswith("300 texts in de are no translations of those in en with")


def test_another_script_is_found_in_texts_that_have_a_translation():
    english = sentences(1, 60)
    turkish = translated(english, 2)
    [(_, code, problem), *_] = found(en=english, ru=turkish)
    assert code == "ru"
    assert problem == "60 of 60 texts in ru are in the script Latn; Cyrl is right, or a code such as ru-Latn"
    assert not found(en=english, ru_Latn=turkish) and not found(en=english[:19], ru=turkish[:19])


@pytest.mark.parametrize("make", [Source, Benchmark])
def test_the_message_names_key_file_and_count_and_check_accepts(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    folder, english = write(tmp_path / "files", "languages", 60), sentences(1, 60)
    for code, texts in {"en": english, "de": english, "es": translated(english, 2)}.items():
        with (folder / f"faq-{code}.tsv").open("w", newline="") as file:
            rows = [[f"p{n}", f"Frage {n}", text] for n, text in enumerate(texts)]
            csv.writer(file, delimiter="\t").writerows([["id", "query", "passage"], *rows])
    find = catalogue.source if make is Source else catalogue.benchmark
    options = {"set": "local", "path": str(folder)}
    with pytest.raises(UserError) as error:
        find("own", make(**options))
    assert str(error.value) == (
        f"{'sources' if make is Source else 'benchmarks'}.own: faq-de.tsv: passages: 60 of 60 texts in de "
        "are the same as in en; translate them or leave them out; if they are right, set check: false"
    )
    for more in ({"check": False}, {"parallel": False}):
        assert sorted(find("own", make(**options, **more)).languages) == ["de", "en", "es"]
    with pytest.raises(UserError):  # what was accepted once is no rule
        find("own", make(**options))


def test_few_texts_of_another_length_are_no_shift():
    one, other = (["Galaxy 7"] * 100 for _ in range(2))
    one[30:39], other[31:40] = (["Galaxy 7 mit Akku"] * 9 for _ in range(2))
    assert not found(en=one, de=other)
    one, other = (["Galaxy 7", "Galaxy 7"] * 50 for _ in range(2))
    one[::10], other[1::10] = (["Galaxy 7 mit Akku"] * 10 for _ in range(2))
    assert "go with those in en 1 line before" in found(en=one, de=other)[0][2]


@pytest.mark.parametrize("kind", ["territories", "languages", "currencies"])
def test_short_names_of_things_pass(kind):
    """Names of CLDR, which are one to four words and often the same."""
    names = {code: dict(getattr(Locale.parse(code), kind)) for code in NAMED}
    shared = sorted(set.intersection(*map(set, names.values())))
    assert len(shared) > 150
    assert not found(**{code: [its[i] for i in shared] for code, its in names.items()})
    its = {code: [names[code][i] for i in shared] for code in ("en", "de", "ru")}
    assert found(**its | {"de": its["de"][1:] + its["de"][:1]})[0][1] == "de"


# --- real translations


@pytest.fixture(scope="module")
def ntrex():
    """Language -> the 1,997 lines."""
    folder = next(MIRROR.rglob("NTREX-128"))
    return {
        code: [
            line
            for _, line in TextFile(
                folder / f"newstest2019-{'src' if name == 'eng' else 'ref'}.{name}.txt"
            ).lines()
        ]
        for code, name in CODES.items()
    }


@mirror
def test_all_languages_of_ntrex_pass(ntrex):
    texts = {code: {str(n): line for n, line in enumerate(lines)} for code, lines in ntrex.items()}
    assert len(texts) == 128 and not list(problems(Collection(passages=texts)))


@mirror
def test_a_copied_or_shifted_language_of_ntrex_is_found(ntrex):
    english = ntrex["en"][:150]
    for code in ntrex.keys() - {"en"}:
        its, name = ntrex[code][:150], code.replace("-", "_")
        assert not found(en=english, **{name: its})
        for lines in ([*its[1:], its[0]], [its[-1], *its[:-1]], [*its[:60], *its[61:], its[60]]):
            [(_, which, problem), *_] = found(en=english, **{name: lines})
            assert which == code and "go with those in en 1 line" in problem
        if code.split("-")[0] != "en":
            [(_, which, problem), *_] = found(en=english, **{name: english})
            assert which == code and f"texts in {code} are the same as in en" in problem


@mirror
@pytest.mark.parametrize("make", [Source, Benchmark])
def test_xquad_r_passes_as_files_of_ones_own(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    find = catalogue.source if make is Source else catalogue.benchmark
    record = find("own", make(set="local", path=str(next(MIRROR.rglob("xquad-r")))))
    assert len(record.languages) == 11


@mirror
def test_a_copied_or_shifted_language_of_xquad_r_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = Source(set="local", path=str(next(MIRROR.rglob("xquad-r"))))
    texts = sets.read(sets.locate(options, ("train",)), evaluation=False).queries
    ids = list(texts["en"])
    for code in texts.keys() - {"en"}:
        its = list(texts[code].values())
        for lines, right in (
            (texts["en"].values(), "same as in en"),
            (its[1:] + its[:1], "go with"),
            (its[-1:] + its[:-1], "go with"),
        ):
            changed = texts | {code: dict(zip(ids, lines, strict=True))}
            first = next(problems(Collection(queries=changed)))
            assert first[:2] == ("queries", code) and right in first[2]
    assert script("zh") == "Hans"  # its texts were looked at
