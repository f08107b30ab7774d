"""Language codes: BCP 47 from other standards, and tables BCP 47 code -> a data set's own code.

Own codes are ISO 639-3 with or without script and region (eng_Latn, srp-Cyrl, deu), or BCP 47 itself.
"""

from babel.core import get_global


def bcp47(code: str) -> str:
    """BCP 47 code of an ISO 639-3 code with or without script and region: eng_Latn is en, zho-TW is zh-TW.

    CLDR's aliases shorten the language and join sub-languages to it (swh is sw, prs is fa-AF). The script is
    omitted if it is CLDR's likely script of the language.
    """
    language, *rest = code.replace("-", "_").split("_")
    language, *alias = get_global("language_aliases").get(language, language).split("_")
    likely = get_global("likely_subtags").get(language, "").split("_")
    # kor_Hang: CLDR writes Korean as Kore, Hangul with Han
    scripts = [part for part in rest if len(part) == 4 and part not in likely and part != "Hang"]
    regions = [part for part in rest + alias if len(part) == 2]
    return "-".join([language, *scripts, *regions])


def spoken(code: str) -> str:
    """The language of a code, without its part for private use.

    Example:
        >>> spoken("en-x-de"), spoken("zh-Hant")
        ('en', 'zh-Hant')
    """
    return code.partition("-x-")[0]


def table(codes: str, **other: str) -> dict[str, str]:
    """BCP 47 code -> own code, for the own codes in a text. `other`: exceptions, BCP 47 by own code."""
    return {other.get(code.replace("-", "_"), bcp47(code)): code for code in codes.split()}


def same(codes: str) -> dict[str, str]:
    """BCP 47 code -> the same code, for the codes in a text."""
    return {code: code for code in codes.split()}


def counts(codes: str, *numbers: int) -> dict[str, int]:
    """BCP 47 code -> number, for the codes in a text."""
    return dict(zip(codes.split(), numbers, strict=True))
