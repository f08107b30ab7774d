"""The answer of a study in three sentences, its best samplers, and what it lacks, written from its tables."""

from dataclasses import dataclass

import pandas as pd

from langscale.claims.sampler_choice import choose, controlled, curves_of, rows_of
from langscale.claims.verdicts import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDECIDED
from langscale.config.sampler import KINDS, Spec
from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, NONE, SETTINGS, UNTRAINED
from langscale.reporting import wording
from langscale.reporting.layouts import STEP
from langscale.reporting.wording import count
from langscale.retrieval.measures import MAP
from langscale.statistics.decomposition import KINDS as KIND_OF_PART
from langscale.statistics.decomposition import LANGUAGES as AT_EQUAL_ROWS
from langscale.statistics.heldout_gains import BRANCHES, LANGUAGES, RUNS

LEVEL = 0.05  # of the adjusted p: below it a difference is significant
VERDICTS = (SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED)
NO_MAP = (
    "No benchmark of this study gives mAP, so it cannot describe retrieval across languages. The tables have "
    "nDCG@10 within languages."
)


@dataclass(frozen=True)
class Answer:
    """The results of a benchmark, model and budget on the number of training languages, as sentences.

    effect: a sentence for training languages, held-out languages and all languages in one corpus. samplers:
    the best sampler of each setting at the largest number of training languages.
    """

    effect: list[str]
    samplers: str


def answers(
    study: Study,
    scaling: pd.DataFrame,
    contrasts: pd.DataFrame,
    languages: pd.DataFrame,
    decomposition: pd.DataFrame,
) -> dict[str, Answer]:
    """The answer of every benchmark, model and budget with a scaling curve, by their names.

    The first one is the headline: the benchmark, model and budget that the config names first. The effect of
    n is that of one sampler, from langscale.claims.sampler_choice. A budget at equal rows has no answer: it
    is in that of the budget with a fixed total. Empty without mAP. A study without training has an answer for
    every benchmark.
    """
    table = scaling[
        (scaling["metric"] == MAP.name) & (scaling["checkpoint"] == "last") & (scaling["ladder"] == ALL)
    ]
    table = wording.headline(table)
    contrasts = contrasts[(contrasts["metric"] == MAP.name) & (contrasts["checkpoint"] == "last")]
    contrasts = contrasts[contrasts["average"] == "macro"]
    if not study.grid:
        return _as_they_are(study, table, languages)
    parts = decomposition[(decomposition["metric"] == MAP.name) & (decomposition["checkpoint"] == "last")]
    parts = parts[(parts["part"] == AT_EQUAL_ROWS) & (parts["average"] == "macro")]
    curves = table.loc[table["n_languages"] > 0, ["benchmark", "model", "budget"]].drop_duplicates()
    first = [list(part) for part in (study.benchmarks, study.encoders, study.budgets)]
    found = {}
    for names in sorted(
        curves.itertuples(index=False, name=None),
        key=lambda names: [known.index(name) for known, name in zip(first, names, strict=True)],
    ):
        benchmark, model, budget = names
        split = parts[(parts["benchmark"] == benchmark) & (parts["model"] == model)]
        if study.budgets[budget].kind == KIND_OF_PART[AT_EQUAL_ROWS] and len(split):
            continue
        split = split[split["budget"] == budget]
        here = table[(table["benchmark"] == benchmark) & table["model"].isin([model, BM25])]
        here = here[here["budget"].isin([budget, NONE])]
        there = query_languages(study, languages, benchmark)
        heldout = sum(code in study.languages.heldout for code in there)
        effect = [
            _pool(len(there) - heldout, here, contrasts, split),
            _heldout(heldout, here, contrasts, split),
            _multi(len(there), here, contrasts, split),
        ]
        found[", ".join(names)] = Answer(effect, _samplers(here, contrasts))
    return found


def query_languages(study: Study, languages: pd.DataFrame, benchmark: str) -> list[str]:
    """The languages of a benchmark's queries in languages.csv, in the order of the config."""
    there = set(languages.loc[languages["benchmark"] == benchmark, "query_language"])
    return [code for code in study.languages.all if code in there]


def _pool(languages: int, here: pd.DataFrame, contrasts: pd.DataFrame, split: pd.DataFrame) -> str:
    """The sentence for pairs of pool languages."""
    rows = here[(here["setting"] == "cross") & (here["pair_set"] == "pool")]
    if rows.empty:
        return "The benchmark has one language of the pool, so the study cannot describe retrieval in it."
    where = f"Between the {languages} evaluated languages of the training pool"
    if (here["setting"] != "mono").all():  # the candidates of a query are in languages of their own
        asked = count(languages, "language")
        where = f"With queries in {asked} of the training pool and candidates in the pool"
    return f"{where}, cross-lingual mAP {_change(rows, contrasts, split)}."


