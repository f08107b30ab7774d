"""Published values beside the study's own: which can be compared, and how they agree."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd

from langscale.config.data import Benchmark
from langscale.config.model import CUT
from langscale.config.study import Study
from langscale.config.terms import ALL, BM25, UNTRAINED
from langscale.core.csv_tables import write_csv
from langscale.data import catalogue
from langscale.published.figures import MEDIAN, RANK_DISTANCE, TRAININGS, data_set, figures
from langscale.reporting import formats
from langscale.reporting.wording import Record, decimal, headline, interval, with_languages
from langscale.statistics.zero_shot import seen, zero_shot

AGREES, CLOSE, DIFFERS, NOT = "agrees", "close", "differs", "not comparable"

COLUMNS = (
    "source", "table", "benchmark", "published_model", "training", "model", "sampler", "alpha",
    "budget", "n_languages", "checkpoint", "candidate_text", "setting", "query_language", "metric",
    "published", "value", "ci_low", "ci_high", "difference", "verdict", "reason", "note",
)  # fmt: skip

# absolute for mAP, recall and nDCG, relative to the published value for rank distance
SAME, NEAR = {"share": 0.003, "rank": 0.015}, {"share": 0.02, "rank": 0.1}


def checkpoint_rule(study: Study) -> str:
    """The checkpoint to compare with the paper's: `best` if it was selected on English data, else `last`."""
    validation = study.training.validation
    return "best" if validation and validation.languages == "en" else "last"


def verdict(published: str, row: Record, metric: str, deterministic: bool) -> str:
    """Whether a row (value, ci_low, ci_high) agrees with a published value: AGREES, CLOSE or DIFFERS.

    AGREES: the published value, widened by its rounding, lies in the interval over runs and queries. The
    bound is SAME for an untrained encoder, with one ranking in every run, and the rounding without an
    interval. CLOSE: within NEAR.
    """
    kind, printed = ("rank" if metric == RANK_DISTANCE else "share"), float(published)
    unit = printed if kind == "rank" else 1.0
    rounding = 0.5 * 10.0 ** -len(published.partition(".")[2]) + 1e-9
    distance = abs(row["value"] - printed)
    if deterministic:
        agrees = distance <= max(rounding, SAME[kind] * unit)
    elif pd.isna(row["ci_low"]):
        agrees = distance <= rounding
    else:
        agrees = row["ci_low"] - rounding <= printed <= row["ci_high"] + rounding
    return AGREES if agrees else CLOSE if distance <= NEAR[kind] * unit + 1e-9 else DIFFERS


def reasons(study: Study, published: Record, row: Record, query_languages: set[str]) -> list[str]:
    """Why a row of the study cannot be compared with a published value. Empty if it can.

    query_languages: languages in which the study evaluates this benchmark.
    """
    found = list(_evaluation(study.benchmarks[row["benchmark"]], published, row, query_languages))
    model, cut = study.model_of(row["model"]), row["model"].partition(CUT)[2]
    if model is None or model.architecture or model.hub != published["model"]:
        scratch = model is not None and model.architecture
        found.append(
            f"{'encoder trained from random weights' if scratch else 'different encoder'} "
            f"(published: {published['model']})"
        )
        if model and not zero_shot(data_set(published["benchmark"]), seen(model) or ()):
            found.append("not zero-shot: the encoder was trained on this data set or a related one")
    if cut:
        found.append(f"vectors cut to {cut} dimensions")
    trained, then = row["n_languages"] > 0, published["training"] != "none"
    if trained != then:
        here, there = ("trained" if side else "untrained" for side in (trained, then))
        return [*found, f"{here} here, {there} in the publication"]
    return [*found, *_training(study, published, row)] if trained else found


def _evaluation(
    options: Benchmark, published: Record, row: Record, query_languages: set[str]
) -> Iterator[str]:
    """Differences in candidates, queries and languages."""
    if published["candidates"] not in ("", row["candidate_text"]):
        yield f"different candidate text ({row['candidate_text']}; published: {published['candidates']})"
    for name in ("every_article", "every_paragraph"):
        if part := getattr(options, name):
            yield f"fewer queries and candidates ({name}: {part})"
    if options.questions:
        yield f"fewer queries ({options.questions} per language)"
    languages = set(languages_of(published))
    if query_languages != languages and not (
        published["setting"] == "mono" and published["query_language"] != ALL
    ):
        yield f"different languages ({len(query_languages)}; published: {len(languages)})"


