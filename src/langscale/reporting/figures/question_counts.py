"""How many questions, in how many languages, stand behind the values of a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from langscale.design.grid import ALL

KEYS = ["benchmark", "setting", "pair_set", "n_queries"]


def asked(table: pd.DataFrame, languages: pd.DataFrame, pool: Sequence[str]) -> pd.DataFrame:
    """With the columns n_asked, the number of question languages, and n_each, the questions in each of them.

    Both are nan where the languages do not have the same number of questions with a value. languages: languages.csv.
    Held-out languages that ask are those of a column `languages`, if there is one.
    """
    keys = [*KEYS, *(name for name in ("languages",) if name in table)]
    facts = table[keys].drop_duplicates()
    each = languages.groupby(["benchmark", "setting", "query_language"])["n_queries"].max()
    counts = []
    for row in facts.to_dict("records"):
        known = each.xs((row["benchmark"], row["setting"])) if len(each) else each
        side = row["pair_set"].partition("-")[0]
        if side != ALL:
            known = known[known.index.isin(pool) == (side == "pool")]
        if side == "heldout" and "languages" in row:
            known = known[known.index.isin(row["languages"].split())]
        alike = known.nunique() == 1 and known.sum() == row["n_queries"]
        counts.append((len(known), known.iloc[0]) if alike else (np.nan, np.nan))
    facts[["n_asked", "n_each"]] = np.array(counts, dtype=float).reshape(-1, 2)
    return table.merge(facts, on=keys, how="left")


def of_gaps(gaps: pd.DataFrame, scaling: pd.DataFrame) -> pd.DataFrame:
    """gaps.csv with n_queries, n_asked and n_each, of the questions on either side of the difference.

    scaling: scaling.csv from `asked`.
    """
    keys, counts = ["benchmark", "setting", "pair_set"], ["n_queries", "n_asked", "n_each"]
    plain = (scaling[["query_language", "candidate_language", "status"]] == ALL).all(axis=1)
    facts = scaling.loc[plain & (scaling["metric"] == "mAP"), keys + counts].drop_duplicates(keys)
    pool = facts[facts["pair_set"] == "pool"].drop(columns="pair_set")
    both = gaps.merge(facts, on=keys, how="left").merge(pool, on=keys[:2], how="left", suffixes=("", "_pool"))
    # pool languages ask on both sides of pool - heldout, and held-out ones on one side of the others
    other = both["pair_set"].str.startswith("heldout")
    same = both["n_each"] == both["n_each_pool"]
    both["n_queries"] = (
        both[["n_queries", "n_queries_pool"]]
        .max(axis=1)
        .where(~other, both["n_queries"] + both["n_queries_pool"])
    )
    both["n_asked"] = (both["n_asked_pool"] + both["n_asked"] * other).where(same)
    return both[[*gaps.columns, *counts]].assign(n_each=both["n_each"].where(same))
