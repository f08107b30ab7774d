"""The answer of a study in three sentences, and what it leaves open, written from its tables."""

import pandas as pd

from langscale.claims.sampler_choice import choose, controlled, curves_of, rows_of
from langscale.claims.verdicts import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDECIDED
from langscale.config.sampler import KINDS, Spec
from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, NONE, SETTINGS, UNTRAINED
from langscale.reporting import wording

LEVEL = 0.05  # of p, adjusted in its family: below it a direction is told
UP, DOWN, SAME = "improves", "gets worse", "does not change detectably"
VERDICTS = (SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED)


def answers(
    study: Study, scaling: pd.DataFrame, contrasts: pd.DataFrame, claims: pd.DataFrame
) -> dict[str, list[str]]:
    """Three sentences for every benchmark, model and budget that has a curve, by what tells them apart.

    What n does to cross mAP among pool languages; what it does on held-out ones; which sampler is best at the largest
    n, and how many claims hold. What n does is told by one sampler, which langscale.claims.sampler_choice
    chooses from the grid. The first entry is the headline: the benchmark,
    model and budget that the config names first.
    """
    table = scaling[
        (scaling["metric"] == "mAP") & (scaling["checkpoint"] == "last") & (scaling["ladder"] == ALL)
    ]
    table = wording.headline(table)
    contrasts = contrasts[(contrasts["metric"] == "mAP") & (contrasts["checkpoint"] == "last")]
    contrasts = contrasts[contrasts["average"] == "macro"]
    names = ["benchmark", "model", "budget"]
    curves = table.loc[table["n_languages"] > 0, names].drop_duplicates()
    first = [list(part) for part in (study.benchmarks, study.models, study.budgets)]
    curves = sorted(
        curves.itertuples(index=False, name=None),
        key=lambda curve: [known.index(name) for known, name in zip(first, curve, strict=True)],
    )
    found = {}
    for benchmark, model, budget in curves:
        here = table[(table["benchmark"] == benchmark) & table["model"].isin([model, BM25])]
        here = here[here["budget"].isin([budget, NONE])]
        told = [
            _pool(here, contrasts),
            _heldout(study, here, contrasts),
            _samplers(here, contrasts) + _counts(claims),
        ]
        found[f"{benchmark}, {model}, {budget}"] = told
    return found or {
        "": ["No benchmark of this study gives mAP, so it says nothing about retrieval across languages; "
             "the tables have nDCG@10 within languages."]
    }  # fmt: skip


def _pool(here: pd.DataFrame, contrasts: pd.DataFrame) -> str:
    rows = here[(here["setting"] == "cross") & (here["pair_set"] == "pool")]
    if rows.empty:
        return "There is one training language, so nothing is said of retrieval across training languages."
    told = _curve(rows, contrasts)
    asked = "asked in one pool language for a passage in another, mean average precision (mAP)"
    if told["first"] == told["last"]:
        return (
            f"Retrieval across training languages was measured at n = {told['last']} only, so the study cannot say what n "
            f"does: {asked} is {told['end']} with {told['sampler']}, {told['baselines']}{_best(rows, contrasts)}."
        )
    return (
        f"With more training languages, retrieval across them {told['verb']}: {asked} goes from {told['start']} at n = "
        f"{told['first']} to {told['end']} at n = {told['last']} with {told['sampler']} ({told['change']}), "
        f"{told['baselines']}{_best(rows, contrasts)}."
    )


def _heldout(study: Study, here: pd.DataFrame, contrasts: pd.DataFrame) -> str:
    count = len(study.languages.heldout)
    found = []
    for pair_set, text in (
        ("heldout-pool", "asking in them"),
        ("pool-heldout", "asking for passages in them"),
    ):
        rows = here[(here["setting"] == "cross") & (here["pair_set"] == pair_set)]
        if len(rows):
            told = _curve(rows, contrasts)
            moved = "{verb}, mAP going from {start} to {end} with {sampler} ({change}), {baselines}"
            alone = "has mAP {end} with {sampler}, {baselines}"
            found.append(
                f"{text}, retrieval " + (alone if told["first"] == told["last"] else moved).format(**told)
            )
    if not found:
        return "No language is held out, so the study says nothing about languages never trained on."
    languages = "1 language" if count == 1 else f"{count} languages"
    return f"For the {languages} it never trained on: {'; '.join(found)}."


