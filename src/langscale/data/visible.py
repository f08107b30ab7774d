"""Texts without invisible characters, for fingerprints and the leakage audit."""

# Default_Ignorable_Code_Point of Unicode 16, DerivedCoreProperties.txt: first and last code points
_RANGES = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), 
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_INVISIBLE = dict.fromkeys(point for first, last in _RANGES for point in range(first, last + 1))


def visible(text: str) -> str:
    """The text without default-ignorable characters: joiners, soft hyphens, BOM, direction marks, selectors.

    Copies of a text differ in them, because editors and converters drop or add them. Source: Unicode Standard
    Annex 44, Default_Ignorable_Code_Point, which NFKC_Casefold removes too.
    """
    return text if text.isascii() else text.translate(_INVISIBLE)