def _heldout(languages: int, here: pd.DataFrame, contrasts: pd.DataFrame, split: pd.DataFrame) -> str:
    """The sentence for pairs with a held-out language, in both directions."""
    held = f"the {count(languages, 'held-out language')}"
    found = []
    for pair_set, where in (
        ("heldout-pool", f"With queries in {held}, cross-lingual mAP"),
        ("pool-heldout", "with candidates in held-out languages, it"),
    ):
        rows = here[(here["setting"] == "cross") & (here["pair_set"] == pair_set)]
        if len(rows):
            found.append(f"{where} {_change(rows, contrasts, split)}")
    if not found:
        return "No language is held out, so the study cannot describe languages without training."
    return f"{'; '.join(found)}."


def _multi(languages: int, here: pd.DataFrame, contrasts: pd.DataFrame, split: pd.DataFrame) -> str:
    """The sentence for the corpus of all languages."""
    rows = here[(here["setting"] == "multi") & (here["pair_set"] == ALL)]
    if rows.empty:
        return "The benchmark has no corpus of several languages."
    where = "With the candidates of all languages in one corpus"
    return (
        f"{where}, multilingual mAP of queries in {count(languages, 'language')} "
        f"{_change(rows, contrasts, split)}."
    )


def _samplers(here: pd.DataFrame, contrasts: pd.DataFrame) -> str:
    """The best sampler of each setting at the largest number of training languages, with its lead."""
    last = here["n_languages"].max()
    end = here[(here["pair_set"] == ALL) & (here["n_languages"] == last)]
    found = []
    for setting in SETTINGS:
        rows = end[end["setting"] == setting].sort_values("value")
        if len(rows):
            best = rows.iloc[-1]
            ahead = f", {_lead(contrasts, best, rows.iloc[-2])}" if len(rows) > 1 else ""
            found.append(f"{wording.label(best)} in {setting} ({best['value']:.3f}{ahead})")
    number = count(last, "training language")
    return f"With {number}, the sampler with the highest mAP over all languages is {', '.join(found)}."


def _lead(contrasts: pd.DataFrame, best: pd.Series, second: pd.Series) -> str:
    """The difference of the best sampler to another. The table has each contrast in one direction only."""
    row, sign = _contrast(contrasts, best, second), 1
    if row is None:
        row, sign = _contrast(contrasts, second, best), -1
    if row is None:
        return f"{wording.label(second)} {second['value']:.3f}"
    return f"{_difference(row, sign)} over {wording.label(second)}{_doubt(row)}"


def claim_counts(claims: pd.DataFrame) -> str:
    """`1 contradicted, 8 undecided`: the number of claims with each verdict, without replications."""
    verdicts = claims.loc[(claims["part"] == ALL) & (claims["role"] != "replication"), "verdict"]
    return ", ".join(f"{(verdicts == v).sum()} {v}" for v in VERDICTS if (verdicts == v).any())


