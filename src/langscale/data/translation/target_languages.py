"""Languages that translation models write: BCP 47 code -> the model's own token of it.

M2M-100's tokens are `__de__`, NLLB's are FLORES codes (`deu_Latn`), MADLAD-400's are `<2de>`. The tokens are
in a model's vocabulary; `langscale.models.known` lists them for M2M-100 and NLLB, for checks before the
download.
"""

import re
from collections.abc import Iterable, Mapping

from langscale.core.errors import UserError
from langscale.languages import codes

TOKEN = re.compile(r"__([a-z]{2,3})__|([a-z]{3}_[A-Z][a-z]{3})|<2([a-z]{2,3}(?:_[A-Za-z]+)*)>")
# NLLB's members of a macrolanguage without an alias in CLDR; M2M-100's Northern Sotho; no: written as Bokmål
OTHER = {"pbt_Arab": "ps", "quy_Latn": "qu", "ayr_Latn": "ay", "ns": "nso", "no": "nb"}


def tokens(vocabulary: Iterable[str]) -> dict[str, str]:
    """BCP 47 code -> language token, for the language tokens of a vocabulary.

    Of two tokens of one language, the token that opens with the language's code stays (ak: aka_Latn, not
    twi_Latn), else the first.
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
    """The form of a code for comparisons: zh-Hans is zh, tl is fil, no is nb."""
    return OTHER.get(code) or codes.bcp47(code)


def lacking(languages: Iterable[str], known: Mapping[str, str]) -> list[str]:
    """The `languages` without a token in `known`, a result of `tokens`."""
    return [code for code in languages if canonical(code) not in known]


def check(languages: Iterable[str], known: Mapping[str, str], model: str) -> None:
    """Raise UserError for languages without a token of the model."""
    if missing := lacking(languages, known):
        raise UserError(
            f"translation: {model} has no {', '.join(missing)}; leave them out of languages.pool or choose "
            f"another model; it has {' '.join(sorted(known))}"
        )
