"""The data sets' own language codes: BCP 47 code -> theirs.

They are ISO 639-3 with script or region (Belebele eng_Latn, NTREX srp-Cyrl, Tatoeba deu) or names (mMARCO
german). XQuAD-R, MLQA-R, MIRACL, Mewsli-X and SQuAD translate-train use BCP 47.
"""


def bcp47(code: str) -> str:
    """BCP 47 code of an ISO 639-3 code with or without script and region: eng_Latn is en, zho-TW zh-TW.

    CLDR's aliases shorten the language (and join sub-languages to it: swh is sw, prs fa-AF); the script is
    left out where it is CLDR's likely one.
    """
    from babel.core import get_global

    language, *rest = code.replace("-", "_").split("_")
    language, *alias = get_global("language_aliases").get(language, language).split("_")
    likely = get_global("likely_subtags").get(language, "").split("_")
    # kor_Hang: CLDR writes Korean as Kore, Hangul with Han
    scripts = [part for part in rest if len(part) == 4 and part not in likely and part != "Hang"]
    regions = [part for part in rest + alias if len(part) == 2]
    return "-".join([language, *scripts, *regions])


def table(codes: str, **other: str) -> dict[str, str]:
    """BCP 47 code -> own code, for the own codes in a text. `other`: exceptions, BCP 47 by own code."""
    return {other.get(code.replace("-", "_"), bcp47(code)): code for code in codes.split()}


# fmt: off
BELEBELE = table(
    "acm_Arab afr_Latn als_Latn amh_Ethi apc_Arab arb_Arab arb_Latn ars_Arab ary_Arab arz_Arab asm_Beng "
    "azj_Latn bam_Latn ben_Beng ben_Latn bod_Tibt bul_Cyrl cat_Latn ceb_Latn ces_Latn ckb_Arab dan_Latn "
    "deu_Latn ell_Grek eng_Latn est_Latn eus_Latn fin_Latn fra_Latn fuv_Latn gaz_Latn grn_Latn guj_Gujr "
    "hat_Latn hau_Latn heb_Hebr hin_Deva hin_Latn hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn "
    "isl_Latn ita_Latn jav_Latn jpn_Jpan kac_Latn kan_Knda kat_Geor kaz_Cyrl kea_Latn khk_Cyrl khm_Khmr "
    "kin_Latn kir_Cyrl kor_Hang lao_Laoo lin_Latn lit_Latn lug_Latn luo_Latn lvs_Latn mal_Mlym mar_Deva "
    "mkd_Cyrl mlt_Latn mri_Latn mya_Mymr nld_Latn nob_Latn npi_Deva npi_Latn nso_Latn nya_Latn ory_Orya "
    "pan_Guru pbt_Arab pes_Arab plt_Latn pol_Latn por_Latn ron_Latn rus_Cyrl shn_Mymr sin_Latn sin_Sinh "
    "slk_Latn slv_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn "
    "swh_Latn tam_Taml tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tsn_Latn tso_Latn tur_Latn ukr_Cyrl "
    "urd_Arab urd_Latn uzn_Latn vie_Latn war_Latn wol_Latn xho_Latn yor_Latn zho_Hans zho_Hant zsm_Latn "
    "zul_Latn",
    pbt_Arab="ps",  # Southern Pashto, the only Pashto there
)
TATOEBA = table(
    "afr amh ang ara arq arz ast awa aze bel ben ber bos bre bul cat cbk ceb ces cha cmn cor csb cym dan "
    "deu dsb dtp ell epo est eus fao fin fra fry gla gle glg gsw heb hin hrv hsb hun hye ido ile ina ind "
    "isl ita jav jpn kab kat kaz khm kor kur kzj lat lfn lit lvs mal mar max mhr mkd mon nds nld nno nob "
    "nov oci orv pam pes pms pol por ron rus slk slv spa sqi srp swe swg swh tam tat tel tgl tha tuk tur "
    "tzl uig ukr urd uzb vie war wuu xho yid yue zsm",
    kzj="kzj",  # CLDR joins Coastal Kadazan to dtp, which is there too
)
NTREX = table(
    "afr amh arb aze-Latn bak bel bem ben bod bos bul cat ces ckb-Arab cym dan deu div dzo ell eng eng-GB "
    "eng-IN eng-US est eus ewe fao fas fij fil fin fra fra-CA fuc gle glg guj hau heb hin hmn hrv hun hye "
    "ibo ind isl ita jpn kan kat kaz khm kin kir kmr kor lao lav lit ltz mal mar mey mkd mlg mlt mon mri "
    "msa mya nde nep nld nno nob nso nya orm pan pol por por-BR prs pus ron rus shi sin slk slv smo "
    "sna-Latn snd-Arab som spa spa-MX sqi srp-Cyrl srp-Latn ssw swa swe tah tam tat tel tgk-Cyrl tha tir "
    "ton tsn tuk tur uig ukr urd uzb ven vie wol xho yor yue zho-CN zho-TW zul",
    zho_CN="zh", zho_TW="zh-Hant",
    mey="mey-Arab", shi="shi-Arab",  # CLDR would have mey in Latin and shi in Tifinagh script
)
MMARCO = {
    "ar": "arabic", "zh": "chinese", "nl": "dutch", "en": "english", "fr": "french", "de": "german",
    "hi": "hindi", "id": "indonesian", "it": "italian", "ja": "japanese", "pt": "portuguese", "ru": "russian",
    "es": "spanish", "vi": "vietnamese",
}
# fmt: on
