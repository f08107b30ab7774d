"""Words of configs, tables and file names."""

SETTINGS = ("mono", "cross", "multi")
PAIR_SETS = ("all", "pool", "pool-heldout", "heldout-pool", "heldout")
ALL = "all"
UNTRAINED = "untrained"
BM25 = "bm25"
NONE = "none"
POINT = ("model", "sampler", "alpha", "budget", "ladder", "n_languages")
"""The columns of a point of the design."""
