"""Languages that translation models write: BCP 47 code -> the model's own token of it.

M2M-100's tokens are `__de__`, NLLB's are FLORES codes (`deu_Latn`), MADLAD-400's are `<2de>`. What a model's own
vocabulary says counts; the lists here are what is known before M2M-100 or NLLB is downloaded.
"""

import re
from collections.abc import Iterable, Mapping

from langscale.core.errors import UserError
from langscale.languages import codes

TOKEN = re.compile(r"__([a-z]{2,3})__|([a-z]{3}_[A-Z][a-z]{3})|<2([a-z]{2,3}(?:_[A-Za-z]+)*)>")
# NLLB's members of a macrolanguage that CLDR does not join to it; M2M-100's Northern Sotho; no: written as Bokmål
OTHER = {"pbt_Arab": "ps", "quy_Latn": "qu", "ayr_Latn": "ay", "ns": "nso", "no": "nb"}


def tokens(vocabulary: Iterable[str]) -> dict[str, str]:
    """BCP 47 code -> language token, for the language tokens of a vocabulary.

    Of two tokens of one language the one that opens with its code stays (ak: aka_Latn, not twi_Latn), else the first.
    """
    found: dict[str, str] = {}
    for token in sorted(vocabulary):
        if match := TOKEN.fullmatch(token):
            own = next(filter(None, match.groups()))
            code = canonical(own)
            if code not in found or (own.startswith(code) and code not in found[code]):
                found[code] = token
    return found


def canonical(code: str) -> str:
    """The form in which codes are compared: zh-Hans is zh, tl fil, no nb."""
    return OTHER.get(code) or codes.bcp47(code)


def lacking(languages: Iterable[str], known: Mapping[str, str]) -> list[str]:
    """Those of `languages` that have no token in `known`, as `tokens` gives it."""
    return [code for code in languages if canonical(code) not in known]


def check(languages: Iterable[str], known: Mapping[str, str], model: str) -> None:
    """Raise UserError for languages that a model has no token of."""
    if missing := lacking(languages, known):
        raise UserError(
            f"translation: {model} has no {', '.join(missing)}; leave them out of languages.pool or choose another "
            f"model; it has {' '.join(sorted(known))}"
        )


# fmt: off
M2M100 = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr ht hu "
    "hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt ro "
    "ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu"
)
NLLB = (
    "ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn als_Latn amh_Ethi apc_Arab arb_Arab "
    "ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn ban_Latn "
    "bel_Cyrl bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn bul_Cyrl cat_Latn ceb_Latn "
    "ces_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn "
    "epo_Latn est_Latn eus_Latn ewe_Latn fao_Latn fij_Latn fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gaz_Latn "
    "gla_Latn gle_Latn glg_Latn grn_Latn guj_Gujr hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn "
    "hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda "
    "kas_Arab kas_Deva kat_Geor kaz_Cyrl kbp_Latn kea_Latn khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn "
    "kmr_Latn knc_Arab knc_Latn kon_Latn kor_Hang lao_Laoo lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn "
    "ltz_Latn lua_Latn lug_Latn luo_Latn lus_Latn lvs_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Latn mkd_Cyrl "
    "mlt_Latn mni_Beng mos_Latn mri_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nso_Latn nus_Latn nya_Latn "
    "oci_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn pol_Latn por_Latn prs_Arab quy_Latn "
    "ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Beng scn_Latn shn_Mymr sin_Sinh slk_Latn slv_Latn smo_Latn "
    "sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn swh_Latn szl_Latn "
    "tam_Taml taq_Latn taq_Tfng tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tpi_Latn tsn_Latn tso_Latn "
    "tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn "
    "war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant zho_Hans zho_Hant zsm_Latn zul_Latn"
)
# fmt: on
KNOWN = {
    "facebook/m2m100_418M": [f"__{code}__" for code in M2M100.split()],
    "facebook/nllb-200-distilled-600M": NLLB.split(),
}
"""Hub id -> language tokens. MADLAD-400's 419 are read from its tokenizer."""
