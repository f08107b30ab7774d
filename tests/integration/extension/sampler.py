"""A sampler: passages in one language."""

from langscale.config.sampler import Kind

TO_FIRST = Kind(
    "x-first",
    "each example with its query in any language and its passage in the first one",
    "cross",
    lambda spec, languages, english: [(code, languages[0]) for code in languages],
    options=("pair",),
)
