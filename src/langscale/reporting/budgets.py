"""Languages, rows and steps together: the samplers of a study under budgets of all kinds."""

from collections.abc import Mapping, Sequence

import pandas as pd

from langscale.config.sampler import Spec
from langscale.config.study import Study
from langscale.config.terms import ALL
from langscale.reporting.wording import headline, label
from langscale.retrieval.measures import MAP

GROWS = {
    "fixed-rows": "languages grow",
    "fixed-total": "languages and rows grow",
    "fixed-per-language": "languages, rows and steps grow",
}
"""Kind of budget -> what grows with the number of training languages."""
PLACES = (("mono", ALL), ("cross", "pool"), ("cross", "heldout-pool"), ("multi", ALL))
"""Setting and pair set of the values that are shown."""


def joint_budgets(study: Study) -> list[dict[str, str]]:
    """Budgets that are equal at one language, one of each kind: kind -> name. Incomplete sets are left out.

    A set counts if the grid has one of its samplers under all kinds at the same n above 1.
    """
    equal: dict[str, dict[str, str]] = {}
    for name, budget in study.budgets.items():
        equal.setdefault(repr(budget.model_dump(exclude={"kind"})), {}).setdefault(budget.kind, name)
    cells = {
        (Spec.parse(sampler).name, n, budget)
        for arm in study.grid
        if arm.ladders == "random"
        for sampler in arm.samplers
        for n in arm.n
        for budget in arm.budgets or study.budgets
    }
    return [
        named
        for named in equal.values()
        if len(named) == len(GROWS)
        and any(n > 1 and all((s, n, b) in cells for b in named.values()) for s, n, _ in cells)
    ]


def together(scaling: pd.DataFrame, joint: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """The mAP of samplers under all kinds of budgets, in PLACES: rows of scaling.csv with `name` and `kind`.

    joint: from `joint_budgets`. Rows of a sampler belong here if it has all kinds at the same n above 1.
    Random language orders, last checkpoint, macro average, all languages. name: the sampler with its alpha.
    """
    table = headline(scaling)
    table = table[(table["metric"] == MAP.name) & (table["ladder"] == ALL) & (table["checkpoint"] == "last")]
    table = table[pd.MultiIndex.from_frame(table[["setting", "pair_set"]]).isin(PLACES)]
    table = table[table["n_languages"] > 0]
    table = table.assign(name=[label(row) for _, row in table.iterrows()])
    found = [table[:0].assign(kind="")]
    for named in joint:
        kinds = {budget: kind for kind, budget in named.items()}
        rows = table[table["budget"].isin(kinds)]
        rows = rows.assign(kind=rows["budget"].map(kinds))
        keys = ["benchmark", "model", "name"]
        sizes = rows[rows["n_languages"] > 1].groupby([*keys, "n_languages"])["kind"].nunique()
        whole = sizes[sizes == len(GROWS)].reset_index()[keys].drop_duplicates()
        found.append(rows.merge(whole, on=keys))
    return pd.concat(found, ignore_index=True)