def _best(rows: pd.DataFrame, contrasts: pd.DataFrame) -> str:
    """Which sampler is best in a pair set at the largest n, where that is not the one whose curve was told."""
    line = _line(rows)
    end = rows[rows["n_languages"] == line["n_languages"].max()]
    best, told = end.sort_values("value").iloc[-1], line.iloc[-1]
    if wording.label(best) == wording.label(told):
        return ""
    return f"; the best sampler there is {wording.label(best)} ({best['value']:.3f}, {_ahead(contrasts, best, told)})"


def _samplers(here: pd.DataFrame, contrasts: pd.DataFrame) -> str:
    last = here["n_languages"].max()
    end = here[(here["pair_set"] == ALL) & (here["n_languages"] == last)]
    found = []
    for setting in SETTINGS:
        rows = end[end["setting"] == setting].sort_values("value")
        if len(rows):
            best = rows.iloc[-1]
            ahead = f", {_ahead(contrasts, best, rows.iloc[-2])}" if len(rows) > 1 else ""
            found.append(f"in {setting} {wording.label(best)} ({best['value']:.3f}{ahead})")
    return f"The best sampler by mAP over all languages at n = {last} is {', '.join(found)}"


def _ahead(contrasts: pd.DataFrame, best: pd.Series, second: pd.Series) -> str:
    """By how much the best sampler leads another; a contrast is in the tables in one direction only."""
    row, sign = _contrast(contrasts, best, second), 1
    if row is None:
        row, sign = _contrast(contrasts, second, best), -1
    if row is None:
        return f"{wording.label(second)} {second['value']:.3f}"
    ends = sorted(sign * row[name] for name in ("ci_low", "ci_high"))
    between = "" if pd.isna(ends[0]) else f" [{ends[0]:+.3f}, {ends[1]:+.3f}]"
    sure = "" if _differs(row) else ", not told apart"
    return f"{sign * row['difference']:+.3f}{between} over {wording.label(second)}{sure}"


def _counts(claims: pd.DataFrame) -> str:
    rows = claims[claims["part"] == ALL]
    counts = ", ".join(
        f"{(rows['verdict'] == v).sum()} {v}" for v in VERDICTS if (rows["verdict"] == v).any()
    )
    return f"; verdicts on claims and hypotheses: {counts}." if counts else "."