def _line(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, by n, of the sampler chosen for the effect of n."""
    spec = choose(curves_of(rows))
    assert spec is not None  # there are trained rows
    return rows_of(spec, rows[rows["n_languages"] > 0]).sort_values("n_languages")


def _change(rows: pd.DataFrame, contrasts: pd.DataFrame, split: pd.DataFrame) -> str:
    """The change of one pair set from the smallest to the largest n, and its relation to the baselines."""
    line = _line(rows)
    start, end = line.iloc[0], line.iloc[-1]
    baselines = _baselines(rows, contrasts, end)
    sampler, last = wording.label(end), count(end["n_languages"], "training language")
    if start["n_languages"] == end["n_languages"]:
        return f"is {end['value']:.3f} with {last} ({sampler}), the only number in the study{baselines}"
    ends = f"from {start['value']:.3f} with {start['n_languages']:.0f} to {end['value']:.3f} with {last}"
    row = _contrast(contrasts, end, start)
    sure = controlled(Spec.of(end["sampler"], end["alpha"]), curves_of(rows))
    warning = "" if sure else "; without its control this may be a language shortcut"
    if row is None or pd.isna(row["p_adjusted"]):
        why = "no paired contrast" if row is None else f"difference {_difference(row)}{_doubt(row)}"
        return f"goes {ends} ({sampler}; {why}{warning}){baselines}"
    warning = f"{_at_equal_rows(split, end)}{warning}"
    if not _significant(row):
        least = f"minimum detectable effect {wording.digits(row['smallest_detectable'])}"
        details = f"difference {_difference(row)}, {least}"
        return f"does not change significantly, {ends} ({sampler}; {details}{warning}){baselines}"
    verb = "rises" if row["difference"] > 0 else "falls"
    return f"{verb} {ends} ({sampler}; difference {_difference(row)}{warning}){baselines}"


def _at_equal_rows(split: pd.DataFrame, end: pd.Series) -> str:
    """`, of it +0.022 [+0.012, +0.032] at equal rows`. Empty in a study without such a budget."""
    for name in ("n_languages", "setting", "pair_set"):
        split = split[split[name] == end[name]]
    split = rows_of(Spec.of(end["sampler"], end["alpha"]), split)
    if split.empty:
        return ""
    row = split.iloc[0]
    return f", of it {_difference(row)} at equal rows{_doubt(row)}"


def for_new_languages(study: Study, scaling: pd.DataFrame, generality: pd.DataFrame) -> str:
    """The gain of held-out languages as query languages: for these, for new languages, for new branches.

    It is that of the headline: the first benchmark, model and budget, and the sampler of the effect of n.
    Empty without held-out languages or several n. generality: generality.csv.
    """
    place = {"setting": "cross", "pair_set": "heldout-pool", "group": ALL, "checkpoint": "last"}
    table = generality[(generality[list(place)] == pd.Series(place, dtype=object)).all(axis=1)]
    here = scaling[(scaling["ladder"] == ALL) & (scaling["n_languages"] > 0)]
    for name, order in (("benchmark", study.benchmarks), ("model", study.models), ("budget", study.budgets)):
        first = next((known for known in order if known in set(table[name])), None)
        table, here = table[table[name] == first], here[here[name] == first]
    spec = choose(curves_of(here))
    table = rows_of(spec, table) if spec else table[:0]
    if table.empty:
        return ""
    rows = {(row["what"], row["over"]): row for _, row in table.iterrows()}
    all_, languages, branches = (rows["gain", over] for over in (RUNS, LANGUAGES, BRANCHES))
    ends = f"from {all_['reference_n_languages']:.0f} to {count(all_['n_languages'], 'training language')}"
    found = [
        f"With queries in held-out languages, cross-lingual mAP changes by {_estimate(all_)} {ends} "
        f"({wording.label(all_)}), as the mean over {count(all_['n_groups'], 'language')}."
    ]
    if pd.notna(languages["ci_low"]):
        low, high = (wording.decimal(languages[f"ci_{end}"], sign="+") for end in ("low", "high"))
        found.append(f"For new languages, of which these are a sample, the interval is [{low}, {high}].")
    if pd.notna(branches["ci_low"]):
        number = f"{branches['n_groups']:.0f} branches"
        found.append(f"As the mean over their {number}, for new branches too, it is {_estimate(branches)}.")
    if ("slope", RUNS) in rows:
        slope = _estimate(rows["slope", RUNS], STEP)
        found.append(
            f"Where the lexical similarity to the nearest training language is {STEP} higher, the "
            f"change differs by {slope}."
        )
    return " ".join(found)


def _estimate(row: pd.Series, scale: float = 1.0) -> str:
    """`+0.047 [+0.037, +0.058]` of a row of generality.csv, times `scale`."""
    value, low, high = (scale * row[name] for name in ("estimate", "ci_low", "ci_high"))
    text = wording.decimal(value, sign="+")
    ends = ", ".join(wording.decimal(end, sign="+") for end in (low, high))
    return text if pd.isna(low) else f"{text} [{ends}]"


def _as_they_are(study: Study, table: pd.DataFrame, languages: pd.DataFrame) -> dict[str, Answer]:
    """MAP of the encoders and BM25 in every setting, for each benchmark of a study without training."""
    found = {}
    for benchmark in study.benchmarks:
        here = table[(table["benchmark"] == benchmark) & (table["pair_set"] == ALL)]
        asked = count(len(query_languages(study, languages, benchmark)), "language")
        names = {
            "mono": "Within a language",
            "cross": "From one language to another",
            "multi": f"With the candidates of all languages in one corpus and queries in {asked}",
        }
        effect = []
        for setting, where in names.items():
            rows = here[here["setting"] == setting].sort_values("value", ascending=False)
            values = [
                f"{'BM25' if row['model'] == BM25 else row['model']} {wording.interval(row)}"
                for row in rows.to_dict("records")
            ]
            if values:
                effect.append(f"{where}, mAP is {', '.join(values)}.")
        if effect:
            found[benchmark] = Answer(effect, "")
    return found


def _baselines(rows: pd.DataFrame, contrasts: pd.DataFrame, end: pd.Series) -> str:
    """`, higher than the untrained encoder (0.015) and lower than BM25 (0.111)`. Empty without a baseline."""
    found: dict[str, list[str]] = {}
    for _, row in rows[rows["n_languages"] == 0].sort_values("sampler", ascending=False).iterrows():
        name = "the untrained encoder" if row["sampler"] == UNTRAINED else wording.label(row)
        difference = _contrast(contrasts, end, row)
        if difference is None or pd.isna(difference["p_adjusted"]):
            relation = "not tested against"
        elif not _significant(difference):
            relation = "not significantly different from"
        else:
            relation = "higher than" if difference["difference"] > 0 else "lower than"
        found.setdefault(relation, []).append(f"{name} ({row['value']:.3f})")
    texts = [f"{relation} {' and '.join(names)}" for relation, names in found.items()]
    return f", {' and '.join(texts)}" if texts else ""


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


def _significant(row: pd.Series) -> bool:
    return bool(row["p_adjusted"] < LEVEL)


def _difference(row: pd.Series, sign: int = 1) -> str:
    """`+0.047 [+0.037, +0.058]`. The value alone without an interval."""
    ends = sorted(sign * row[name] for name in ("ci_low", "ci_high"))
    low, value, high = (wording.decimal(x, sign="+") for x in (ends[0], sign * row["difference"], ends[1]))
    return value if pd.isna(ends[0]) else f"{value} [{low}, {high}]"


def _doubt(row: pd.Series) -> str:
    """`, not significant`, or the reason for a missing test. Nothing for a significant difference."""
    if pd.isna(row["p_adjusted"]):
        return f", {wording.untested(row)}"
    if _significant(row):
        return ""
    return ", not significant after adjustment" if row["p"] < LEVEL else ", not significant"


def missing(study: Study, scaling: pd.DataFrame, claims: pd.DataFrame, curves: pd.DataFrame) -> list[str]:
    """What the study does not include: samplers, controls, benchmarks, replicates, tests."""
    trained = scaling[scaling["n_languages"] > 0]
    samplers, n = set(trained["sampler"]), sorted(trained["n_languages"].unique())
    sets = {options.set or name for name, options in study.benchmarks.items()}
    controls = {kind: Spec(kind).control for kind in KINDS if kind in samplers}
    uncontrolled = {k: c.sampler for k, c in controls.items() if c and c.sampler not in samplers}
    lacking = [s for s in ("x-x-mono", "x-y", "hybrid") if s not in samplers]
    absent = [name for name in ("xquad-r", "mlqa-r", "miracl") if name not in sets]
    found = []
    if study.replicates < 4:
        found.append(
            "Confidence intervals over runs and queries. They need four replicates, the study has "
            f"{study.replicates}."
        )
    if absent:
        found.append(f"Benchmarks of the paper: {', '.join(absent)}.")
    if lacking:
        found.append(f"Samplers: {', '.join(lacking)}.")
    if uncontrolled:
        found.append(
            f"The controls {', '.join(uncontrolled.values())}. Without them an effect of n under "
            f"{' or '.join(uncontrolled)} may be a language shortcut (1/n of the negatives share the query's "
            "language) and is not interpreted."
        )
    if trained.loc[trained["sampler"] == "hybrid", "alpha"].nunique() < 3:
        found.append("Three values of alpha for hybrid.")
    if UNTRAINED not in set(scaling["sampler"]):
        found.append("The untrained encoder.")
    if not study.evaluation.bm25:
        found.append("A lexical baseline (BM25).")
    if len(n) < 6:
        numbers = f"The study has {len(n)} ({', '.join(map(str, n))})."
        found.append(f"Six numbers of training languages, for curves with a ceiling or a turn. {numbers}")
    elif len(curves) and curves[["n50", "n95"]].isna().all(axis=None):
        found.append("The number of languages for half and for 95% of the gain. Neither is identified.")
    if len(study.budgets) == 1:
        kind = next(iter(study.budgets.values())).kind
        together = "the number of languages and the training data of each language change together"
        found.append(f"Budgets other than {kind}. With one budget, {together}.")
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
