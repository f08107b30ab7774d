"""A small valid config, and configs that differ from it in one place."""

import copy

SMALL = {
    "study": "t",
    "languages": {"pool": ["en", "de", "ar"], "heldout": ["el"]},
    "sources": {"cldr": {}},
    "benchmarks": {"cldr": {"questions": 5}},
    "models": {"tiny": {"architecture": {"model_type": "bert"}}},
    "budgets": {"b": {"kind": "fixed-total", "steps": 10}},
    "grid": [{"samplers": ["x-y"], "n": [1, 3]}],
}


def changed(*path_and_value, of=SMALL):
    """`of` with one value set. The path is keys and positions; mappings that are missing are made."""
    values = copy.deepcopy(of)
    *path, last, value = path_and_value
    inner = values
    for key in path:
        inner = inner[key] if isinstance(inner, list) else inner.setdefault(key, {})
    inner[last] = value
    return values


def without(*path):
    """SMALL without a key."""
    values = copy.deepcopy(SMALL)
    *path, last = path
    inner = values
    for key in path:
        inner = inner[key]
    del inner[last]
    return values


def contrast(**changes):
    """SMALL with one declared contrast."""
    cell, reference = {"sampler": "x-y", "n": 3}, {"sampler": "x-y", "n": 1}
    declared = {"cell": cell, "reference": reference, "setting": "cross"} | changes
    return changed("statistics", "contrasts", [declared])
