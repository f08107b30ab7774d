"""One record per known model: where its files are, how large it is, how it pools, what it was trained on.

A model without a record works too. Its revision is then `main`, and sizes, prefixes and training data come
from its folder or the config. This module imports no other stage, so that statistics and claims may read it
without PyTorch.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from langscale.core.entry_points import Records

UNPINNED = "revision unknown: main moves"
GROUP = "langscale.models"  # entry points, by which an installed package adds records


@dataclass(frozen=True)
class KnownModel:
    """A repository of the hub.

    revision: commit; licence: SPDX identifier, None: unknown; restricted: non-commercial use only; weights:
    file of the weights; tokenizer: id of the known model with the tokenizer, where the repository has none;
    also: other names of the model; note: facts that are unknown or unusual, [M] from memory.
    """

    hub: str
    revision: str
    licence: str | None
    restricted: bool = False
    weights: str = "model.safetensors"
    tokenizer: str | None = None
    also: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class KnownEncoder(KnownModel):
    """An encoder.

    layers, hidden, intermediate, vocabulary: sizes as in a transformers config; gated: feed-forward layers
    with three matrices; length: longest text by its sentence-transformers folder, in tokens; pooling: a mode
    of `langscale.config.model.Model`; query_prefix, passage_prefix: of its own training; trained_on: labelled
    data sets and pairs of its own training, where plain text for masked words does not count; family: models
    of one architecture and recipe in several sizes.
    """

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    gated: bool = False
    length: int | None = None
    pooling: str = "mean"
    query_prefix: str = ""
    passage_prefix: str = ""
    trained_on: tuple[str, ...] = ()
    family: str | None = None


@dataclass(frozen=True, kw_only=True)
class Translator(KnownModel):
    """A translation model.

    matrix: parameters without embeddings; language_tokens: tokens of the target languages, empty where only
    the tokenizer lists them.
    """

    matrix: float
    language_tokens: tuple[str, ...] = ()


def encoder(name: str | None) -> KnownEncoder | None:
    """The record of a hub id, or of the original of a bundled encoder."""
    return ENCODERS.get(name or "") or next((e for e in ENCODERS.values() if name in e.also), None)


def translator(name: str | None) -> Translator | None:
    """The record of a translation model's hub id."""
    return TRANSLATORS.get(name or "")


XLM_R = KnownEncoder(
    "FacebookAI/xlm-roberta-base",
    "e73636d4f797dec63c3081bb6ed5c7b0bb3f2089",
    "MIT",
    also=("xlm-roberta-base",),
    layers=12,
    hidden=768,
    intermediate=3072,
    vocabulary=250002,
    family="xlm-roberta",
)
XLM_R_LARGE = KnownEncoder(
    "FacebookAI/xlm-roberta-large",
    "c23d21b0620b635a76227c604d44e43a9f0ee389",
    "MIT",
    also=("xlm-roberta-large",),
    layers=24,
    hidden=1024,
    intermediate=4096,
    vocabulary=250002,
    family="xlm-roberta",
)
LABSE = KnownEncoder(
    "sentence-transformers/LaBSE",
    "836121a0533e5664b21c7aacc5d22951f2b8b25b",
    "Apache-2.0",
    note="layout as its hub page lists it; e34fab6 has no safetensors",
    layers=12,
    hidden=768,
    intermediate=3072,
    vocabulary=501153,
    length=256,
    pooling="cls-dense",
    trained_on=("bitext",),  # arXiv:2007.01852
)
MBERT = KnownEncoder(
    "google-bert/bert-base-multilingual-cased",
    "3f076fdb1ab68d5b2880cb87a0886f315b8146f8",
    "Apache-2.0",
    also=("bert-base-multilingual-cased",),
    layers=12,
    hidden=768,
    intermediate=3072,
    vocabulary=119547,
)
MMBERT = KnownEncoder(
    "jhu-clsp/mmBERT-base",
    "c5955035435e2bf121cde7f3c8863ef52ff35d82",
    "MIT",
    layers=22,
    hidden=768,
    intermediate=1152,
    vocabulary=256000,
    gated=True,
)
MINILM = KnownEncoder(
    "microsoft/Multilingual-MiniLM-L12-H384",
    "d71b3dab802f265324697876f4be37dd61ec3160",
    "MIT",
    tokenizer=XLM_R.hub,
    note="revision: the hub's own conversion to safetensors, as its page lists it; main has pickles alone",
    layers=12,
    hidden=384,
    intermediate=1536,
    vocabulary=250037,
)
# labelled data of arXiv:2402.05672, table 2; bitext is NLLB's
_E5_DATA = (
    "ms-marco", "nq", "trivia-qa", "squad", "nli", "eli5", "bitext", "dureader", "fever", "hotpot-qa",
    "quora", "mr-tydi", "miracl",
)  # fmt: skip