def _training(study: Study, published: Record, row: Record) -> Iterator[str]:
    """Differences in training data, languages, checkpoint, steps and optimiser."""
    known = TRAININGS.get(published["training"])
    if known is None:
        yield f"different training data (published: {published['training']})"
        return
    budget, options = study.budgets[row["budget"]], study.training
    sources = set(budget.sources or [name for name, source in study.sources.items() if source.train])
    if not known.sources <= sources <= known.sources | known.optional:
        yield f"different training data ({' '.join(sorted(sources))}; published: {published['training']})"
    if row["n_languages"] != published["n_languages"]:
        yield f"{row['n_languages']} training languages (published: {published['n_languages']:g})"
    elif row["n_languages"] > 1 and set(study.languages.pool) != known.pool:
        yield "different training languages"
    if known.whole_pool is False and budget.whole_pool:
        yield "only training pairs present in every language"
    if known.best_en and row["checkpoint"] != checkpoint_rule(study):
        yield "last checkpoint (published: lowest validation loss on English)"
    elif known.best_en and row["checkpoint"] == "last":
        yield "no checkpoint selected on English validation data"
    steps = budget.steps * (row["n_languages"] if budget.kind == "fixed-per-language" else 1)
    if known.steps and steps < known.steps:
        yield f"{steps:,} training steps (published: not printed, assumed {known.steps:,})"
    drawn = steps * options.batch_size
    for name in sorted(sources & known.sources):
        kept = [pairs for pairs in (budget.pairs, study.sources[name].pairs) if pairs]
        if kept and min(kept) < drawn and name == "mmarco":  # nine tenths of the data
            yield f"{name} reduced to {min(kept):,} pairs ({drawn:,} pairs drawn in training)"
    for name in ("batch_size", "learning_rate"):
        value = getattr(known, name)
        if value and value != getattr(options, name):
            yield f"{name.replace('_', ' ')} {getattr(options, name):g} (published: {value:g})"


def languages_of(published: Record) -> tuple[str, ...]:
    """The query languages of a published average: those printed in its source, else all of the benchmark."""
    return _languages(*(published[name] for name in ("source", "benchmark", "model")))


@cache
def _languages(source: str, benchmark: str, model: str) -> tuple[str, ...]:
    table = figures()
    same = (table["source"] == source) & (table["benchmark"] == benchmark) & (table["model"] == model)
    found = dict.fromkeys(table.loc[same, "query_language"])
    return tuple(code for code in found if code not in (ALL, MEDIAN)) or tuple(
        catalogue.benchmark(data_set(benchmark)).languages
    )


def own_rows(study: Study, scaling: pd.DataFrame, languages: pd.DataFrame) -> pd.DataFrame:
    """Rows of the study to compare with published values: all languages, then by query language.

    Macro averages of random language orders and of the untrained encoder. The column `set` is the data set of
    the benchmark.
    """
    by_language = languages[(languages["average"] == "macro") & (languages["status"] == ALL)]
    rows = pd.concat([headline(scaling), by_language], ignore_index=True)
    rows = rows[(rows["pair_set"] == ALL) & (rows["ladder"] == ALL) & (rows["model"] != BM25)]
    sets = {name: options.set or name for name, options in study.benchmarks.items()}
    return rows.assign(set=rows["benchmark"].map(sets))


