"""The numbers of query languages, and of queries in each of them, behind the rows of a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from langscale.config.terms import ALL
from langscale.retrieval.measures import MAP

KEYS = ["benchmark", "setting", "pair_set", "n_queries"]
COUNTS = ["n_query_languages", "n_queries_each"]


def with_query_counts(table: pd.DataFrame, languages: pd.DataFrame, pool: Sequence[str]) -> pd.DataFrame:
    """The table with n_query_languages and n_queries_each, from languages.csv.

    Both are nan if the query languages of a row have different numbers of queries. A column `languages`
    limits the held-out query languages of its row.
    """
    keys = [*KEYS, *(name for name in ("languages",) if name in table)]
    facts = table[keys].drop_duplicates()
    each = languages.groupby(["benchmark", "setting", "query_language"])["n_queries"].max()
    found = []
    for row in facts.to_dict("records"):
        known = each.xs((row["benchmark"], row["setting"])) if len(each) else each
        side = row["pair_set"].partition("-")[0]
        if side != ALL:
            known = known[known.index.isin(pool) == (side == "pool")]
        if side == "heldout" and "languages" in row:
            known = known[known.index.isin(row["languages"].split())]
        alike = known.nunique() == 1 and known.sum() == row["n_queries"]
        found.append((len(known), known.iloc[0]) if alike else (np.nan, np.nan))
    facts[COUNTS] = np.array(found, dtype=float).reshape(-1, 2)
    return table.merge(facts, on=keys, how="left")


def with_gap_counts(gaps: pd.DataFrame, scaling: pd.DataFrame) -> pd.DataFrame:
    """gaps.csv with n_queries, n_query_languages and n_queries_each, of both sides of the difference.

    scaling: scaling.csv from `with_query_counts`.
    """
    keys, columns = ["benchmark", "setting", "pair_set"], ["n_queries", *COUNTS]
    plain = (scaling[["query_language", "candidate_language", "status"]] == ALL).all(axis=1)
    facts = scaling.loc[plain & (scaling["metric"] == MAP.name), keys + columns].drop_duplicates(keys)
    pool = facts[facts["pair_set"] == "pool"].drop(columns="pair_set")
    both = gaps.merge(facts, on=keys, how="left").merge(pool, on=keys[:2], how="left", suffixes=("", "_pool"))
    # pool queries are on both sides of (pool -> pool) - (pool -> held-out), held-out queries on one side
    other = both["pair_set"].str.startswith("heldout")
    same = both["n_queries_each"] == both["n_queries_each_pool"]
    union = both["n_queries"] + both["n_queries_pool"]
    both["n_queries"] = both[["n_queries", "n_queries_pool"]].max(axis=1).where(~other, union)
    languages = both["n_query_languages_pool"] + both["n_query_languages"] * other
    both["n_query_languages"] = languages.where(same)
    return both[[*gaps.columns, *columns]].assign(n_queries_each=both["n_queries_each"].where(same))