def _line(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, by n, of the sampler whose curve tells what n does."""
    return rows_of(choose(curves_of(rows)), rows[rows["n_languages"] > 0]).sort_values("n_languages")


def _curve(rows: pd.DataFrame, contrasts: pd.DataFrame) -> dict[str, str]:
    """What is told of one pair set: `_line` at its smallest and largest n, and there beside the baselines."""
    line = _line(rows)
    start, end = line.iloc[0], line.iloc[-1]
    change = _contrast(contrasts, end, start)
    sure = controlled(Spec.of(end["sampler"], end["alpha"]), curves_of(rows))
    alone = "" if sure else "; its control is not in the grid, so this compares samplers as well"
    baselines = []
    for _, row in rows[rows["n_languages"] == 0].sort_values("sampler", ascending=False).iterrows():
        found = _contrast(contrasts, end, row)
        where = "above" if _differs(found) and found["difference"] > 0 else "below"
        name = "the untrained encoder" if row["sampler"] == UNTRAINED else wording.label(row)
        baselines.append(
            f"{where if _differs(found) else 'not told apart from'} {name} ({wording.interval(row)})"
        )
    return {
        "sampler": wording.label(end),
        "first": str(start["n_languages"]),
        "last": str(end["n_languages"]),
        "start": wording.interval(start),
        "end": wording.interval(end),
        "verb": _verb(change),
        "change": _change(change) + alone,
        "baselines": " and ".join(baselines) or "without a baseline beside it",
    }


def _contrast(contrasts: pd.DataFrame, cell: pd.Series, reference: pd.Series) -> pd.Series | None:
    """The contrast of two rows of scaling.csv, cell minus reference, if there is one."""
    wanted = {name: cell[name] for name in ("benchmark", "setting", "pair_set", "candidate_language")}
    for side, row in (("cell", cell), ("reference", reference)):
        wanted |= {
            f"{side}_{name}": row[name] for name in ("model", "sampler", "budget", "ladder", "n_languages")
        }
        alpha = contrasts[f"{side}_alpha"]
        contrasts = contrasts[alpha.isna() if pd.isna(row["alpha"]) else alpha == row["alpha"]]
    rows = contrasts[(contrasts[list(wanted)] == pd.Series(wanted, dtype=object)).all(axis=1)]
    return rows.iloc[0] if len(rows) else None


def _differs(row: pd.Series | None) -> bool:
    return row is not None and row["p_adjusted"] < LEVEL


def _verb(row: pd.Series | None) -> str:
    return SAME if not _differs(row) else UP if row["difference"] > 0 else DOWN


def _change(row: pd.Series | None) -> str:
    if row is None:
        return "no paired contrast"
    if pd.isna(row["ci_low"]):
        return f"difference {row['difference']:+.3f}, no procedure interval: {row['note']}"
    return f"paired difference {row['difference']:+.3f} [{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]"


def missing(study: Study, scaling: pd.DataFrame, claims: pd.DataFrame, curves: pd.DataFrame) -> list[str]:
    """What the study lacks, from its config and tables: samplers, controls, benchmarks, replicates, n, tests."""
    trained = scaling[scaling["n_languages"] > 0]
    samplers, n = set(trained["sampler"]), sorted(trained["n_languages"].unique())
    sets = {options.set or name for name, options in study.benchmarks.items()}
    controls = {kind: Spec(kind).control for kind in KINDS if kind in samplers}
    lacking_control = {k: c.sampler for k, c in controls.items() if c and c.sampler not in samplers}
    lacking = [s for s in ("x-x-mono", "x-y", "hybrid") if s not in samplers]
    absent = [name for name in ("xquad-r", "mlqa-r", "miracl") if name not in sets]
    found = []
    if study.replicates < 4:
        found.append(f"Procedure intervals: they need four replicates, there are {study.replicates}.")
    if absent:
        found.append(f"Benchmarks of the paper: {', '.join(absent)}.")
    if lacking:
        found.append(f"Samplers: {', '.join(lacking)}.")
    if lacking_control:
        found.append(
            f"Controls: {', '.join(lacking_control.values())}. With {' and '.join(lacking_control)} no positive is in the question's language, which gives "
            "away 1/n of a batch, so what they show along n is no finding without the control."
        )
    if trained.loc[trained["sampler"] == "hybrid", "alpha"].nunique() < 3:
        found.append("A sweep of alpha: fewer than three values of it.")
    if UNTRAINED not in set(scaling["sampler"]):
        found.append("The untrained encoder.")
    if not study.evaluation.bm25:
        found.append("A lexical baseline (BM25).")
    if len(n) < 6:
        found.append(
            f"Curves that bend: a ceiling or a turn needs six values of n, there {'is' if len(n) == 1 else 'are'} "
            f"{len(n)} ({', '.join(map(str, n))}); the n of half the gain is then not identified."
        )
    elif len(curves) and curves[["n50", "n95"]].isna().all(axis=None):
        found.append("The n of half and of 95% of the gain: not identified within the observed n.")
    if len(study.budgets) == 1:
        kind = next(iter(study.budgets.values())).kind
        found.append(
            f"Other budgets than {kind}: with one, the number of languages and the share of each move together."
        )
    if not study.languages.heldout:
        found.append("Held-out languages.")
    if study.audit is None:
        found.append("An audit of the overlap between training and evaluation data.")
    untested = claims[(claims["part"] == ALL) & (claims["verdict"] == NOT_TESTED)]
    found += [
        f"{', '.join(dict.fromkeys(rows['claim']))}: {reason}."
        for reason, rows in untested.groupby("reason", sort=False)
    ]
    return found