def _e5(size: str, revision: str, sizes: tuple[int, int, int], **facts: Any) -> KnownEncoder:
    layers, hidden, vocabulary = sizes
    return KnownEncoder(
        f"intfloat/multilingual-e5-{size}",
        revision,
        "MIT",
        layers=layers,
        hidden=hidden,
        intermediate=4 * hidden,
        vocabulary=vocabulary,
        length=512,
        query_prefix="query: ",
        passage_prefix="passage: ",
        trained_on=_E5_DATA,
        family="multilingual-e5",
        **facts,
    )


E5_SMALL = _e5(
    "small",
    "614241f622f53c4eeff9890bdc4f31cfecc418b3",
    (12, 384, 250037),
    also=("multilingual-e5-small",),  # langscale.models.bundled
)
E5_BASE = _e5("base", "d128750597153bb5987e10b1c3493a34e5a4502a", (12, 768, 250002))
E5_LARGE = _e5("large", "main", (24, 1024, 250002), note=UNPINNED)

ENCODERS = Records(
    GROUP,
    KnownEncoder,
    (XLM_R, XLM_R_LARGE, LABSE, MBERT, MMBERT, MINILM, E5_SMALL, E5_BASE, E5_LARGE),
    attrgetter("hub"),
)

# language tokens, without their marks
_M2M100 = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi "
    "hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns "
    "oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh "
    "zu"
)
_NLLB = (
    "ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn als_Latn amh_Ethi apc_Arab "
    "arb_Arab ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl "
    "bam_Latn ban_Latn bel_Cyrl bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn "
    "bul_Cyrl cat_Latn ceb_Latn ces_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn "
    "dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn est_Latn eus_Latn ewe_Latn fao_Latn fij_Latn fin_Latn "
    "fon_Latn fra_Latn fur_Latn fuv_Latn gaz_Latn gla_Latn gle_Latn glg_Latn grn_Latn guj_Gujr hat_Latn "
    "hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn "
    "ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab kas_Deva kat_Geor kaz_Cyrl "
    "kbp_Latn kea_Latn khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kmr_Latn knc_Arab knc_Latn "
    "kon_Latn kor_Hang lao_Laoo lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn lua_Latn "
    "lug_Latn luo_Latn lus_Latn lvs_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Latn mkd_Cyrl mlt_Latn "
    "mni_Beng mos_Latn mri_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nso_Latn nus_Latn nya_Latn "
    "oci_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn pol_Latn por_Latn prs_Arab "
    "quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Beng scn_Latn shn_Mymr sin_Sinh slk_Latn "
    "slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn "
    "swe_Latn swh_Latn szl_Latn tam_Taml taq_Latn taq_Tfng tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai "
    "tir_Ethi tpi_Latn tsn_Latn tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl "
    "umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant "
    "zho_Hans zho_Hant zsm_Latn zul_Latn"
)

NO_SAFETENSORS = "no safetensors known; loaded with weights_only"
TRANSLATORS = Records(
    GROUP,
    Translator,
    (
        Translator(
            "google/madlad400-3b-mt", "main", "Apache-2.0", note=f"{UNPINNED}; licence [M]", matrix=2.42e9
        ),
        Translator(
            "facebook/m2m100_418M",
            "55c2e61bbf05dfb8d7abccdc3fae6fc8512fd636",
            "MIT",
            weights="pytorch_model.bin",
            note=NO_SAFETENSORS,
            matrix=0.35e9,
            language_tokens=tuple(f"__{code}__" for code in _M2M100.split()),
        ),
        Translator(
            "facebook/nllb-200-distilled-600M",
            "f8d333a098d19b4fd9a8b18f94170487ad3f821d",
            "CC-BY-NC-4.0",
            restricted=True,
            weights="pytorch_model.bin",
            note=NO_SAFETENSORS,
            matrix=0.35e9,
            language_tokens=tuple(_NLLB.split()),
        ),
    ),
    attrgetter("hub"),
)