def compare(study: Study, scaling: pd.DataFrame, languages: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """(published values with a counterpart in the study, number of values without one).

    A counterpart has the same data set, setting, query language and metric. Preferred are the same sampler,
    the published number of training languages (else the largest) and the fewest reasons against a comparison.
    All rows without a reason are kept, else one row. A figure without a comparable row is kept only if it is
    an average over all languages.
    """
    rows = own_rows(study, scaling, languages)
    query_languages = {
        name: set(part["query_language"]) - {ALL} for name, part in rows.groupby("benchmark", sort=False)
    }
    keys = ["set", "setting", "query_language", "candidate_language", "metric"]
    groups = {key: part.to_dict("records") for key, part in rows.groupby(keys, sort=False)}
    found, without = [], 0
    for published in figures().to_dict("records"):
        key = (data_set(published["benchmark"]), *(published[name] for name in keys[1:]))
        candidates = groups.get(key, []) if published["candidate_language"] == ALL else []
        judged = [
            (reasons(study, published, r, query_languages[r["benchmark"]]), r)
            for r in _same(published, candidates)
        ]
        fewest = min((len(against) for against, _ in judged), default=0)
        judged = [(against, r) for against, r in judged if len(against) == fewest][: 1 if fewest else None]
        if not judged or (fewest and published["query_language"] != ALL):
            without += 1
            continue
        found += [_row(published, r, against) for against, r in judged]
    return pd.DataFrame(found, columns=list(COLUMNS)), without


def _same(published: Record, rows: list[Record]) -> list[Record]:
    """Rows of the published sampler at its number of languages, else the largest. Else untrained rows."""
    alpha = published["alpha"]
    same = [
        r
        for r in rows
        if r["sampler"] == published["sampler"]
        and (r["alpha"] == alpha or (pd.isna(alpha) and pd.isna(r["alpha"])))
    ]
    if not same and published["sampler"]:
        same = [r for r in rows if r["sampler"] == UNTRAINED]
    return at_n(same, published["n_languages"])


def at_n(rows: list[Record], n: float) -> list[Record]:
    """Of every benchmark, model and budget the rows at n training languages, else at the largest number."""
    curves: dict[tuple[str, str, str], set[int]] = {}
    for row in rows:
        curves.setdefault(_curve(row), set()).add(row["n_languages"])
    return [r for r in rows if r["n_languages"] == (n if n in curves[_curve(r)] else max(curves[_curve(r)]))]


def _curve(row: Record) -> tuple[str, str, str]:
    return row["benchmark"], row["model"], row["budget"]


def _row(published: Record, row: Record, against: list[str]) -> dict[str, object]:
    """A row of published.csv."""
    own = {name: row[name] for name in COLUMNS if name in row}
    printed = {name: published[name] for name in ("source", "table", "training", "note")}
    deterministic = row["sampler"] == UNTRAINED and row["n_runs"] == 1
    return printed | own | {
        "published_model": published["model"],
        "published": published["value"],
        "difference": row["value"] - float(published["value"]),
        "verdict": NOT if against else verdict(published["value"], row, published["metric"], deterministic),
        "reason": "; ".join(against),
    }  # fmt: skip


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison for reading: values over all languages, the study's own with their intervals."""
    table = table[table["query_language"] == ALL]
    if table.empty:
        return pd.DataFrame({"published": ["no published value has a counterpart in this study"]})
    records = table.to_dict("records")
    numbers = _numbers(table)
    return pd.DataFrame(
        {
            "source": [f"{r['source']} {r['table']}".strip() for r in records],
            "published encoder": table["published_model"],
            "benchmark": table["benchmark"],
            "measure": table["metric"] + ", " + table["setting"],
            "published": table["published"],
            "this study": [f"{r['model']} {with_languages(r)}" for r in records],
            "value": [interval(r) for r in records],
            "difference": [decimal(r["difference"], 1 if abs(r["value"]) >= 10 else 3, "+") for r in records],
            "verdict": [
                r["verdict"] + (f" ({numbers[r['reason']]})" if r["reason"] else "") for r in records
            ],
        }
    )


def _numbers(table: pd.DataFrame) -> dict[str, int]:
    """The distinct reasons of the rows over all languages, numbered."""
    distinct = dict.fromkeys(r for r in table.loc[table["query_language"] == ALL, "reason"] if r)
    return {reason: i for i, reason in enumerate(distinct, 1)}


def closing(table: pd.DataFrame, without: int) -> list[str]:
    """The notes below the table: reasons, verdicts for single languages, number of values left out."""
    lines = [f"({number}) {reason}." for reason, number in _numbers(table).items()]
    single = table.loc[table["query_language"] != ALL, "verdict"].value_counts()
    counts = ", ".join(f"{single[name]} {name}" for name in (AGREES, CLOSE, DIFFERS) if name in single)
    if counts:
        lines.append(f"By query language (published.csv): {counts}.")
    return [
        *lines,
        f"{without:,} of {len(figures()):,} published values have no counterpart in this study.",
    ]


def write(table: pd.DataFrame, without: int, folder: str | Path) -> None:
    """Write folder/published.csv, .md and .tex."""
    write_csv(Path(folder) / "published.csv", table)
    formats.write(folder, "published", readable(table), closing(table, without), caption=True)
