"""Languages of translation models: the lists against transformers', and errors before a download."""

import copy

import pytest
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M100
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB

from langscale.config.model import Model
from langscale.config.study import Study, load
from langscale.core.errors import UserError
from langscale.data.translation import target_languages as targets
from langscale.models.known import TRANSLATORS
from langscale.models.pretrained import entries
from langscale.planning.preflight import check

HUBS = {
    "m2m": "facebook/m2m100_418M",
    "nllb": "facebook/nllb-200-distilled-600M",
    "madlad": "google/madlad400-3b-mt",
}
STUDY = {
    "study": "t",
    "languages": {"pool": ["en", "de", "zh"]},
    "sources": {"nq": {"translate": True}},
    "translation": {"hub": HUBS["m2m"]},
    "benchmarks": {"belebele": {}},
    "models": {"tiny": {"architecture": {"model_type": "bert"}}},
    "budgets": {"b": {"kind": "fixed-total", "steps": 10}},
    "grid": [{"samplers": ["x-y"], "n": [1]}],
}


def study(**changes):
    loaded = load(copy.deepcopy(STUDY) | changes)
    check(loaded)
    return loaded


def test_the_lists_are_the_models_own():
    assert list(TRANSLATORS[HUBS["m2m"]].language_tokens) == [f"__{code}__" for code in M2M100["m2m100"]]
    assert list(TRANSLATORS[HUBS["nllb"]].language_tokens) == sorted(NLLB)
    assert set(TRANSLATORS) == set(HUBS.values())


@pytest.mark.parametrize(
    "code, m2m, nllb",
    [
        ("de", "__de__", "deu_Latn"),
        ("zh", "__zh__", "zho_Hans"),
        ("zh-Hans", "__zh__", "zho_Hans"),
        ("zh-Hant", None, "zho_Hant"),
        ("sr", "__sr__", "srp_Cyrl"),
        ("sr-Cyrl", "__sr__", "srp_Cyrl"),
        ("sr-Latn", None, None),
        ("ar", "__ar__", "arb_Arab"),
        ("arz", None, "arz_Arab"),
        ("fa", "__fa__", "pes_Arab"),
        ("nb", "__no__", "nob_Latn"),
        ("no", "__no__", "nob_Latn"),
        ("nn", None, "nno_Latn"),
        ("fil", "__tl__", "tgl_Latn"),
        ("nso", "__ns__", "nso_Latn"),
        ("ps", "__ps__", "pbt_Arab"),
        ("ak", None, "aka_Latn"),
        ("apc", None, "apc_Arab"),
        ("sw", "__sw__", "swh_Latn"),
        ("pt-BR", None, None),
        ("tlh", None, None),
    ],
)
def test_codes(code, m2m, nllb):
    found = [
        targets.tokens(TRANSLATORS[HUBS[kind]].language_tokens).get(targets.canonical(code))
        for kind in ("m2m", "nllb")
    ]
    assert found == [m2m, nllb]


def test_no_token_is_lost_but_twins():
    for hub, tokens in ((hub, record.language_tokens) for hub, record in TRANSLATORS.items()):
        lost = set(tokens) - set(targets.tokens(tokens).values())
        assert lost == ({"ajp_Arab", "twi_Latn"} if hub == HUBS["nllb"] else set())


def test_madlad_tokens():
    vocabulary = [
        "<2de>",
        "<2iw>",
        "<2zh>",
        "<2zh_Hant>",
        "<2el_Latn>",
        "<2no>",
        "<2>",
        "<extra_id_0>",
        "de",
        "<pad>",
    ]
    assert targets.tokens(vocabulary) == {
        "de": "<2de>", "he": "<2iw>", "zh": "<2zh>", "zh-Hant": "<2zh_Hant>", "el-Latn": "<2el_Latn>",
        "nb": "<2no>",
    }  # fmt: skip


def test_the_three_models_have_a_licence():
    files = {kind: entries(Model(hub=hub)) for kind, hub in HUBS.items()}
    licences = {kind: {entry.licence for entry in found} for kind, found in files.items()}
    assert licences == {"m2m": {"MIT"}, "nllb": {"CC-BY-NC-4.0"}, "madlad": {"Apache-2.0"}}
    assert all(entry.restricted == (kind == "nllb") for kind in HUBS for entry in files[kind])


@pytest.mark.parametrize("revision", [None, "f8d333a098d19b4fd9a8b18f94170487ad3f821d", "main"])
def test_the_licence_switch(revision):
    """Whatever the revision; a config that accepts it, or another model, loads."""
    nllb = {"hub": HUBS["nllb"], "revision": revision}
    with pytest.raises(
        UserError, match=r"CC-BY-NC-4\.0, is for non-commercial .* accept_licence: \[facebook/nllb"
    ):
        study(translation=nllb)
    assert study(translation=nllb, accept_licence=[HUBS["nllb"]]).translation.hub == HUBS["nllb"]


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"translation": None}, r"sources\.nq\.translate: needs the section `translation`"),
        ({"sources": {"nq": {}}}, r"translation: no source has `translate: true`"),
        ({"translation": {}}, r"translation: needs hub or path; found none"),
        (
            {"translation": {"hub": "a/b", "from": "fr"}},
            r"translation\.from: found fr, which is not in languages\.pool",
        ),
        ({"translation": {"hub": "a/b", "origin": "en"}}, r"translation\.origin: unknown key"),
        (
            {"translation": {"hub": "a/b", "max_tokens": 4}},
            r"max_tokens: found 4; 16 or more is right",
        ),
        (
            {"models": {"translation": {"hub": "a/b"}}},
            r"models\.translation: the name is that of the translation model",
        ),
        (
            {"languages": {"pool": ["en", "zh-Hant", "de", "arz"]}},
            r"no zh-Hant, arz, which sources\.nq lacks",
        ),
    ],
)
def test_mistakes(changes, told):
    with pytest.raises(UserError, match=told):
        study(**changes)


def test_what_a_source_has_the_model_need_not_write():
    pool = {"pool": ["en", "de", "zh-Hant"]}
    # NTREX has zh-Hant; what MADLAD-400 writes is not known yet
    assert study(languages=pool, sources={"ntrex": {"translate": True}})
    assert study(languages=pool, translation={"hub": HUBS["madlad"]})
    assert load(STUDY | {"languages": pool, "translation": {"hub": HUBS["m2m"], "path": "models/mine"}})
    # held-out languages are never translated into
    assert study(languages={"pool": ["en", "de"], "heldout": ["arz"]})


def test_a_study_without_it_has_the_params_it_had():
    """exclude_if: statistics, provenance and report take the whole study as params."""
    plain = study(translation=None, sources={"nq": {}}).model_dump()
    assert "translation" not in plain and "translate" not in plain["sources"]["nq"]
    filled = load(STUDY | {"translation": {"path": "mine", "from": "de"}})
    assert filled.model_dump()["translation"]["from"] == "de"
    assert load(filled.model_dump()) == filled and isinstance(filled, Study)
